"""What flows through a whole run: the state of the outer graph, and what goes in and comes out."""

from __future__ import annotations

import operator
from typing import Annotated, NotRequired, TypedDict

from coarse2fine.graph.context import Settings
from coarse2fine.graph.result import Result
from coarse2fine.graph.state import Job, TextRun
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.reports import Report

__all__ = ["RunInput", "RunOutput", "RunState", "StylistJob"]


class RunInput(TypedDict):
    """What a run starts from."""

    report: Report


class RunState(TypedDict):
    """State of a run: `started` in epoch seconds, `review` what a person decided, "" where nobody was asked."""

    report: Report
    settings: NotRequired[Settings]
    started: NotRequired[float]
    draft: NotRequired[TextRun]
    texts: Annotated[list[TextRun], operator.add]
    review: NotRequired[str]
    result: NotRequired[Result]
    trace: NotRequired[RunTrace]


class RunOutput(TypedDict):
    """What a run ends with."""

    result: Result
    trace: RunTrace


class StylistJob(TypedDict):
    """What one stylist node starts from."""

    job: Job
    settings: Settings
