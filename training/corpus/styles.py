"""How radiologists write impressions: the styles that the corpus teaches and a prompt may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

__all__ = ["STYLES", "Style"]


class Style(NamedTuple):
    """One radiologist's way of writing.

    Args:
        name: used in reports of figures only; prompts carry `words`.
        layout: prose in one paragraph, a numbered list, or dashes.
        keep: probability that a detail beyond side and level is kept (terse 0.3, plain 0.6, detailed 0.95).
        order: most important first, or as the findings have it.
        negatives: where pertinent negatives stand.
        incidentals: what becomes of findings that matter little.
        usual: probability of the field's most usual wording.
        closing: whether "otherwise normal" closes it.
        verbatim: probability that a findings sentence is taken over as it stands.
    """

    name: str
    layout: Literal["prose", "numbered", "dashes"] = "prose"
    keep: float = 0.6
    order: Literal["importance", "report"] = "importance"
    negatives: Literal["none", "first", "last"] = "none"
    incidentals: Literal["drop", "some", "all"] = "drop"
    usual: float = 0.9
    closing: bool = False
    verbatim: float = 0.1

    def words(self) -> str:
        """The words by which a prompt asks for this style."""
        detail = "terse" if self.keep < 0.5 else "plain" if self.keep < 0.8 else "detailed"
        parts = [self.layout, detail, self.order, f"negatives {self.negatives}", f"incidentals {self.incidentals}"]
        parts += ["usual" if self.usual > 0.5 else "varied"] + ["closing"] * self.closing
        parts += ["verbatim"] * (self.verbatim > 0.5)
        return " ".join(parts)


STYLES: Sequence[Style] = (
    Style("plain"),
    Style("terse", keep=0.25),
    Style("numbered", layout="numbered", incidentals="some"),
    Style("thorough", layout="numbered", keep=0.95, negatives="last", incidentals="all", order="report"),
    Style("negatives-first", negatives="first", keep=0.6),
    Style("prose", keep=0.95, incidentals="some", closing=True, usual=0.3),
    Style("dashes", layout="dashes", keep=0.25, incidentals="some"),
    Style("quoting", verbatim=0.9, keep=0.95, order="report", incidentals="some"),
    Style("closing", layout="numbered", closing=True),
    Style("individual", usual=0.1),
)
"""The corpus's radiologists. The first is nano's default."""
