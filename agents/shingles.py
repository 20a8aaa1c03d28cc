"""Words and pairs of neighbouring words of a text: what lexical search goes by."""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = ["shingles", "words_of"]

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Lower-case words and figures."""
    return [word for found in _WORD.findall(text.lower()) if (word := found.strip("_"))]


def shingles(text: str) -> list[str]:
    """Lower-case words, then pairs of neighbours ("no_pneumothorax"), each as often as it occurs.

    On chest radiographs the impressions of the cases nearest by words and pairs are nearer to the radiologist's own
    than by words alone (docs/lab-notes.md).
    """
    words = words_of(text)
    return [*words, *(f"{first}_{second}" for first, second in pairwise(words))]
