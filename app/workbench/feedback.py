"""Feedback as the workbench reads and writes it: what a form comes to, and what is kept of a run."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from pydantic import ValidationError

from coarse2fine.app.edits import Judged
from coarse2fine.app.service import Service
from coarse2fine.app.workbench.forms import Errors, Form, errors_of
from coarse2fine.graph import RunTrace, TextRun
from coarse2fine.graph.diff import Change, word_diff
from coarse2fine.reports import Dimensions, Feedback, Rating

__all__ = ["SEARCHED", "Kept", "Wrong", "feedback_from", "kept_feedback"]

SEARCHED = 500
"""Records of the store that are looked through, the newest."""

_DECISIONS: dict[str, tuple[str, Rating | None]] = {
    "accept": ("accepted", "neutral"),
    "reject": ("rejected", "negative"),
    "save": ("", None),
}
"""Button → the reason that is kept, and the rating where none is chosen: accepted is as good as one's own."""


class Kept(NamedTuple):
    """Feedback that is kept of a text; of an edit, its word diff and what the critic says of it."""

    feedback: Feedback
    diff: tuple[Change, ...]
    judged: Judged | None


class Wrong(Exception):
    """Feedback that cannot be kept; `errors` says what is wrong with which field."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("the feedback cannot be kept")
        self.errors = errors


async def kept_feedback(service: Service, trace: RunTrace) -> dict[str, list[Kept]]:
    """Audience → what is kept of its text in this run, oldest first; of the newest 500 records of the store."""
    newest = await asyncio.to_thread(service.feedback.list, most=SEARCHED)
    records = [record for record in newest if record.trace_id == trace.id]
    judged = await service.edits.judged(records)
    found: dict[str, list[Kept]] = {}
    for record in records:
        diff = word_diff(record.text, record.edited) if record.edited is not None else ()
        found.setdefault(record.audience, []).append(Kept(record, diff, judged.get(record.id)))
    return found


def feedback_from(form: Form, trace: RunTrace, run: TextRun) -> Feedback:
    """The record that a form comes to. A text that was left as it was shown is no edit.

    Raises:
        Wrong: a field cannot be, or nothing is said.
    """
    reason, fallback = _DECISIONS.get(form.text("decision"), _DECISIONS["save"])
    rating = form.text("rating") or None
    if reason == "rejected" and rating == "positive":
        raise Wrong({"rating": "a text that is better than one's own is not rejected: choose another, or Accept"})
    edited = form.text("edited") if "edited" in form else run.text.strip()
    said: dict[str, Any] = {
        "id": form.text("id"),
        "radiologist": trace.settings.radiologist or trace.report.radiologist or "",
        "report": trace.report,
        "audience": run.audience,
        "text": run.text,
        "draft": "" if run.audience == "draft" else trace.texts[0].text,
        "style": trace.settings.style,
        "words": trace.settings.words,
        "rating": rating or fallback,
        "dimensions": {name: form.text(name) or None for name in Dimensions.model_fields},
        "edited": None if edited == run.text.strip() else edited,
        "reasons": tuple(line for line in (reason, " ".join(form.text("comment").split())) if line),
        "trace_id": trace.id,
    }
    try:
        return Feedback.model_validate(said)
    except ValidationError as error:
        raise Wrong({name.removeprefix("dimensions."): text for name, text in errors_of(error).items()}) from None
