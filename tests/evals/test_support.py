from __future__ import annotations

import pytest

from coarse2fine.evals.support import Support, judge_support, sum_up
from coarse2fine.reports import Report
from coarse2fine.serving import ScriptedNLI

REPORT = Report(findings="Small left pleural effusion. No pneumothorax. Heart size is normal.")


@pytest.mark.parametrize(
    ("text", "claims", "refuted"),
    [
        ("Small left pleural effusion.", 1, 0),
        ("Small right pleural effusion.", 1, 1),
        ("Small left pleural effusion. Pneumothorax.", 2, 1),
        ("No effusion.", 1, 1),
        ("Left effusion measuring 4 cm.", 1, 1),
        ("", 0, 0),
    ],
)
def test_claims_that_the_findings_refute_are_counted(text: str, claims: int, refuted: int) -> None:
    [found] = judge_support(REPORT, [text], ScriptedNLI(0.9))
    assert (found.claims, found.refuted, found.unsupported) == (claims, refuted, refuted)


def test_a_text_that_is_not_entailed_as_a_whole_counts_once() -> None:
    nli = ScriptedNLI(0.2)
    [found] = judge_support(REPORT, ["Small left pleural effusion. Heart size is normal."], nli)
    assert (found.refuted, found.unsupported, found.consistency) == (0, 1, 0.2)
    assert [pair.premise for pair in nli.asked] == [REPORT.findings]


def test_figures_are_sums_and_the_mean_consistency_of_texts_that_say_something() -> None:
    found = sum_up([Support(2, 1, 0.4), Support(3, 0, 0.8), Support(1, 0, 0.3), Support(0, 0, 1.0)])
    assert found == (6, 2, pytest.approx(0.5))
    assert sum_up([]) == (0, 0, 1.0)
