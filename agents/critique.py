"""What a critic says: verdicts on claims, omissions, and both together as a critique."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Audience", "Critique", "Evidence", "Label", "Layer", "Omission", "Significance", "Verdict"]

Audience = Literal["draft", "brief", "bullet", "comprehensive"]
"""Whom a text is for; "draft" is the drafter's own text, before any audience."""

Label = Literal["supported", "contradicted", "unsupported", "undecided"]
"""A claim's label. "undecided": a judge's answer could not be parsed: a failure with a name, never a score."""

Layer = Literal["verbatim", "check", "nli", "judge"]
"""Which layer decided: the words stand in the findings; a deterministic check; the NLI model; a chat model as judge."""

Significance = Literal["critical", "significant", "incidental"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(_Frozen):
    """A span of `Report.findings`: `findings[start:end] == text`."""

    start: int
    end: int
    text: str


class Verdict(_Frozen):
    """A verdict on one claim, `text == candidate[start:end]` of the text that was critiqued.

    Args:
        score: probability in [0, 1] that the evidence proves the claim; None where a check decided.
        threshold: what `score` had to reach; None where a check decided.
        layer: which layer decided; reasons: in words, one a fault; empty when supported.
        evidence: the spans that were weighed, nearest first.
    """

    text: str
    start: int
    end: int
    label: Label
    layer: Layer
    score: float | None = None
    threshold: float | None = None
    evidence: tuple[Evidence, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the claim is supported."""
        return self.label == "supported"


class Omission(_Frozen):
    """A finding that the text does not address; a span of `Report.findings`."""

    text: str
    start: int
    end: int
    significance: Significance
    reason: str = ""


class Critique(_Frozen):
    """All verdicts and omissions of one text.

    Args:
        warnings: what is wrong with the report itself (it contradicts itself, it is not English): a text that rests on
            it needs a person, however well it is supported.
    """

    verdicts: tuple[Verdict, ...]
    omissions: tuple[Omission, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Every claim is supported and nothing that matters is left out."""
        return bool(self.verdicts) and all(v.passed for v in self.verdicts) and not self.omissions

    @property
    def faults(self) -> tuple[Verdict, ...]:
        """The verdicts that did not pass."""
        return tuple(v for v in self.verdicts if not v.passed)

    @property
    def badness(self) -> tuple[int, int]:
        """For comparing rounds: (failed claims + omissions, contradicted claims); smaller is better."""
        contradicted = sum(v.label == "contradicted" for v in self.verdicts)
        return len(self.faults) + len(self.omissions) + (not self.verdicts), contradicted
