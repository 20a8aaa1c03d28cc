"""Records of model calls, as traces keep them, and the time that was spent inside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Agent", "CallRecord", "busy_seconds"]

Agent = Literal["drafter", "critic", "stylist"]


class CallRecord(BaseModel):
    """One call of a model. No text: the prompt is kept as its hash.

    Args:
        agent: who called; task: "draft", "revise", "restyle" or "critique".
        model: its name; adapter: the LoRA adapter that the name asks for, "" for none.
        prompts: name of the prompt set; prompt_sha256: of the rendered messages. Both "" for NLI calls.
        questions: how many the call answered: 1 for a chat model, the number of pairs for an NLI model.
        input_tokens, output_tokens: as the model counts them; None where it does not say.
        started: seconds since the epoch.
        milliseconds: wall time of the call.
        seed: of sampling; None for greedy decoding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: Agent
    task: str
    model: str
    adapter: str = ""
    prompts: str = ""
    prompt_sha256: str = ""
    questions: int = 1
    input_tokens: int | None = None
    output_tokens: int | None = None
    started: float
    milliseconds: float
    seed: int | None = None


def busy_seconds(calls: Iterable[CallRecord]) -> float:
    """Seconds during which at least one call was under way: calls that ran side by side count once."""
    busy = end = 0.0
    for call in sorted(calls, key=lambda c: c.started):
        finished = call.started + call.milliseconds / 1000
        busy += max(0.0, finished - max(end, call.started))
        end = max(end, finished)
    return busy
