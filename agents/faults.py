"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

from coarse2fine.agents.source import Claim, Placed, Source
from coarse2fine.reports import Sentence

__all__ = ["Check", "Fault", "listed", "sentences_of"]


class Fault(NamedTuple):
    """What a check found wrong with a claim.

    Args:
        label: "contradicted" where the findings say otherwise, "unsupported" where they do not say it.
        reason: in words; evidence: the sentences of the findings that show it.
    """

    check: str
    label: Literal["contradicted", "unsupported"]
    reason: str
    evidence: tuple[Sentence, ...] = ()


class Check(Protocol):
    """A deterministic check."""

    @property
    def name(self) -> str:
        """What it is called in reasons and settings."""
        ...

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The fault of a claim; None where there is none, or none that can be told."""
        ...


def sentences_of(placed: Iterable[Placed], most: int = 3) -> tuple[Sentence, ...]:
    """The first sentences of what is placed, each once."""
    return tuple(dict.fromkeys(p.sentence for p in placed))[:most]


def listed(values: Iterable[object]) -> str:
    """Values in words: "left and right"."""
    return " and ".join(sorted(str(v) for v in values))
