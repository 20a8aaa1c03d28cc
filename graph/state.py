"""What flows through the loop of one text, and what it leaves: its rounds."""

from __future__ import annotations

import operator
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict

from coarse2fine.agents.calls import CallRecord
from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.agents.drafter import Hand
from coarse2fine.graph.diff import Change
from coarse2fine.reports import Report

__all__ = ["Job", "Loop", "Round", "Step", "StopReason", "TextRun"]

Step = Literal["write", "revise", "repair", "edit"]

StopReason = Literal[
    "passed", "repaired", "max_rounds", "no_change", "no_gain", "unparsable", "error", "edited", "rejected"
]
"""Why a loop ended.

- "passed", "repaired": the critic passed it, as written or after deterministic repair;
- "max_rounds", "no_change", "no_gain", "unparsable" (the model answered nothing when asked to revise): why writing
  ended; it still fails after repair;
- "error": its model broke; "edited", "rejected": by a person.
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Round(_Frozen):
    """One pass of a loop: a text, how it came about, and what the critic says of it.

    Args:
        told: the critique, line by line, that this text was written in answer to.
        diff: how its words differ from the round before.
        notes: what should be known about how it was made.
        started: when its writing began, seconds since the epoch; milliseconds: from then until it was judged. 0.0 where
            nobody noted it.
    """

    number: int
    step: Step
    text: str
    critique: Critique
    told: tuple[str, ...] = ()
    diff: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    started: float = 0.0
    milliseconds: float = 0.0


class TextRun(_Frozen):
    """All rounds of one text and why they ended. `text` is the best round's, "" only where an error left none.

    Args:
        reasons: in words, why a person must look at it; empty where it passed.
        cases: keys of the radiologist's past reports that its first prompt showed; no text of theirs.
        milliseconds: wall time of its loop.
    """

    audience: Audience
    text: str
    status: Literal["passed", "needs_review", "error"]
    stop_reason: StopReason
    rounds: tuple[Round, ...] = ()
    reasons: tuple[str, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    cases: tuple[str, ...] = ()
    milliseconds: float = 0.0

    @property
    def critique(self) -> Critique:
        """The critique of `text`."""
        matching = (r.critique for r in reversed(self.rounds) if r.text == self.text)
        return next(matching, Critique(verdicts=()))


class Job(TypedDict):
    """What a loop starts from; `draft` is the text to rewrite, for stylists; `hand` whose style, for the drafter."""

    report: Report
    audience: Audience
    draft: NotRequired[str]
    hand: NotRequired[Hand]


class Loop(TypedDict):
    """State of the write, critique, revise, repair loop that drafter and stylists share."""

    report: Report
    audience: Audience
    draft: NotRequired[str]
    hand: NotRequired[Hand]
    cases: NotRequired[tuple[str, ...]]
    text: NotRequired[str]
    step: NotRequired[Step]
    told: NotRequired[tuple[str, ...]]
    notes: NotRequired[tuple[str, ...]]
    why: NotRequired[StopReason | None]
    begun: NotRequired[float]
    rounds: Annotated[list[Round], operator.add]
    calls: Annotated[list[CallRecord], operator.add]
