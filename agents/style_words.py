"""The vocabulary in which the embedded models are asked for a style: "numbered plain importance negatives none …".

The corpus teaches these words (`coarse2fine.training.corpus.styles.Style.words`); a test compares the two.
"""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["Detail", "Incidentals", "Layout", "Negatives", "Order", "Wording", "is_style_words", "style_words"]

Layout = Literal["prose", "numbered", "dashes"]
Detail = Literal["terse", "plain", "detailed"]
Order = Literal["importance", "report"]
Negatives = Literal["none", "first", "last"]
Incidentals = Literal["drop", "some", "all"]
Wording = Literal["usual", "varied"]

_WORDS = frozenset(
    word for kind in (Layout, Detail, Order, Negatives, Incidentals, Wording) for word in get_args(kind)
) | {"negatives", "incidentals", "closing", "verbatim"}


def style_words(
    layout: Layout = "prose",
    detail: Detail = "plain",
    order: Order = "importance",
    negatives: Negatives = "none",
    incidentals: Incidentals = "drop",
    wording: Wording = "usual",
    *,
    closing: bool = False,
    verbatim: bool = False,
) -> str:
    """The words for one style."""
    parts = [layout, detail, order, f"negatives {negatives}", f"incidentals {incidentals}", wording]
    return " ".join([*parts, *["closing"] * closing, *["verbatim"] * verbatim])


def is_style_words(style: str) -> bool:
    """Whether a style is said in this vocabulary, rather than in plain English."""
    words = style.split()
    return bool(words) and _WORDS.issuperset(words)
