"""Guards: figures worked out by hand, and what goes beyond the limits."""

from __future__ import annotations

from typing import Any

import pytest

from coarse2fine.agents import Critic, CritiqueJob
from coarse2fine.reports import Report
from coarse2fine.serving import ScriptedNLI
from coarse2fine.training.guards import Figures, Limits, figures, table, worsened

REPORT = Report(findings="There is a small right pneumothorax. No rib fracture.")
BEFORE = Figures(words=10.0, negation=0.2, copied=0.5, support=0.9, coverage=0.8, repeated=0.0, empty=0.0)


def test_figures() -> None:
    texts = [
        "Small right pneumothorax. No rib fracture.",  # one of two denies; all six words in a row in the findings
        "Small right pneumothorax. Small right pneumothorax.",  # one of two is repeated; three of six words in a row
        "",
    ]
    critiques = Critic(ScriptedNLI(0.0)).critique_many([CritiqueJob(REPORT, text) for text in texts])
    found = figures([REPORT] * 3, texts, critiques)
    assert found.words == 4.0
    assert found.negation == pytest.approx(0.5 / 3)
    assert found.copied == pytest.approx((1.0 + 0.5 + 0) / 3)
    assert found.support == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(2 / 3)
    assert found.repeated == pytest.approx(0.5 / 3)
    assert found.empty == pytest.approx(1 / 3)


def test_nothing_written_has_figures_too() -> None:
    assert set(figures([], [], [])) == {0.0}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"words": 15.1}, "mean length 10.0 -> 15.1 words: changed by 51% (at most 50%)"),
        ({"words": 4.0}, "mean length 10.0 -> 4.0 words: changed by 60% (at most 50%)"),
        ({"support": 0.87}, "critic support 0.900 -> 0.870 (may change by 0.020)"),
        ({"coverage": 0.7}, "coverage 0.800 -> 0.700 (may change by 0.050)"),
        ({"repeated": 0.2}, "repeated sentences 0.000 -> 0.200 (may change by 0.100)"),
    ],
)
def test_what_goes_beyond_the_limits(change: dict[str, float], fault: str) -> None:
    assert worsened(BEFORE, BEFORE._replace(**change), Limits()) == [fault]


@pytest.mark.parametrize(
    "change", [{"words": 14.9}, {"support": 0.88}, {"support": 1.0, "coverage": 1.0}, {"copied": 1.0}]
)
def test_what_does_not(change: dict[str, float]) -> None:
    assert worsened(BEFORE, BEFORE._replace(**change), Limits()) == []


def test_limits_that_are_off_by_default() -> None:
    limits = Limits(negation_rise=0.1, copied_rise=0.1)
    after: Any = BEFORE._replace(negation=0.4, copied=0.9)
    assert [fault.split()[0] for fault in worsened(BEFORE, after, limits)] == ["negation", "copying"]


def test_the_table_shows_each_figure() -> None:
    lines = table(BEFORE, BEFORE._replace(words=12.0)).splitlines()
    assert len(lines) == 2 + len(Figures._fields)
    assert lines[2] == "| words | 10.000 | 12.000 |"
