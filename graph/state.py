"""What flows through the graph: the loop of one text, and the whole run."""

from __future__ import annotations

import operator
from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict

from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.agents.writer import CallRecord
from coarse2fine.reports import Report

__all__ = ["Done", "Loop", "Round", "RunInput", "RunOutput", "RunState", "StopReason", "TextRun"]

StopReason = Literal["passed", "repaired", "max_rounds", "no_change", "no_gain", "error", "rejected"]
"""Why a loop ended. "repaired": it passes after deterministic repair; the middle three: it still fails after that."""


class Round(BaseModel):
    """One pass of a loop: a text, how it came about, and what the critic says of it."""

    model_config = ConfigDict(frozen=True)

    number: int
    step: Literal["write", "revise", "repair", "edit"]
    text: str
    critique: Critique
    notes: tuple[str, ...] = ()


class TextRun(BaseModel):
    """All rounds of one text and why they ended. `text` is the best round's, "" only where an error left none."""

    model_config = ConfigDict(frozen=True)

    audience: Audience
    text: str
    status: Literal["passed", "needs_review", "error"]
    stop_reason: StopReason
    rounds: tuple[Round, ...] = ()
    reasons: tuple[str, ...] = ()
    calls: tuple[CallRecord, ...] = ()


class Loop(TypedDict, total=False):
    """State of the write, critique, revise, repair loop that drafter and stylists share."""

    report: Report
    audience: Audience
    draft: str
    text: str
    step: Literal["write", "revise", "repair"]
    notes: tuple[str, ...]
    rounds: Annotated[list[Round], operator.add]
    calls: Annotated[list[CallRecord], operator.add]
    why: StopReason


class Done(TypedDict):
    """What a loop hands back."""

    run: TextRun


class RunInput(TypedDict):
    """What a run starts from."""

    report: Report


class RunState(TypedDict, total=False):
    """State of a whole run."""

    report: Report
    draft: TextRun
    texts: Annotated[list[TextRun], operator.add]
    result: object
    trace: object


class RunOutput(TypedDict):
    """What a run ends with: a `Result` and its `RunTrace`."""

    result: object
    trace: object
