from __future__ import annotations

import pytest

from coarse2fine.reports import InputError
from coarse2fine.training.corpus.styles import HELD_OUT
from coarse2fine.training.simulated import simulated_radiologists


def test_six_radiologists_each_with_own_reports() -> None:
    every = simulated_radiologists(seed=3, past=4, held=2)
    assert [(len(one.past), len(one.held)) for one in every] == [(4, 2)] * len(HELD_OUT) == [(4, 2)] * 6
    findings = [report.findings for one in every for report in (*one.past, *one.held)]
    assert len(set(findings)) == len(findings)
    assert all(report.impression and report.radiologist == one.id for one in every for report in one.past)
    assert every == simulated_radiologists(seed=3, past=4, held=2)
    assert every != simulated_radiologists(seed=4, past=4, held=2)


def test_they_write_in_their_layouts() -> None:
    dashes = simulated_radiologists(past=8, held=1)[0]
    assert all((report.impression or "").startswith("- ") for report in dashes.past)


def test_no_reports_are_no_radiologist() -> None:
    with pytest.raises(InputError, match="held is 0"):
        simulated_radiologists(held=0)
