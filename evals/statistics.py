"""Is a difference real? Bootstrap intervals, paired tests between two systems, and Holm's correction for many tests.

All resampling is seeded and vectorised: a resample is a row of counts (how often each sample was drawn), so that all
figures of a table share one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coarse2fine.reports import InputError

__all__ = [
    "RESAMPLES",
    "SEED",
    "Difference",
    "Interval",
    "Statistic",
    "apart",
    "compare",
    "holm",
    "intervals",
    "mean_of",
    "ratio",
]

RESAMPLES = 10_000
SEED = 20260101
_CELLS = 4_000_000
"""Cells of a resampling matrix that are held at once (32 MB)."""

Floats = NDArray[np.float64]


class Statistic(NamedTuple):
    """A figure of a whole set that can be worked out from sums over its samples.

    Args:
        rows: what each sample adds, (samples, terms).
        pool: sums (sets, terms) → the figure of each set, (sets,).
    """

    rows: Floats
    pool: Callable[[Floats], Floats]

    def value(self) -> float:
        """The figure of the samples as they are."""
        return float(self.pool(self.rows.sum(0, keepdims=True))[0])


class Interval(NamedTuple):
    """A figure and its percentile bootstrap interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """First system less second: the figure, its paired bootstrap interval, and a two-sided p value."""

    value: float
    low: float
    high: float
    p: float


def ratio(sums: Floats) -> Floats:
    """First over second of two sums; 1 where the second is 0."""
    return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1e-12), 1.0)


def mean_of(values: ArrayLike) -> Statistic:
    """The mean of one value a sample, values (samples,)."""
    column = np.asarray(values, np.float64)
    return Statistic(np.stack([column, np.ones_like(column)], 1), ratio)


def intervals(
    statistics: Sequence[Statistic], *, resamples: int = RESAMPLES, confidence: float = 0.95, seed: int = SEED
) -> list[Interval]:
    """Percentile bootstrap intervals (Efron and Tibshirani 1993, chapter 13) of figures over the same samples.

    Raises:
        InputError: see `compare`.
    """
    cuts = _cuts(resamples, confidence)
    found = _figures(_draws(_samples(statistics), resamples, seed), statistics)
    return [
        Interval(statistic.value(), *_quantiles(drawn, cuts))
        for statistic, drawn in zip(statistics, found, strict=True)
    ]


def compare(
    first: Sequence[Statistic],
    second: Sequence[Statistic],
    *,
    test: Literal["randomisation", "bootstrap"] = "randomisation",
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = SEED,
) -> list[Difference]:
    """Differences between two systems on the same samples, figure by figure.

    Intervals come from the paired bootstrap (Koehn 2004): both systems are resampled together. p values come from
    approximate randomisation (Noreen 1989; each sample's two outputs change sides with probability 1/2), or from the
    same bootstrap, its differences shifted so that there is none (Efron and Tibshirani 1993, chapter 16).
    p = (1 + resamples at least as extreme) / (1 + resamples) is never zero.

    Args:
        first, second: the same figures of both systems in the same order.

    Raises:
        InputError: samples or figures differ in number, there is no sample, or `resamples` or `confidence` makes no
            sense.
    """
    if len(first) != len(second):
        raise InputError(f"the systems have different figures: {len(first)} and {len(second)}")
    n = _samples([*first, *second])
    cuts = _cuts(resamples, confidence)
    drawn = _figures(_draws(n, resamples, seed), [*first, *second])
    swapped = _swapped(first, second, resamples, seed + 1) if test == "randomisation" else None
    found = []
    for i, (one, other) in enumerate(zip(first, second, strict=True)):
        value = one.value() - other.value()
        gaps = drawn[i] - drawn[len(first) + i]
        null = gaps - value if swapped is None else swapped[i]
        found.append(Difference(value, *_quantiles(gaps, cuts), _p_value(null, value)))
    return found


def apart(
    first: Sequence[Statistic],
    second: Sequence[Statistic],
    *,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = SEED,
) -> list[Interval]:
    """Figures over one set less the same figures over a set of other samples; each set is resampled by itself.

    Raises:
        InputError: figures differ in number, a set has no sample, or `resamples` or `confidence` makes no sense.
    """
    if len(first) != len(second):
        raise InputError(f"the sets have different figures: {len(first)} and {len(second)}")
    cuts = _cuts(resamples, confidence)
    drawn, other = (
        _figures(_draws(_samples(figures), resamples, seed + place), figures)
        for place, figures in enumerate((first, second))
    )
    return [
        Interval(one.value() - two.value(), *_quantiles(mine - theirs, cuts))
        for one, two, mine, theirs in zip(first, second, drawn, other, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for all of these tests together (Holm 1979), in the same order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


# ------------------------------------------------------------------------------------------------------- resampling
def _samples(statistics: Sequence[Statistic]) -> int:
    sizes = {len(statistic.rows) for statistic in statistics}
    if len(sizes) > 1:
        raise InputError(f"figures are over different numbers of samples: {', '.join(map(str, sorted(sizes)))}")
    n = next(iter(sizes), 0)
    if n == 0:
        raise InputError("there is no sample to resample")
    return n


def _cuts(resamples: int, confidence: float) -> tuple[float, float]:
    if resamples < 1 or not 0 < confidence < 1:
        raise InputError(f"{resamples} resamples at confidence {confidence}: need 1 or more, and one between 0 and 1")
    return (1 - confidence) / 2, (1 + confidence) / 2


def _quantiles(drawn: Floats, cuts: tuple[float, float]) -> tuple[float, float]:
    low, high = np.quantile(drawn, cuts)
    return float(low), float(high)


def _chunks(n: int, resamples: int) -> Iterator[int]:
    size = max(1, _CELLS // n)
    for start in range(0, resamples, size):
        yield min(size, resamples - start)


def _draws(n: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Resamples with replacement as counts, (some resamples, n), chunk by chunk."""
    rng = np.random.default_rng(seed)
    for size in _chunks(n, resamples):
        drawn = rng.integers(0, n, (size, n)) + np.arange(0, size * n, n)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _figures(draws: Iterator[Floats], statistics: Sequence[Statistic]) -> list[Floats]:
    """Each statistic's figure of each resample, (resamples,)."""
    stacked = np.concatenate([statistic.rows for statistic in statistics], 1)
    return _pooled(np.concatenate([counts @ stacked for counts in draws]), statistics)


def _pooled(sums: Floats, statistics: Sequence[Statistic]) -> list[Floats]:
    ends = np.cumsum([statistic.rows.shape[1] for statistic in statistics])[:-1]
    return [s.pool(part) for s, part in zip(statistics, np.split(sums, ends, 1), strict=True)]


def _swapped(first: Sequence[Statistic], second: Sequence[Statistic], resamples: int, seed: int) -> list[Floats]:
    """Differences of each figure where the outputs of samples have changed sides at random, (resamples,)."""
    rng = np.random.default_rng(seed)
    one, other = (np.concatenate([s.rows for s in system], 1) for system in (first, second))
    moved = np.concatenate(
        [(rng.integers(0, 2, (size, len(one))) @ (other - one)) for size in _chunks(len(one), resamples)]
    )
    mine, theirs = _pooled(one.sum(0) + moved, first), _pooled(other.sum(0) - moved, second)
    return [a - b for a, b in zip(mine, theirs, strict=True)]


def _p_value(null: Floats, value: float) -> float:
    slack = 1e-12 * max(1.0, abs(value))
    return float((1 + np.count_nonzero(np.abs(null) >= abs(value) - slack)) / (1 + len(null)))
