"""ROUGE-1, -2 and -L F1 (package rouge-score), and the floors that every drafter has to beat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from coarse2fine.reports import MissingExtra, split_sentences

__all__ = ["CONSTANT", "Rouge", "lead", "mean_rouge", "rouge"]

CONSTANT = "No acute cardiopulmonary abnormality."
"""The constant-string floor: the commonest chest impression."""


class Rouge(NamedTuple):
    """F1 in percent."""

    rouge1: float
    rouge2: float
    rougeL: float


@cache
def _scorer() -> Any:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise MissingExtra("ROUGE needs the package rouge-score: pip install 'coarse2fine[evals]'") from error
    return RougeScorer(list(Rouge._fields), use_stemmer=False)


def rouge(reference: str, text: str) -> Rouge:
    """ROUGE of one text against one reference, without stemming; "ROUGE-L" is over the whole text, not by sentences.

    Raises:
        MissingExtra: rouge-score is not installed.
    """
    scores = _scorer().score(reference, text)
    return Rouge(*(100 * scores[name].fmeasure for name in Rouge._fields))


def mean_rouge(scores: Iterable[Rouge]) -> Rouge | None:
    """The mean over rows; None over none."""
    rows: Sequence[Rouge] = list(scores)
    return Rouge(*(sum(column) / len(rows) for column in zip(*rows, strict=True))) if rows else None


def lead(findings: str, sentences: int) -> str:
    """The lead floor: the first sentences of the findings."""
    return " ".join(sentence.text for sentence in split_sentences(findings)[:sentences])
