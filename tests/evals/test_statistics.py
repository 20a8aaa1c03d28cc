"""Intervals, paired tests and Holm's correction, against hand cases and simulated data."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from coarse2fine.evals.statistics import Statistic, compare, holm, intervals, mean_of, ratio
from coarse2fine.reports import InputError


def test_an_interval_against_all_resamples_of_a_hand_case() -> None:
    values = [0.0, 1.3, 2.1, 3.7, 6.2, 8.9]
    every = np.array(list(product(values, repeat=6))).mean(1)
    (found,) = intervals([mean_of(values)], confidence=0.9, resamples=40_000)
    assert found.value == pytest.approx(3.7)
    assert (found.low, found.high) == pytest.approx(np.quantile(every, [0.05, 0.95]), abs=0.06)


def test_values_that_are_all_the_same_have_no_width() -> None:
    assert intervals([mean_of([0.5] * 7)], resamples=200)[0] == pytest.approx((0.5, 0.5, 0.5))


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for trial in range(300):
        (found,) = intervals([mean_of(rng.exponential(1.0, 60))], resamples=600, confidence=0.9, seed=trial)
        held += found.low <= 1.0 <= found.high
    assert 0.84 <= held / 300 <= 0.94


def test_the_seed_decides() -> None:
    column = [mean_of(np.random.default_rng(1).random(50))]
    assert intervals(column, resamples=500, seed=3) == intervals(column, resamples=500, seed=3)
    assert intervals(column, resamples=500, seed=3) != intervals(column, resamples=500, seed=4)


def test_a_set_that_needs_several_chunks_gives_a_whole_interval() -> None:
    values = np.random.default_rng(2).normal(0.0, 1.0, 30_000)
    (found,) = intervals([mean_of(values)], resamples=300)
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(30_000), rel=0.2)


def test_pooled_figures_are_resampled_by_their_sums() -> None:
    share = Statistic(np.array([[1.0, 1.0], [0.0, 9.0]] * 20), ratio)
    (found,) = intervals([share], resamples=2_000)
    assert found.value == pytest.approx(0.1)
    assert found.low < 0.1 < found.high < 0.3


def test_a_ratio_over_nothing_is_whole() -> None:
    assert ratio(np.array([[0.0, 0.0], [1.0, 4.0]])).tolist() == [1.0, 0.25]


# ------------------------------------------------------------------------------------------------------ two systems
def test_randomisation_against_all_swaps_of_a_hand_case() -> None:
    gaps = np.array([1.0, 2.0, 3.0, -1.0, 4.0])
    other = np.array([0.2, 0.1, 0.5, 0.4, 0.3])
    swaps = [abs(np.mean(gaps * signs)) for signs in product((1, -1), repeat=5)]
    exact = np.mean(np.array(swaps) >= abs(gaps.mean()) - 1e-9)
    (found,) = compare([mean_of(other + gaps)], [mean_of(other)], resamples=20_000)
    assert found.value == pytest.approx(1.8)
    assert found.p == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize("test", ["randomisation", "bootstrap"])
def test_a_system_against_itself_differs_in_nothing(test: str) -> None:
    column = [mean_of(np.random.default_rng(5).random(40))]
    assert compare(column, column, test=test, resamples=200) == [(0.0, 0.0, 0.0, 1.0)]  # type: ignore[arg-type]


@pytest.mark.parametrize("test", ["randomisation", "bootstrap"])
def test_p_values_are_small_for_a_real_difference_and_even_without_one(test: str) -> None:
    rng = np.random.default_rng(11)
    firsts, seconds = [], []
    for _ in range(300):
        shared = rng.normal(0.0, 1.0, 40)
        firsts.append(mean_of(shared + rng.normal(0.0, 0.5, 40)))
        seconds.append(mean_of(shared + rng.normal(0.0, 0.5, 40)))
    even = [found.p for found in compare(firsts, seconds, test=test, resamples=500)]  # type: ignore[arg-type]
    assert 0.01 <= np.mean(np.array(even) < 0.05) <= 0.1
    better = [mean_of(first.rows[:, 0] + 0.5) for first in firsts[:50]]
    found = compare(better, seconds[:50], test=test, resamples=500)  # type: ignore[arg-type]
    assert np.mean([gap.p < 0.05 for gap in found]) > 0.9
    assert all(gap.low < gap.value < gap.high for gap in found)


def test_pairing_sees_what_the_spread_of_samples_hides() -> None:
    hard = np.random.default_rng(3).normal(0.0, 10.0, 50)
    (found,) = compare([mean_of(hard + 0.1)], [mean_of(hard)], resamples=1_000)
    assert found.p < 0.01
    assert found.low == pytest.approx(0.1)


def test_holm_against_a_hand_case() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("first", "second", "settings", "says"),
    [
        ([], [], {}, "no sample"),
        ([mean_of([])], [mean_of([])], {}, "no sample"),
        ([mean_of([1.0, 2.0])], [mean_of([1.0])], {}, "different numbers of samples: 1, 2"),
        ([mean_of([1.0])], [], {}, "different figures: 1 and 0"),
        ([mean_of([1.0])], [mean_of([1.0])], {"resamples": 0}, "0 resamples"),
        ([mean_of([1.0])], [mean_of([1.0])], {"confidence": 95}, "confidence 95"),
    ],
)
def test_what_cannot_be_compared_is_told(
    first: list[Statistic], second: list[Statistic], settings: dict[str, int], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        compare(first, second, **settings)  # type: ignore[arg-type]
