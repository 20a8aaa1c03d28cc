"""The statistics against other libraries and against examples worked out by hand."""

from __future__ import annotations

import math
import sys
import warnings
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from coarse2fine.evals.study.measures import (
    Share,
    Undefined,
    alpha,
    cohen,
    counts_of,
    difference_interval,
    fleiss,
    holm,
    power_of,
    rank_sum,
    sample_size,
    share,
    signed_rank,
)
from coarse2fine.reports import InputError, MissingExtra

Z = 1.959963984540054


def given(count: int, total: int) -> Share:
    found = share(count, total)
    assert found is not None
    return found


def wilson(count: int, total: int) -> tuple[float, float]:
    """Wilson (1927), written out."""
    p, z2 = count / total, Z * Z
    middle, half = p + z2 / (2 * total), Z * math.sqrt(p * (1 - p) / total + z2 / (4 * total * total))
    return (middle - half) / (1 + z2 / total), (middle + half) / (1 + z2 / total)


@pytest.mark.parametrize(("count", "total"), [(159, 200), (1, 3), (81, 263)])
def test_wilsons_interval(count: int, total: int) -> None:
    assert (given(count, total).low, given(count, total).high) == pytest.approx(wilson(count, total), abs=1e-6)


def test_wilsons_interval_at_the_ends_and_of_nothing() -> None:
    assert (given(0, 10).low, given(10, 10).high) == pytest.approx((0, 1), abs=1e-9)
    assert given(0, 10).high == pytest.approx(Z * Z / (10 + Z * Z), abs=1e-6)
    assert share(0, 0) is None


