from __future__ import annotations

import pytest

from coarse2fine.agents import Critique, Verdict
from coarse2fine.agents.core import core
from coarse2fine.agents.repair import repair
from coarse2fine.agents.source import source_of
from coarse2fine.reports import Report, split_sentences

REPORT = Report(
    findings="Patchy restricted diffusion in the right centrum semiovale and the right occipital lobe. "
    "Small chronic infarct in the left cerebellum. No acute hemorrhage."
)


@pytest.mark.parametrize(
    ("claim", "wanted"),
    [
        ("Acute right MCA territory infarct.", "Acute right infarct."),
        ("Acute right MCA infarct with hyperdense MCA.", "Acute right infarct."),
        ("Acute infarct, likely embolic", "Acute infarct."),
        ("Acute left PCA territory infarct.", "Acute left infarct."),
        ("Patchy foci of acute ischemia in the brain.", "Patchy acute ischemia."),
        ("Acute right infarct.", None),
        ("No acute MCA infarct.", None),
        ("Normal MRI of the brain.", None),
    ],
)
def test_words_that_nobody_said_are_cut(claim: str, wanted: str | None) -> None:
    assert core(claim, source_of(REPORT)) == wanted


@pytest.mark.parametrize(("score", "wanted"), [(0.55, "Acute right infarct. No hemorrhage."), (0.1, "No hemorrhage.")])
def test_repair_cuts_what_is_half_proven_and_drops_what_is_not(score: float, wanted: str) -> None:
    first, second = split_sentences("Acute right MCA territory infarct. No hemorrhage.")
    verdicts = (
        Verdict(text=first.text, start=first.start, end=first.end, label="unsupported", layer="nli", score=score),
        Verdict(text=second.text, start=second.start, end=second.end, label="supported", layer="check"),
    )
    assert repair(REPORT, f"{first.text} {second.text}", Critique(verdicts=verdicts)) == wanted


def test_a_contradicted_claim_is_never_cut() -> None:
    [claim] = split_sentences("Acute left MCA territory infarct.")
    verdict = Verdict(text=claim.text, start=claim.start, end=claim.end, label="contradicted", layer="nli", score=0.5)
    assert "left MCA" not in repair(REPORT, claim.text, Critique(verdicts=(verdict,)))
    assert "Acute left infarct" not in repair(REPORT, claim.text, Critique(verdicts=(verdict,)))
