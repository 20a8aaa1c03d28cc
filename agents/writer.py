"""What drafter and stylists share: asking a chat model by a prompt set, within what it reads, and recording calls."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage

from coarse2fine.agents.calls import CallRecord
from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.agents.evidence import select_evidence
from coarse2fine.agents.feedback import feedback
from coarse2fine.agents.layout import halves, join_texts
from coarse2fine.agents.style_card import StyleCard
from coarse2fine.agents.style_words import is_style_words
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Coarse2FineError, ModelError, Report, UnparsableReply, split_sentences
from coarse2fine.serving import LoadedModel, model_failures

__all__ = ["AS_USUAL", "Generation", "TooLong", "Wish", "Writer", "excerpt", "joined"]


class Generation(NamedTuple):
    """A text that a model wrote, the calls it took, and what should be known about it ("drafted in 3 parts").

    Args:
        cases: keys of the past reports that stood in its prompt.
    """

    text: str
    calls: tuple[CallRecord, ...]
    notes: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


class Wish(NamedTuple):
    """How a text is wanted: `style` in the words of the prompt set (None: its default), at most `words` words."""

    style: str | None = None
    words: int | None = None


AS_USUAL = Wish()
"""No wish: the prompt set's own style, any length."""


class TooLong(ModelError):
    """A prompt is longer than the model reads."""


class Writer:
    """An agent that writes: a chat model and the prompt set it is spoken to with.

    Args:
        model: the chat model.
        prompts: its prompts.
        agent: who writes, for the record.
    """

    def __init__(self, model: LoadedModel, prompts: PromptSet, agent: Literal["drafter", "stylist"]) -> None:
        self.model, self.prompts, self.agent = model, prompts, agent
        self._warm = model.reads is None

    async def revise(
        self, report: Report, text: str, critique: Critique, audience: Audience = "draft", wish: Wish = AS_USUAL
    ) -> Generation:
        """Write `text` anew so that the critique's faults are mended; a long one is mended part by part.

        Raises:
            UnparsableReply: the model answered nothing.
            ModelError: it failed.
        """
        missing = [omission.text for omission in critique.omissions]
        try:
            return await self.ask(
                "revise",
                report,
                wish,
                about="\n".join([text, *missing]),
                text=text,
                audience=audience,
                wrong=[verdict.text for verdict in critique.faults],
                missing=missing,
                critique=feedback(critique),
            )
        except TooLong:
            parts = _parts(text, critique)
            if parts is None:
                raise
        return joined([await self._mend(report, part, audience, wish) for part in parts])

    async def _mend(self, report: Report, part: _Part, audience: Audience, wish: Wish) -> Generation:
        if not part.critique.faults and not part.critique.omissions:
            return Generation(part.text, ())
        return await self.revise(report, part.text, part.critique, audience, wish)

    async def ask(self, task: str, report: Report, wish: Wish, about: str = "", **variables: object) -> Generation:
        """Render a task's prompt, call the model once, and record it.

        Args:
            about: where the prompt is too long, the findings are cut to the sentences nearest to this text.
            variables: of the template, beside the report's own.

        Raises:
            UnparsableReply: the model answered nothing.
            TooLong: the prompt does not fit the model.
            ModelError: the model failed.
        """
        messages = self.render(task, report, wish, **variables)
        notes: tuple[str, ...] = ()
        if about and not await self.fits(messages):
            shown = excerpt(report, about)
            messages = self.render(task, shown, wish, **variables)
            notes = (
                f"the findings are long: the model saw the {len(shown.sentences())} sentences nearest to the text",
            )
        if notes and not await self.fits(messages):
            raise TooLong(f"the prompt to {task} a text is longer than the model {self.model.name} reads")
        generation = await self._call(task, messages)
        return generation._replace(notes=(*notes, *generation.notes))

    def style_of(self, card: StyleCard) -> str:
        """A radiologist's style as this prompt set asks for one: in words of the style vocabulary, or in English."""
        return card.words() if is_style_words(self.prompts.settings.style) else card.form()

    async def fits(self, messages: Sequence[BaseMessage]) -> bool:
        """Whether the model can read these messages and still answer."""
        if self._warm:
            return self.model.fits(messages)
        fits = await asyncio.to_thread(self.model.fits, messages)  # the first time it may load the model
        self._warm = True
        return fits

    def render(self, task: str, report: Report, wish: Wish, **variables: object) -> list[BaseMessage]:
        """The messages that `ask` would send."""
        settings = self.prompts.settings
        return self.prompts.render(
            task,
            exam=report.exam,
            clinical_information=report.clinical_information,
            comparison=report.comparison,
            findings=report.findings,
            style=settings.style_for(wish.style, variables.get("cases")),
            words=settings.length(wish.words),
            **variables,
        )

    async def _call(self, task: str, messages: Sequence[BaseMessage]) -> Generation:
        started, clock = time.time(), time.perf_counter()
        try:
            reply = await self.model.chat.ainvoke(list(messages))
        except Coarse2FineError:
            raise
        except model_failures() as error:
            raise ModelError(
                f"the model {self.model.name} failed to {task}: {type(error).__name__}: {error}"
            ) from error
        milliseconds = (time.perf_counter() - clock) * 1000
        text = str(reply.text).strip()
        if not text:
            raise UnparsableReply(f"the model {self.model.name} answered nothing when asked to {task}")
        cut = reply.response_metadata.get("finish_reason") == "length"
        notes = ("the answer was cut at the model's length limit",) if cut else ()
        return Generation(text, (self._record(task, messages, reply, started, milliseconds),), notes)

    def _record(
        self, task: str, messages: Sequence[BaseMessage], reply: AIMessage, started: float, milliseconds: float
    ) -> CallRecord:
        usage = reply.usage_metadata
        rendered = "\x1e".join(f"{m.type}\x1f{m.content}" for m in messages)
        return CallRecord(
            agent=self.agent,
            task=task,
            model=self.model.name,
            adapter=self.model.adapter,
            prompts=self.prompts.name,
            prompt_sha256=hashlib.sha256(rendered.encode()).hexdigest(),
            input_tokens=usage["input_tokens"] if usage else None,
            output_tokens=usage["output_tokens"] if usage else None,
            started=started,
            milliseconds=round(milliseconds, 3),
        )


def joined(made: Sequence[Generation]) -> Generation:
    """Several generations as one text."""
    calls = tuple(call for generation in made for call in generation.calls)
    notes = dict.fromkeys(note for generation in made for note in generation.notes)
    return Generation(join_texts(g.text for g in made), calls, tuple(notes))


def excerpt(report: Report, about: str) -> Report:
    """The report with its findings cut to the sentences that speak of a text, in the report's order."""
    sentences = report.sentences()
    near = {sentence for claim in split_sentences(about) for sentence in select_evidence(claim.text, sentences)}
    findings = " ".join(s.text for s in sentences if s in near)
    return report.model_copy(update={"findings": findings or report.findings})


class _Part(NamedTuple):
    text: str
    critique: Critique


def _parts(text: str, critique: Critique) -> list[_Part] | None:
    """A text cut in two with the faults of each half; what was left out is the second half's to add."""
    cut = halves(text)
    if cut is None:
        return None
    border = text.index(cut[1], len(cut[0]))
    early = tuple(v for v in critique.verdicts if v.start < border)
    late = tuple(
        v.model_copy(update={"start": v.start - border, "end": v.end - border})
        for v in critique.verdicts
        if v.start >= border
    )
    return [
        _Part(cut[0], Critique(verdicts=early)),
        _Part(cut[1], Critique(verdicts=late, omissions=critique.omissions)),
    ]
