from __future__ import annotations

import pytest

from coarse2fine.evals.personal import Personal, compare
from coarse2fine.reports import Report
from coarse2fine.serving import ScriptedNLI

HELD = [
    Report(findings="Small left pleural effusion. No pneumothorax.", impression="- Small left pleural effusion."),
    Report(findings="Large right pneumothorax.", impression="- Large right pneumothorax."),
]


def test_the_draft_nearer_to_the_radiologists_own_text_wins() -> None:
    before = ["1. Small left pleural effusion.\n2. No pneumothorax.", "- Large right pneumothorax."]
    after = ["- Small left pleural effusion.", "- Large left pneumothorax."]
    found = compare("r1", HELD, before, after, ScriptedNLI(0.9))
    assert (found.better, found.equal, found.worse) == (1, 0, 1)
    assert (found.support_before.unsupported, found.support_after.unsupported) == (0, 1)
    assert (found.support_before.claims, found.support_after.claims) == (3, 2)


def test_radiologists_count_alike() -> None:
    same = [report.impression or "" for report in HELD]
    worse = ["Something else entirely."] * 2
    arms = (
        compare("r1", HELD, worse, same, ScriptedNLI(0.9)),
        compare("r2", HELD[:1], same[:1], worse[:1], ScriptedNLI(0.9)),
    )
    found = Personal(arms={"memory": arms})
    assert found.share("memory") == 0.5
    assert found.consistency("memory") == (pytest.approx(0.9), pytest.approx(0.9))
