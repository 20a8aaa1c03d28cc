"""BLEU: sacrebleu's, and the paper's own form (section 4.2, equations 5 and 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coarse2fine.evals.metrics.base import Samples, Scores, column
from coarse2fine.evals.statistics import Statistic
from coarse2fine.reports import InputError, MissingExtra

__all__ = ["BleuMetric", "bleu_of", "brevity_penalty", "corpus_bleu"]

ORDER = 4
"""The longest n-grams."""

Floats = NDArray[np.float64]


class BleuMetric:
    """BLEU from 0 to 1 (sacrebleu's figures over 100).

    - `bleu`: sacrebleu's corpus BLEU, over the n-grams of all samples together, signature in the note. Its value of one
      sample is sentence BLEU.
    - `bleu_sentence`: the mean of sacrebleu's sentence BLEU (smoothed, without orders that a short text cannot have).
    - `bleu_paper`: equations 5 and 6, the mean over samples as the paper's tables have it.

    Where they differ. Equation 6 weighs orders by w_m and smooths nothing: a text that shares no run of four words with
    its reference, or is shorter than four words, scores 0, where sacrebleu's sentence BLEU does not; so a mean over
    short texts lies below corpus BLEU. Equation 5's penalty is sacrebleu's.
    The paper says that p_m "is the same Equation 1 using generated summary n-grams". Equation 1 divides by the n-grams
    of the reference (recall); read here, as in Papineni et al. 2002, is division by those of the candidate (precision).
    Tokens are those of mteval-v13a, in the texts' own case, for all three.

    Args:
        weights: w_1 to w_M of `bleu_paper`, positive, summing to one; the paper tells none, these are Papineni's.

    Raises:
        InputError: there are not one to four weights, one is not positive, or they do not sum to one.
    """

    name = "bleu"

    def __init__(self, *, weights: Sequence[float] = (0.25,) * ORDER) -> None:
        if not 1 <= len(weights) <= ORDER or min(weights) <= 0 or not math.isclose(sum(weights), 1.0):
            raise InputError(f"bleu: weights {tuple(weights)} must be 1 to {ORDER} positive numbers that sum to 1")
        self.weights = tuple(weights)

    def score(self, samples: Samples) -> Scores:
        """Scores; an empty candidate scores 0."""
        corpus, sentence = _bleu(False), _bleu(True)
        found = [sentence.sentence_score(c, [r]) for c, r in zip(samples.candidates, samples.references, strict=True)]
        rows = np.array([[*f.counts, *f.totals, f.sys_len, f.ref_len] for f in found], np.float64)
        sentences = np.array([f.score / 100 for f in found])
        columns = {
            "bleu": column(sentences, Statistic(rows, corpus_bleu)),
            "bleu_sentence": column(sentences),
            "bleu_paper": column([self._paper(f.counts, f.totals, f.sys_len, f.ref_len) for f in found]),
        }
        corpus.corpus_score([""], [[""]])  # only now does its signature tell the number of references
        return Scores(samples, columns, f"sacrebleu {corpus.get_signature()}, over 100")

    def _paper(self, counts: Sequence[int], totals: Sequence[int], candidate: int, reference: int) -> float:
        precisions = [c / t if t else 0.0 for c, t in zip(counts, totals, strict=True)]
        return bleu_of(precisions[: len(self.weights)], self.weights, candidate, reference)


def _bleu(effective_order: bool) -> Any:
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise MissingExtra("BLEU needs the package sacrebleu: pip install 'coarse2fine[evals]'") from error
    return BLEU(effective_order=effective_order, force=True)


def brevity_penalty(candidate: float, reference: float) -> float:
    """Equation 5, of lengths in tokens: 1 where the candidate is longer, else exp(1 - r / c); 0 for an empty one."""
    if candidate > reference:
        return 1.0
    return math.exp(1 - reference / candidate) if candidate else 0.0


def bleu_of(precisions: Sequence[float], weights: Sequence[float], candidate: float, reference: float) -> float:
    """Equation 6: the brevity penalty times the geometric mean of n-gram precisions; 0 where one of them is 0."""
    if min(precisions) <= 0:
        return 0.0
    logs = sum(w * math.log(p) for w, p in zip(weights, precisions, strict=True))
    return brevity_penalty(candidate, reference) * math.exp(logs)


def corpus_bleu(sums: Floats) -> Floats:
    """sacrebleu's corpus BLEU, smoothing "exp", of many sets at once.

    Args:
        sums: of each set, (sets, 10): matching n-grams of order 1 to 4, all n-grams of the candidates, tokens of the
            candidates and of the references.

    Returns:
        From 0 to 1, (sets,).
    """
    matched, totals = sums[:, :ORDER], sums[:, ORDER : 2 * ORDER]
    mine, theirs = sums[:, -2], sums[:, -1]
    missed = (matched == 0) & (totals > 0)
    halvings = np.where(missed, np.cumsum(missed, 1), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(missed, 0.5**halvings, matched) / totals)
        penalty = np.where(mine < theirs, np.exp(1 - theirs / mine), 1.0)
        scores = penalty * np.exp(logs.mean(1))
    return np.where((matched.sum(1) > 0) & (totals > 0).all(1), scores, 0.0)
