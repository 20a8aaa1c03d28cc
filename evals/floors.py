"""What needs no language model: the nearest training report by TF-IDF, the medoid of the ten nearest, TextRank."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from coarse2fine.evals.layouts import Case
from coarse2fine.evals.rouge import rouge
from coarse2fine.reports import split_sentences

__all__ = ["NEAR", "Nearest", "medoid", "textrank"]

Floor = Callable[[Case], str]
NEAR = 10
"""Reports of which the medoid is taken."""
_WORD = re.compile(r"[a-z0-9]+")
_DAMPING = 0.85
_STEPS = 50


class Nearest:
    """Past reports by likeness: cosine of TF-IDF over words, tf = 1 + log(count), idf = 1 + log((1 + n) / (1 + df)).

    Args:
        cases: the past reports with their impressions.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        counts = [Counter(_words(case.report.findings)) for case in cases]
        seen = Counter(word for count in counts for word in count)
        self._cases = cases
        self._idf = {word: 1 + math.log((1 + len(cases)) / (1 + df)) for word, df in seen.items()}
        self._where: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, count in enumerate(counts):
            for word, weight in self._weights(count).items():
                self._where[word].append((place, weight))

    def impressions(self, case: Case, limit: int = NEAR) -> list[str]:
        """The impressions of the nearest reports, the nearest first; the report itself is left out.

        A report counts as itself where id and findings are the same: ids of two files may meet by chance.
        """
        likeness: defaultdict[int, float] = defaultdict(float)
        for word, weight in self._weights(Counter(_words(case.report.findings))).items():
            for place, other in self._where.get(word, ()):
                likeness[place] += weight * other
        own = (case.report.id, case.report.findings)
        ranked = sorted(likeness, key=lambda place: (-likeness[place], place))
        others = (self._cases[place] for place in ranked)
        found = [c.reference for c in others if (c.report.id, c.report.findings) != own]
        return found[:limit]

    def floors(self) -> Mapping[str, Floor]:
        """The nearest report's impression, and the medoid of the ten nearest, as floors of `eval external`."""
        return {
            "TF-IDF, nearest report": lambda case: next(iter(self.impressions(case, 1)), ""),
            f"TF-IDF, medoid of {NEAR}": lambda case: medoid(self.impressions(case)),
        }

    def _weights(self, count: Counter[str]) -> dict[str, float]:
        found = {w: (1 + math.log(n)) * self._idf[w] for w, n in count.items() if w in self._idf}
        length = math.sqrt(sum(weight * weight for weight in found.values())) or 1.0
        return {word: weight / length for word, weight in found.items()}


def medoid(texts: Sequence[str]) -> str:
    """The text that is most like the others (ROUGE-L), of equals the first; "" of none."""
    counts = Counter(texts)

    def likeness(text: str) -> float:
        return sum(times * rouge(other, text).rougeL for other, times in counts.items())

    return max(counts, key=likeness, default="")


def textrank(findings: str, sentences: int = 1) -> str:
    """The highest ranked sentences in their own order (Mihalcea and Tarau 2004): PageRank over the words they share.

    The likeness of two sentences is the words they share over the sum of the logarithms of their lengths.
    """
    texts = [sentence.text for sentence in split_sentences(findings)]
    sets = [frozenset(_words(text)) for text in texts]
    n = len(texts)
    likeness = np.array([[_shared(a, b) if i != j else 0.0 for j, b in enumerate(sets)] for i, a in enumerate(sets)])
    if n <= sentences or not likeness.any():
        return " ".join(texts[:sentences])
    degrees = likeness.sum(1, keepdims=True)
    steps = np.where(degrees > 0, likeness / np.where(degrees > 0, degrees, 1), 1 / n)
    ranks = np.full(n, 1 / n)
    for _ in range(_STEPS):
        ranks = (1 - _DAMPING) / n + _DAMPING * (ranks @ steps)
    best = sorted(range(n), key=lambda place: (-round(float(ranks[place]), 12), place))[:sentences]
    return " ".join(texts[place] for place in sorted(best))


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    size = math.log(len(one) or 1) + math.log(len(other) or 1)
    return len(one & other) / size if size > 0 else 0.0


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
