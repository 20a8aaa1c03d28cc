"""Counts over collections of reports."""

from __future__ import annotations

import statistics as reference
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coarse2fine.reports import Report, ReportError, Statistics, statistics
from coarse2fine.reports.statistics import MAX_EXAMS


def words(number: int) -> str:
    return " ".join(["word"] * number)


def test_counts() -> None:
    made = statistics(
        [
            Report(findings=words(10), impression=words(2), exam="CT  Chest", sex="male", age=17),
            ReportError("is empty", field="findings"),
            Report(findings=words(20), impression=words(2), exam="ct chest", sex="female", age=18),
            ReportError("is empty", field="findings"),
            ReportError("is not CSV"),
            Report(findings=words(3), impression=" ", age=80),
            Report(findings=words(7)),
        ]
    )
    assert made.model_dump() == {
        "reports": 4,
        "rejected": 3,
        "rejected_fields": {"findings": 2, "": 1},
        "findings": {"mean": 10.0, "median": 8.5, "total": 40, "deciles": (3, 3, 3, 7, 7, 7, 10, 10, 20, 20, 20)},
        "impression": {"mean": 2.0, "median": 2.0, "total": 4, "deciles": (2,) * 11},
        "length_ratio": 7.5,
        "ratio_deciles": (5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 10.0, 10.0, 10.0, 10.0, 10.0),
        "with_impression": 0.5,
        "exams": {"ct chest": 2, "unknown": 2},
        "sexes": {"unknown": 2, "male": 1, "female": 1},
        "ages": {"0-17": 1, "18-39": 1, "80+": 1, "unknown": 1},
        "lengths_by_sex": {
            "unknown": {"reports": 2, "findings": 5.0, "impression": None, "length_ratio": None},
            "male": {"reports": 1, "findings": 10.0, "impression": 2.0, "length_ratio": 5.0},
            "female": {"reports": 1, "findings": 20.0, "impression": 2.0, "length_ratio": 10.0},
        },
        "lengths_by_age": {
            "0-17": {"reports": 1, "findings": 10.0, "impression": 2.0, "length_ratio": 5.0},
            "18-39": {"reports": 1, "findings": 20.0, "impression": 2.0, "length_ratio": 10.0},
            "80+": {"reports": 1, "findings": 3.0, "impression": None, "length_ratio": None},
            "unknown": {"reports": 1, "findings": 7.0, "impression": None, "length_ratio": None},
        },
    }


def test_nothing_counts_as_nothing() -> None:
    made = statistics([])
    assert (made.reports, made.rejected, made.length_ratio, made.with_impression) == (0, 0, None, 0.0)
    assert made.findings.median == made.impression.mean == 0.0
    assert made.findings.deciles == made.ratio_deciles == ()
    assert made.lengths_by_sex == made.lengths_by_age == {}


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "0-17"),
        (17, "0-17"),
        (39, "18-39"),
        (40, "40-64"),
        (64, "40-64"),
        (65, "65-79"),
        (79, "65-79"),
        (125, "80+"),
    ],
)
def test_age_bands(age: int, band: str) -> None:
    assert statistics([Report(findings="a", age=age)]).ages == {band: 1}


def test_memory_stays_flat_over_free_text_exams() -> None:
    def reports() -> Iterator[Report]:
        yield from (Report(findings="a", exam=f"exam {number}") for number in range(MAX_EXAMS + 50))

    made: Statistics = statistics(reports())
    assert len(made.exams) == MAX_EXAMS + 1
    assert made.exams["other"] == 50


@given(st.lists(st.integers(1, 60), min_size=1))
def test_mean_and_median_are_exact(lengths: list[int]) -> None:
    counted = statistics(Report(findings=words(length)) for length in lengths).findings
    assert counted.mean == pytest.approx(reference.mean(lengths))
    assert counted.median == reference.median(lengths)


@given(st.lists(st.integers(1, 60), min_size=1))
def test_deciles_are_lengths_that_so_many_do_not_exceed(lengths: list[int]) -> None:
    deciles = statistics(Report(findings=words(length)) for length in lengths).findings.deciles
    assert (deciles[0], deciles[10]) == (min(lengths), max(lengths))
    for tenth, decile in enumerate(deciles[1:], start=1):
        assert sum(length <= decile for length in lengths) * 10 >= tenth * len(lengths)
        assert sum(length < decile for length in lengths) * 10 < tenth * len(lengths)
