"""The run trace: our own versioned, typed record of one run (DESIGN section 8)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pydantic import BaseModel, ConfigDict

from coarse2fine.agents.calls import CallRecord, busy_seconds
from coarse2fine.graph.context import Settings
from coarse2fine.graph.state import TextRun
from coarse2fine.reports import Report

__all__ = ["RunTrace", "model_seconds", "new_trace_id", "package_version"]


class RunTrace(BaseModel):
    """What one run did: per text its rounds, per round text, diff, verdicts and omissions, per call the model.

    Args:
        version: of this record's form.
        id: of the run; sorts by time.
        created: when the run began, UTC.
        package: version of coarse2fine.
        status: "failed" where the drafter's model broke; `error` then says how.
        report: what was summarised, with its opaque id.
        settings: what it went by.
        models: which model did what.
        texts: the draft first, then one for each audience.
        review: what a person decided, "" where nobody was asked.
        wall_seconds: from the drafter's start to the last text; with a review, to the person's answer.
        model_seconds: the part of them in which at least one model call was under way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: str
    created: datetime
    package: str
    status: Literal["passed", "needs_review", "failed"]
    error: str = ""
    report: Report
    settings: Settings
    models: Mapping[str, str]
    texts: tuple[TextRun, ...]
    review: str = ""
    wall_seconds: float
    model_seconds: float

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """All model calls, by time."""
        return tuple(sorted((call for text in self.texts for call in text.calls), key=lambda call: call.started))


def new_trace_id(now: float) -> str:
    """An id for a run that began at `now`, seconds since the epoch: its time and eight random digits."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


@cache
def package_version() -> str:
    """The installed version of coarse2fine, "0" where it is not installed."""
    try:
        return version("coarse2fine")
    except PackageNotFoundError:
        return "0"


def model_seconds(texts: Iterable[TextRun]) -> float:
    """Seconds in which at least one model call of these texts was under way."""
    return round(busy_seconds(call for text in texts for call in text.calls), 4)
