"""Human review: what a person is shown when a run pauses, and what they may answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict, ValidationError

from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.graph.diff import word_diff
from coarse2fine.graph.loop import Assesses, reasons_of
from coarse2fine.graph.result import text_result
from coarse2fine.graph.state import Round, TextRun
from coarse2fine.reports import Report

__all__ = ["Decision", "apply_decision", "ask_person", "edited_run"]


class Decision(BaseModel):
    """A person's answer: the value of `Command(resume=...)`.

    Args:
        action: "accept" the texts as they are, with the status that the critic gave them; "edit" some; "reject" all.
        texts: the edited texts, by audience ("draft" for the draft).
    """

    model_config = ConfigDict(extra="forbid")

    action: Literal["accept", "edit", "reject"]
    texts: dict[Audience, str] = {}


def ask_person(report: Report, texts: Sequence[TextRun]) -> Decision:
    """Pause the run and wait for a decision; an answer that cannot be used is sent back with what is wrong with it."""
    payload: dict[str, Any] = {
        "report_id": report.id,
        "texts": {text.audience: text_result(text).model_dump(mode="json") for text in texts},
        "actions": ["accept", "edit", "reject"],
    }
    while True:
        answer = interrupt(payload)
        try:
            decision = Decision.model_validate(answer)
        except ValidationError as error:
            first = error.errors()[0]
            payload = {**payload, "error": f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}"}
            continue
        fault = _fault(decision, [text.audience for text in texts])
        if not fault:
            return decision
        payload = {**payload, "error": fault}


def _fault(decision: Decision, audiences: Sequence[Audience]) -> str:
    if decision.action != "edit":
        return "texts: only an edit brings texts" if decision.texts else ""
    unknown = [audience for audience in decision.texts if audience not in audiences]
    if unknown:
        return f"texts: this run has no text for {unknown[0]!r}; it has {', '.join(audiences)}"
    if not decision.texts or not all(text.strip() for text in decision.texts.values()):
        return "texts: an edit brings at least one text, and none that is empty"
    return ""


async def apply_decision(
    decision: Decision, report: Report, texts: Sequence[TextRun], critic: Assesses
) -> list[TextRun]:
    """The texts after a decision; an edit is critiqued like any other text."""
    if decision.action == "reject":
        return [_rejected(text) for text in texts]
    return [
        await _edited(text, decision.texts[text.audience].strip(), report, critic)
        if text.audience in decision.texts
        else text
        for text in texts
    ]


def _rejected(text: TextRun) -> TextRun:
    reasons = (*text.reasons, "a person rejected it")
    return text.model_copy(update={"status": "needs_review", "stop_reason": "rejected", "reasons": reasons})


async def _edited(run: TextRun, text: str, report: Report, critic: Assesses) -> TextRun:
    made = await critic.assess(report, text, run.audience)
    return edited_run(run, text, made.critique).model_copy(update={"calls": (*run.calls, *made.calls)})


def edited_run(run: TextRun, text: str, critique: Critique) -> TextRun:
    """What a person made of a text, with what the critic says of that as one more round."""
    number = len(run.rounds) + 1
    edit = Round(number=number, step="edit", text=text, critique=critique, diff=word_diff(run.text, text))
    passed = critique.passed and not critique.warnings
    return run.model_copy(
        update={
            "text": text,
            "status": "passed" if passed else "needs_review",
            "stop_reason": "edited",
            "rounds": (*run.rounds, edit),
            "reasons": () if passed else reasons_of(critique),
        }
    )
