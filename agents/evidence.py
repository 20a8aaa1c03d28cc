"""Finds the sentences of the findings that speak of a claim: rare shared word stems count most."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from coarse2fine.reports import Sentence

__all__ = ["select_evidence", "stems"]

_FUNCTION_WORDS = (
    "a an the of in on at to is are was were be been and or with without no not there this that it its for from by as "
    "seen noted identified demonstrated present evident appreciated evidence within which has have had may could"
)
_STOP = frozenset(_FUNCTION_WORDS.split())
_ENDINGS = (
    "ically", "ation", "ities", "ized", "ing", "ity", "ies", "ous", "ally", "ial", "ic", "al", "ly", "es", "ed", "s",
    "y",
)  # fmt: skip


@lru_cache(maxsize=4_096)
def stems(text: str) -> tuple[str, ...]:
    """Lower-case content words and figures, cut to a crude stem, so that "opacities" meets "opacity"."""
    words = re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.lower())
    return tuple(_stem(word) for word in words if word not in _STOP)


def _stem(word: str) -> str:
    if word.isdigit() or len(word) < 5:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def select_evidence(claim: str, sentences: Sequence[Sentence], most: int = 3) -> list[Sentence]:
    """The sentences nearest to a claim, best first; the first ones of the report where none shares a word.

    Args:
        claim: one sentence of an impression.
        sentences: the findings.
        most: how many at most.
    """
    stemmed = [Counter(stems(s.text)) for s in sentences]
    seen = Counter(stem for words in stemmed for stem in words)
    wanted = set(stems(claim))

    def weight(stem: str) -> float:
        return math.log(1 + len(sentences) / seen[stem]) if seen[stem] else 0.0

    scores = [sum(weight(w) for w in wanted & set(words)) / (1 + 0.01 * sum(words.values())) for words in stemmed]
    order = sorted(range(len(sentences)), key=lambda i: (-scores[i], i))
    best = [i for i in order if scores[i] > 0][:most] or order[:most]
    return [sentences[i] for i in best]
