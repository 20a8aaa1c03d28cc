"""How radiologists write impressions: the styles that the corpus teaches and a prompt may ask for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal, NamedTuple

__all__ = ["HELD_OUT", "STYLES", "Style", "draw_style"]


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
        habit: whose hand it is: the same habit words the same thing the same way, mostly; "" for nobody's.
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
    habit: str = ""

    def hand(self, rng: random.Random, what: str) -> random.Random:
        """Chance for one choice of words: seven times in eight the habit's own, else `rng`."""
        return random.Random(f"{self.habit}/{what}") if self.habit and rng.random() < 0.875 else rng

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
    Style("as-read", order="report", incidentals="all", keep=0.3),
    Style("negatives-last", layout="numbered", negatives="last"),
    Style("listing", layout="dashes", incidentals="all", order="report", closing=True),
)
"""The corpus's radiologists. The first is nano's default."""

HELD_OUT: Sequence[Style] = (
    Style("evaluation-1", layout="dashes", keep=0.95, negatives="first", usual=0.3),
    Style("evaluation-2", keep=0.25, order="report", negatives="last", incidentals="all"),
    Style("evaluation-3", layout="numbered", keep=0.25, negatives="first", incidentals="some", closing=True),
    Style("evaluation-4", layout="dashes", order="report", incidentals="some", closing=True, usual=0.3),
    Style("evaluation-5", keep=0.95, negatives="last", incidentals="all", closing=True),
    Style("evaluation-6", layout="numbered", keep=0.95, order="report", negatives="first", incidentals="some"),
)
"""Radiologists whom no training ever sees: those that personal style is measured on."""


def draw_style(rng: random.Random) -> Style:
    """A radiologist at random, with habits, who is none of those held out."""
    while True:
        style = Style(
            "drawn",
            layout=rng.choice(("prose", "prose", "numbered", "dashes")),
            keep=rng.choice((0.25, 0.6, 0.6, 0.95)),
            order=rng.choice(("importance", "importance", "report")),
            negatives=rng.choice(("none", "none", "first", "last")),
            incidentals=rng.choice(("drop", "some", "all")),
            usual=rng.choice((0.1, 0.5, 0.9)),
            closing=rng.random() < 0.35,
            verbatim=rng.choice((0.05, 0.05, 0.3, 0.9)),
            habit=f"{rng.getrandbits(32):08x}",
        )
        if not any(style[1:6] == held[1:6] and style.closing == held.closing for held in HELD_OUT):
            return style
