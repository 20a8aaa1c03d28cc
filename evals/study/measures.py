"""The study's statistics, each from a library: shares with intervals, agreement, tests, power.

What needs scipy, statsmodels or krippendorff says so when they are missing (the extra `evals`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coarse2fine.evals.study.records import Frozen
from coarse2fine.reports import InputError, MissingExtra

__all__ = [
    "Needed",
    "Share",
    "Tested",
    "Undefined",
    "alpha",
    "cohen",
    "counts_of",
    "difference_interval",
    "fleiss",
    "holm",
    "power_of",
    "rank_sum",
    "sample_size",
    "share",
    "signed_rank",
]

Level = Literal["nominal", "ordinal"]
CONFIDENCE = 0.95
_RESAMPLES = 1_000


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingExtra(f"a reader study needs the package {package}: pip install 'coarse2fine[evals]'") from error


class Share(Frozen):
    """`count` of `total` with Wilson's 95 % interval; value, low, high from 0 to 1."""

    count: int
    total: int
    value: float
    low: float
    high: float


class Tested(NamedTuple):
    """A test's statistic and two-sided p; both None where there is nothing to test, with the reason."""

    statistic: float | None
    p: float | None
    reason: str = ""


class Undefined(InputError):
    """A measure has no value for these ratings; the message says why."""


def share(count: int, total: int) -> Share | None:
    """A share with its interval; None of nothing."""
    if total == 0:
        return None
    low, high = _library("statsmodels.stats.proportion").proportion_confint(
        count, total, alpha=1 - CONFIDENCE, method="wilson"
    )
    return Share(count=count, total=total, value=count / total, low=float(low), high=float(high))


def difference_interval(first: Share, second: Share) -> tuple[float, float]:
    """Newcombe's 95 % interval of `first` minus `second`, two independent shares."""
    low, high = _library("statsmodels.stats.proportion").confint_proportions_2indep(
        first.count, first.total, second.count, second.total, method="newcomb", compare="diff", alpha=1 - CONFIDENCE
    )
    return float(low), float(high)


def counts_of(ratings: Sequence[Sequence[str]], values: Sequence[str]) -> NDArray[np.int_]:
    """Items × values: how many readers gave an item each value."""
    return np.array([[list(item).count(value) for value in values] for item in ratings], dtype=np.int_).reshape(
        len(ratings), len(values)
    )


def cohen(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa of two readers, who rated the same items in the same order.

    Raises:
        InputError: one has more ratings than the other.
        Undefined: no item, or one value only.
    """
    if len(first) != len(second):
        raise InputError(f"{len(first):,} ratings of one reader against {len(second):,} of the other: give one an item")
    values = sorted({*first, *second})
    _check_values(len(first), len(values))
    table = np.zeros((len(values), len(values)))
    for a, b in zip(first, second, strict=True):
        table[values.index(a), values.index(b)] += 1
    return float(_library("statsmodels.stats.inter_rater").cohens_kappa(table, return_results=False))


def fleiss(counts: NDArray[np.int_]) -> float:
    """Fleiss' kappa of a table of items × values, with equally many ratings an item.

    Raises:
        InputError: items have different numbers of ratings.
        Undefined: no item, or one value only.
    """
    if len(set(counts.sum(axis=1).tolist())) > 1:
        raise InputError("Fleiss' kappa needs equally many ratings of each item")
    _check_values(len(counts), int(counts.any(axis=0).sum()))
    return float(_library("statsmodels.stats.inter_rater").fleiss_kappa(counts))


def alpha(counts: NDArray[np.int_], level: Level, *, seed: int = 0) -> tuple[float, float, float]:
    """Krippendorff's alpha of a table of items × values, and a 95 % bootstrap interval (1,000 draws of items).

    Args:
        counts: columns in the order of the values where the level is ordinal.
        seed: of the bootstrap.

    Raises:
        Undefined: no item with two ratings, or one value only.
    """
    pairable = counts[counts.sum(axis=1) > 1]
    _check_values(len(pairable), int(pairable.any(axis=0).sum()))
    value = _alpha(pairable, level)
    draws = np.random.default_rng(seed).integers(0, len(pairable), (_RESAMPLES, len(pairable)))
    drawn = [_alpha(sample, level) for sample in (pairable[draw] for draw in draws) if sample.any(axis=0).sum() > 1]
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return value, float(low), float(high)


def _alpha(counts: NDArray[np.int_], level: Level) -> float:
    used = counts[:, counts.any(axis=0)]
    return float(_library("krippendorff").alpha(value_counts=used, level_of_measurement=level))


def _check_values(items: int, values: int) -> None:
    if items == 0:
        raise Undefined("no item was rated by two readers")
    if values < 2:
        raise Undefined("every rating is the same, so that chance alone would agree")


def rank_sum(first: Sequence[float], second: Sequence[float]) -> Tested:
    """Wilcoxon's rank-sum test (Mann-Whitney's U of `first`) of two independent groups."""
    if not first or not second:
        return Tested(None, None, "one group is empty")
    if len({*first, *second}) < 2:
        return Tested(None, None, "every value is the same")
    found = _library("scipy.stats").mannwhitneyu(first, second, alternative="two-sided")
    return Tested(float(found.statistic), float(found.pvalue))


def signed_rank(first: Sequence[float], second: Sequence[float]) -> Tested:
    """Wilcoxon's signed-rank test of pairs; pairs without a difference are left out.

    Raises:
        InputError: one has more values than the other.
    """
    if len(first) != len(second):
        raise InputError(f"{len(first):,} values against {len(second):,}: pairs need one of each")
    if all(a == b for a, b in zip(first, second, strict=True)):
        return Tested(None, None, "no pair differs")
    found = _library("scipy.stats").wilcoxon(first, second, zero_method="wilcox", alternative="two-sided")
    return Tested(float(found.statistic), float(found.pvalue))


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction of the p that are there."""
    there = [value for value in values if value is not None]
    if not there:
        return list(values)
    corrected = iter(_library("statsmodels.stats.multitest").multipletests(there, method="holm")[1])
    return [None if value is None else float(next(corrected)) for value in values]


class Needed(Frozen):
    """Items of each source that the next study needs to see `difference` with `power` (two-sided, 5 %)."""

    difference: float
    power: float
    generated: int
    original: int


def _effect(first: float, second: float) -> float:
    return float(_library("statsmodels.stats.proportion").proportion_effectsize(first, second))


def power_of(first: float, second: float, sizes: tuple[int, int]) -> float:
    """Power of a study of these sizes to see that two shares differ (arcsine, two-sided, 5 %)."""
    solver = _library("statsmodels.stats.power").NormalIndPower()
    found = solver.power(_effect(first, second), nobs1=sizes[0], alpha=1 - CONFIDENCE, ratio=sizes[1] / sizes[0])
    return float(found)


def sample_size(first: float, second: float, power: float, ratio: float) -> tuple[int, int] | None:
    """Sizes of two groups, the second `ratio` times the first, that show a difference; None where there is none.

    Arcsine, two-sided, 5 %, the tail on the other side left out.
    """
    if first == second:
        return None
    size = _library("statsmodels.stats.power").normal_sample_size_one_tail(
        abs(_effect(first, second)), power, (1 - CONFIDENCE) / 2, std_null=math.sqrt(1 + 1 / ratio)
    )
    return math.ceil(size), math.ceil(size * ratio)
