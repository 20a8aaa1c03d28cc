"""ROUGE: rouge-score's F1 to the last bit, and the paper's own forms (section 4.2, equations 1 and 4).

What rouge-score works out pair by pair is worked out here for thousands of pairs at once: each text is cut into tokens
once, n-grams are matched as sorted numbers, and the longest common subsequence is found bit-parallel (Hyyrö 2004,
"Bit-parallel LCS-length computation revisited") in place of a table. `eval bench-metrics` tells what that saves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coarse2fine.evals.metrics.base import Samples, Scores, means
from coarse2fine.reports import InputError

__all__ = ["COLUMNS", "RougeMetric", "f_lcs", "lcs_length"]

COLUMNS = ("rouge1", "rouge2", "rougeL", "rouge1_recall", "rouge2_recall", "rougeL_f")
_TOKEN = re.compile("[a-z0-9]+")
_CHUNK = 4096
_TABLES = 256
"""Pairs whose tables of equal tokens are held at once."""
_BITS = 64

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


class RougeMetric:
    """ROUGE on rouge-score's tokens (runs of a-z and 0-9 in small letters), without stemming.

    - `rouge1`, `rouge2`, `rougeL`: F1, as rouge-score gives it.
    - `rouge1_recall`, `rouge2_recall`: equation 1, n-gram recall: matches over the n-grams of the reference.
    - `rougeL_f`: equation 4 with weight `beta` on recall. At 1 it equals `rougeL`. The paper tells neither its beta nor
      which of these its one figure "ROUGE" is. It calls X, of length m, both the generated summary and the reference:
      read here is R = LCS / reference length and P = LCS / candidate length (Lin 2004), which matters only where beta
      is not 1.

    "L" is over the whole text, not by sentences. Values of a set are means over samples ("averaged over 10 reports").

    Args:
        beta: weight of recall in equation 4.

    Raises:
        InputError: `beta` is not above 0.
    """

    name = "rouge"

    def __init__(self, *, beta: float = 1.0) -> None:
        if not beta > 0:
            raise InputError(f"rouge: beta {beta:g} must be above 0")
        self.beta = beta

    def score(self, samples: Samples) -> Scores:
        """Scores; an empty candidate scores 0."""
        references, candidates = _token_ids(samples.references, samples.candidates)
        table = np.concatenate(
            [
                _score_pairs(references[start : start + _CHUNK], candidates[start : start + _CHUNK], self.beta)
                for start in range(0, len(samples), _CHUNK)
            ]
        )
        note = f"as rouge-score gives it, no stemming; rougeL_f with beta {self.beta:g}"
        return means(samples, dict(zip(COLUMNS, table.T, strict=True)), note)


def _token_ids(*lists: Sequence[str]) -> list[list[Ids]]:
    """The tokens of each text as numbers from 0; the same word has the same number in all lists."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    known: dict[str, Ids] = {}
    for text in (text for texts in lists for text in texts):
        if text not in known:
            known[text] = np.array([numbers[token] for token in _TOKEN.findall(text.lower())], np.int64)
    return [[known[text] for text in texts] for texts in lists]


def _score_pairs(references: Sequence[Ids], candidates: Sequence[Ids], beta: float) -> Floats:
    """Scores of pairs, (pairs, `COLUMNS`)."""
    words = 1 + max((int(ids.max()) for ids in (*references, *candidates) if len(ids)), default=0)
    m, n = (np.array([len(ids) for ids in texts]) for texts in (references, candidates))
    p1, r1 = _shares(_matches(references, candidates, words), n, m)
    first, second = ([ids[:-1] * words + ids[1:] for ids in texts] for texts in (references, candidates))
    p2, r2 = _shares(_matches(first, second, words * words), n - 1, m - 1)
    pl, rl = _shares(_lcs_lengths(references, candidates), n, m)
    return np.stack([f_lcs(p1, r1), f_lcs(p2, r2), f_lcs(pl, rl), r1, r2, f_lcs(pl, rl, beta)], 1)


