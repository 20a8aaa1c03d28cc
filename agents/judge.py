"""A chat model as judge: an alternative to the NLI model for claims that the checks cannot decide."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from pydantic import BaseModel, ConfigDict, ValidationError

from coarse2fine.prompts import PromptSet, prompt_set
from coarse2fine.reports import UnparsableReply
from coarse2fine.serving import Pair

__all__ = ["ChatJudge", "Judgement"]


class Judgement(NamedTuple):
    """A judge's answer; "undecided" where its reply could not be read, and then `reason` names the failure."""

    label: Literal["supported", "contradicted", "unsupported", "undecided"]
    reason: str


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, title="judgement")

    label: Literal["supported", "contradicted", "unsupported"]
    reason: str = ""


@runtime_checkable
class _Structured(Protocol):
    """A chat model whose server can hold replies to a form, such as `serving.vllm_chat.VLLMChat`."""

    def held_to(self, form: type[BaseModel]) -> Runnable[LanguageModelInput, AIMessage]: ...


class ChatJudge:
    """Asks a chat model whether evidence proves a claim; a model of a vLLM server is held to the form of the answer.

    Args:
        model: any chat model; temperature 0 is the caller's choice.
        prompts: a prompt set with the task "judge" (variables `evidence` and `claim`).
    """

    def __init__(self, model: BaseChatModel, prompts: PromptSet | None = None) -> None:
        self.model, self.prompts = model, prompts or prompt_set("default")

    def judge(self, pairs: Sequence[Pair]) -> list[Judgement]:
        """Judgements in the order of `pairs`; the questions are asked in one batch."""
        if not pairs:
            return []
        questions = [self.prompts.render("judge", evidence=p.premise, claim=p.hypothesis) for p in pairs]
        model = self.model.held_to(_Reply) if isinstance(self.model, _Structured) else self.model
        return [_judgement(str(reply.text)) for reply in model.batch(list(questions))]


def _judgement(text: str) -> Judgement:
    try:
        reply = _parse(text)
    except UnparsableReply as error:
        return Judgement("undecided", f"UnparsableReply: {error}")
    return Judgement(reply.label, reply.reason)


def _parse(text: str) -> _Reply:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise UnparsableReply("the judge's reply holds no JSON object")
    try:
        return _Reply.model_validate(json.loads(text[start : end + 1]))
    except (json.JSONDecodeError, ValidationError) as error:
        raise UnparsableReply(f"the judge's reply is not of the form asked for: {type(error).__name__}") from error
