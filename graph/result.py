"""What a run hands back: the texts, each sentence with its evidence (DESIGN section 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from coarse2fine.agents.critique import Audience, Critique, Evidence, Label, Omission, Significance, Verdict
from coarse2fine.graph.state import StopReason, TextRun

__all__ = ["ClaimResult", "OmissionResult", "Result", "TextResult", "status_of", "text_result"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimResult(_Frozen):
    """One sentence of a text.

    Args:
        score: probability in [0, 1] that the findings prove it; None where a deterministic check decided.
        evidence: the span of `Report.findings` that was weighed first.
        reasons: what is wrong with it, in words.
    """

    text: str
    label: Label
    score: float | None
    evidence: Evidence | None
    reasons: tuple[str, ...]


class OmissionResult(_Frozen):
    """A finding that a text does not address: a span of `Report.findings`."""

    text: str
    start: int
    end: int
    significance: Significance


class TextResult(_Frozen):
    """One text, sentence by sentence.

    Args:
        rounds: texts that its loop went through, repairs included.
        reasons: why a person must look at it; empty where it passed.
    """

    text: str
    status: Literal["passed", "needs_review", "error"]
    rounds: int
    stop_reason: StopReason
    claims: tuple[ClaimResult, ...]
    omissions: tuple[OmissionResult, ...]
    reasons: tuple[str, ...]


class Result(_Frozen):
    """What one report came to.

    Args:
        id: the report's.
        status: "passed" when the draft and every impression passed.
        impressions: by audience, in the order asked for.
        trace_id: of the run trace.
        models: which model did what: "drafter", "stylist", "critic".
        seconds: wall time.
        warnings: what went wrong beside the texts (the trace could not be stored).
    """

    id: str
    status: Literal["passed", "needs_review"]
    draft: TextResult
    impressions: Mapping[Audience, TextResult]
    trace_id: str
    models: Mapping[str, str]
    seconds: float
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that `coarse2fine impress --json` prints."""
        return self.model_dump(mode="json")


def status_of(texts: Sequence[TextRun]) -> Literal["passed", "needs_review"]:
    """The status of a run: passed only when each of its texts is."""
    return "passed" if all(text.status == "passed" for text in texts) else "needs_review"


def text_result(run: TextRun) -> TextResult:
    """The last word on one text."""
    critique: Critique = run.critique
    return TextResult(
        text=run.text,
        status=run.status,
        rounds=len(run.rounds),
        stop_reason=run.stop_reason,
        claims=tuple(_claim(verdict) for verdict in critique.verdicts),
        omissions=tuple(_omission(omission) for omission in critique.omissions),
        reasons=run.reasons,
    )


def _claim(verdict: Verdict) -> ClaimResult:
    return ClaimResult(
        text=verdict.text,
        label=verdict.label,
        score=None if verdict.score is None else round(verdict.score, 4),
        evidence=verdict.evidence[0] if verdict.evidence else None,
        reasons=verdict.reasons,
    )


def _omission(omission: Omission) -> OmissionResult:
    return OmissionResult(
        text=omission.text, start=omission.start, end=omission.end, significance=omission.significance
    )