def _shares(common: Floats, candidate: NDArray[np.int_], reference: NDArray[np.int_]) -> tuple[Floats, Floats]:
    """Precision and recall: what is common over what each has."""
    return common / np.maximum(candidate, 1), common / np.maximum(reference, 1)


def _matches(references: Sequence[Ids], candidates: Sequence[Ids], kinds: int) -> Floats:
    """n-grams that each pair has in common, each as often as it stands in both (Count_match of equation 1), (pairs,).

    Args:
        references, candidates: the n-grams of each text as numbers below `kinds`.
    """
    counted = []
    for texts in (references, candidates):
        pair = np.repeat(np.arange(len(texts)), [len(grams) for grams in texts])
        counted.append(np.unique(pair * kinds + np.concatenate(texts), return_counts=True))
    (mine, times), (theirs, other) = counted
    both, i, j = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
    return np.bincount(both // kinds, np.minimum(times[i], other[j]), len(references)).astype(np.float64)


def f_lcs(precision: ArrayLike, recall: ArrayLike, beta: float = 1.0) -> Floats:
    """Equation 4: (1 + beta²) R P / (R + beta² P), elementwise; 0 where nothing is in common."""
    p, r = np.asarray(precision, np.float64), np.asarray(recall, np.float64)
    weight = beta * beta
    total = r + weight * p
    return np.divide((1 + weight) * p * r, total, out=np.zeros_like(total), where=total > 0)


# ------------------------------------------------------------------------------------- longest common subsequences
def lcs_length(one: Sequence[object], other: Iterable[object]) -> int:
    """Length of the longest common subsequence, not necessarily contiguous.

    Bit i of `row` is 0 where the common subsequence with one[: i + 1] is longer than with one[:i].
    """
    places: defaultdict[object, int] = defaultdict(int)
    for i, token in enumerate(one):
        places[token] |= 1 << i
    full = row = (1 << len(one)) - 1
    for token in other:
        match = row & places.get(token, 0)
        row = ((row + match) | (row - match)) & full
    return len(one) - row.bit_count()


def _lcs_lengths(references: Sequence[Ids], candidates: Sequence[Ids]) -> Floats:
    """`lcs_length` of each pair, (pairs,); those that fit into machine words, many at once."""
    sides = [sorted(pair, key=len) for pair in zip(references, candidates, strict=True)]
    order = sorted(range(len(sides)), key=lambda i: len(sides[i][1]))
    lengths = np.zeros(len(sides))
    short = [i for i in order if len(sides[i][1]) <= _BITS]
    for start in range(0, len(short), _TABLES):
        chosen = short[start : start + _TABLES]
        lengths[chosen] = _lcs_words(*(_padded([sides[i][k] for i in chosen], -1 - k) for k in (0, 1)))
    for i in order[len(short) :]:
        lengths[i] = lcs_length(sides[i][0].tolist(), sides[i][1].tolist())
    return lengths


def _padded(texts: Sequence[Ids], filler: int) -> Ids:
    table = np.full((len(texts), max(map(len, texts))), filler, np.int64)
    for row, ids in enumerate(texts):
        table[row, : len(ids)] = ids
    return table


def _lcs_words(one: Ids, other: Ids) -> NDArray[np.int_]:
    """`lcs_length` of rows, one (pairs, up to 64) and other (pairs, tokens), padded with different numbers below 0.

    Bits past a text's end match nothing and stay 1, so that they are not counted.
    """
    equal = np.zeros((*other.shape, _BITS), bool)
    equal[:, :, : one.shape[1]] = other[:, :, None] == one[:, None, :]
    places = np.packbits(equal, -1, bitorder="little").view("<u8")[:, :, 0]
    row = np.full(len(one), np.iinfo(np.uint64).max, np.uint64)
    for place in places.T:
        match = row & place
        row = (row + match) | (row - match)
    lengths: NDArray[np.int_] = np.unpackbits((~row).view(np.uint8).reshape(-1, 8), axis=1).sum(1, dtype=np.int_)
    return lengths
