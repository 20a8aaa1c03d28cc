"""What drafter and stylists share: asking a chat model by a prompt set and recording the call."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage
from pydantic import BaseModel, ConfigDict

from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Report, UnparsableReply
from coarse2fine.serving import LoadedModel

__all__ = ["CallRecord", "Generation", "Wish", "Writer"]


class CallRecord(BaseModel):
    """One call of a model, as traces keep it. No text: the prompt is kept as its hash.

    Args:
        agent: "drafter", "critic" or "stylist"; task: "draft", "revise", "restyle" or "critique".
        prompt_sha256: of the rendered messages; "" for NLI calls.
        input_tokens, output_tokens: as the model counts them; None where it does not say.
        milliseconds: wall time of the call.
    """

    model_config = ConfigDict(frozen=True)

    agent: Literal["drafter", "critic", "stylist"]
    task: str
    model: str
    prompts: str = ""
    prompt_sha256: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    milliseconds: float
    seed: int | None = None


class Generation(NamedTuple):
    """A text that a model wrote, the calls it took, and what should be known about it ("drafted in 3 parts")."""

    text: str
    calls: tuple[CallRecord, ...]
    notes: tuple[str, ...] = ()


class Wish(NamedTuple):
    """How a text is wanted: `style` in the words of the prompt set (None: its default), at most `words` words."""

    style: str | None = None
    words: int | None = None


class Writer:
    """An agent that writes: a chat model and the prompt set it is spoken to with.

    Args:
        model: the chat model.
        prompts: its prompts.
        agent: who writes, for the record.
    """

    def __init__(self, model: LoadedModel, prompts: PromptSet, agent: Literal["drafter", "stylist"]) -> None:
        self.model, self.prompts, self.agent = model, prompts, agent

    async def revise(
        self, report: Report, text: str, critique: Critique, audience: Audience = "draft", wish: Wish = Wish()
    ) -> Generation:
        """Write `text` anew so that the critique's faults are mended.

        Raises:
            UnparsableReply: the model answered nothing.
        """
        return await self.ask(
            "revise",
            report,
            wish,
            text=text,
            audience=audience,
            wrong=[verdict.text for verdict in critique.faults],
            reasons=["; ".join(verdict.reasons) for verdict in critique.faults],
            missing=[omission.text for omission in critique.omissions],
        )

    async def ask(self, task: str, report: Report, wish: Wish, **variables: object) -> Generation:
        """Render a task's prompt, call the model once, and record it.

        Raises:
            UnparsableReply: the model answered nothing.
        """
        messages = self.render(task, report, wish, **variables)
        started = time.perf_counter()
        reply = await self.model.chat.ainvoke(messages)
        spent = (time.perf_counter() - started) * 1000
        return Generation(self._text(reply, task), (self._record(task, messages, reply, spent),))

    def render(self, task: str, report: Report, wish: Wish, **variables: object) -> list[BaseMessage]:
        """The messages that `ask` would send."""
        settings = self.prompts.settings
        return self.prompts.render(
            task,
            exam=report.exam,
            clinical_information=report.clinical_information,
            comparison=report.comparison,
            findings=report.findings,
            style=wish.style or settings.style,
            words=settings.length(wish.words),
            **variables,
        )

    def _text(self, reply: AIMessage, task: str) -> str:
        text = str(reply.text).strip()
        if not text:
            raise UnparsableReply(f"the model {self.model.name} answered nothing when asked to {task}")
        return text

    def _record(self, task: str, messages: Sequence[BaseMessage], reply: AIMessage, spent: float) -> CallRecord:
        usage = reply.usage_metadata
        rendered = "\x1e".join(f"{m.type}\x1f{m.content}" for m in messages)
        return CallRecord(
            agent=self.agent,
            task=task,
            model=self.model.name,
            prompts=self.prompts.name,
            prompt_sha256=hashlib.sha256(rendered.encode()).hexdigest(),
            input_tokens=usage["input_tokens"] if usage else None,
            output_tokens=usage["output_tokens"] if usage else None,
            milliseconds=round(spent, 3),
        )