def test_newcombes_interval() -> None:
    """Newcombe (1998), table II, method 10: 56/70 against 48/80."""
    assert difference_interval(given(56, 70), given(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_cohens_kappa_by_hand_and_against_scikit_learn() -> None:
    """20 agree on yes, 15 on no of 50; margins 25/25 and 30/20: (0.7 - 0.5) / (1 - 0.5)."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen(first, second) == pytest.approx(0.4, abs=1e-6)
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    a, b = rng.choice(["negative", "neutral", "positive"], (2, 80)).tolist()
    assert cohen(a, b) == pytest.approx(metrics.cohen_kappa_score(a, b), abs=1e-6)


def test_fleiss_kappa_of_fleiss_own_kind_of_table() -> None:
    """Fourteen readers, ten items, five values (the worked example in most textbooks): 0.210."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    counts = np.array(table)
    by_item = (counts * (counts - 1)).sum(axis=1) / (14 * 13)
    chance = ((counts.sum(axis=0) / 140) ** 2).sum()
    assert fleiss(counts) == pytest.approx((by_item.mean() - chance) / (1 - chance), abs=1e-6)
    assert fleiss(counts) == pytest.approx(0.210, abs=5e-4)


def test_alpha_by_hand_and_against_the_package_with_missing_ratings() -> None:
    """Nominal, two readers, ten items: Krippendorff's own example (2011), 0.095."""
    first, second = "0100000010", "1110010000"
    counts = counts_of([[a, b] for a, b in zip(first, second, strict=True)], ("0", "1"))
    assert alpha(counts, "nominal")[0] == pytest.approx(1 - 19 * 4 / (14 * 6), abs=1e-6)
    krippendorff = pytest.importorskip("krippendorff")
    ratings = np.random.default_rng(2).integers(1, 6, (3, 60)).astype(float)
    ratings[0, ::4] = math.nan
    items = [[str(int(value)) for value in column if not math.isnan(value)] for column in ratings.T]
    for level in ("nominal", "ordinal"):
        value, low, high = alpha(counts_of(items, "12345"), level)  # type: ignore[arg-type]
        assert value == pytest.approx(krippendorff.alpha(ratings, level_of_measurement=level), abs=1e-6)
        assert low < value < high


def test_alphas_interval_depends_on_the_seed_alone() -> None:
    counts = counts_of([["1", "2"], ["1", "1"], ["3", "3"], ["2", "2"], ["3", "1"]] * 6, "123")
    assert alpha(counts, "ordinal", seed=3) == alpha(counts, "ordinal", seed=3)
    assert alpha(counts, "ordinal", seed=3) != alpha(counts, "ordinal", seed=4)


def test_ordinal_alpha_weighs_far_disagreements_more() -> None:
    near = counts_of([["1", "2"], *([[v, v] for v in "12345"] * 4)], "12345")
    far = counts_of([["1", "5"], *([[v, v] for v in "12345"] * 4)], "12345")
    assert alpha(near, "ordinal")[0] > alpha(far, "ordinal")[0]


def test_a_measure_without_a_value_says_why() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (
            lambda: cohen(["a", "a"], ["a", "a"]),
            lambda: fleiss(counts_of([["a", "a"]], "ab")),
            lambda: alpha(counts_of([["a", "a"], ["b"]], "ab"), "nominal"),
        ):
            with pytest.raises(Undefined, match="every rating is the same"):
                call()
        for call in (
            lambda: cohen([], []),
            lambda: fleiss(counts_of([], "ab")),
            lambda: alpha(counts_of([["a"], ["b"]], "ab"), "nominal"),
        ):
            with pytest.raises(Undefined, match="no item was rated by two readers"):
                call()


def test_lengths_that_do_not_match_are_refused() -> None:
    with pytest.raises(InputError, match="2 ratings of one reader against 1"):
        cohen(["a", "b"], ["a"])
    with pytest.raises(InputError, match="2 values against 1"):
        signed_rank([1, 2], [1])
    with pytest.raises(InputError, match="equally many"):
        fleiss(counts_of([["a", "b"], ["a"]], "ab"))


def test_rank_sum_by_hand() -> None:
    """Every value of one group above the other's: U is 9, and 2 of 20 orders are as far out."""
    assert rank_sum([4, 5, 6], [1, 2, 3])[:2] == pytest.approx((9, 0.1), abs=1e-6)
    assert rank_sum([1, 1], [1]).reason == "every value is the same"
    assert rank_sum([], [1]).reason == "one group is empty"


def test_rank_sum_with_ties_is_the_normal_approximation_with_its_corrections() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(1, 6, 60).tolist(), rng.integers(1, 5, 30).tolist()
    u = sum((a > b) + (a == b) / 2 for a in first for b in second)
    ties = sum(count**3 - count for count in Counter([*first, *second]).values())
    deviation = math.sqrt(60 * 30 / 12 * (91 - ties / (90 * 89)))
    z = (abs(u - 60 * 30 / 2) - 0.5) / deviation
    assert rank_sum(first, second)[:2] == pytest.approx((u, math.erfc(z / math.sqrt(2))), abs=1e-6)


def test_signed_rank_by_hand() -> None:
    """Five differences of one sign: 2 of 32 sign patterns are as far out."""
    assert signed_rank([2, 4, 6, 8, 10], [1, 2, 3, 4, 5])[:2] == pytest.approx((0, 0.0625), abs=1e-6)
    assert signed_rank([1, 2], [1, 2]).reason == "no pair differs"


def test_holm_by_hand() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02], abs=1e-6)
    assert holm([None, 0.02, None, 0.5]) == [None, pytest.approx(0.04), None, pytest.approx(0.5)]
    assert holm([None]) == [None]


def test_power_and_size_by_hand() -> None:
    """Cohen's h with equal groups: n = 2 ((z(0.975) + z(0.8)) / h) ** 2."""
    h = 2 * math.asin(math.sqrt(0.8)) - 2 * math.asin(math.sqrt(0.7))
    size = math.ceil(2 * ((Z + 0.8416212335729143) / h) ** 2)
    assert sample_size(0.8, 0.7, 0.8, 1.0) == (size, size)
    assert power_of(0.8, 0.7, (size, size)) == pytest.approx(0.8, abs=2e-3)
    first, second = sample_size(0.8, 0.7, 0.8, 0.5) or (0, 0)
    assert second == pytest.approx(first / 2, abs=1)
    assert first > size
    assert sample_size(0.7, 0.7, 0.8, 1.0) is None
    sizes = [(sample_size(0.8, other, 0.9, 1.0) or (0,))[0] for other in (0.78, 0.7, 0.5)]
    assert all(a > b for a, b in pairwise(sizes))


@pytest.mark.parametrize("package", ["statsmodels", "krippendorff", "scipy"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    calls = {
        "statsmodels": lambda: share(1, 2),
        "krippendorff": lambda: alpha(counts_of([["a", "b"]], "ab"), "nominal"),
        "scipy": lambda: rank_sum([1], [2]),
    }
    with pytest.raises(MissingExtra, match=rf"{package}: pip install 'coarse2fine\[evals\]'"):
        calls[package]()
