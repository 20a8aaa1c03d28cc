"""The rule behind abnormal-only figures, on invented impressions."""

from __future__ import annotations

import pytest

from coarse2fine.evals.normal import is_normal

NORMAL = [
    "No acute cardiopulmonary abnormality.",
    "1. No acute disease. 2. No displaced rib fracture.",
    "Normal chest.",
    "Clear lungs, no effusion.",
    "Unremarkable study. No change from the prior exam.",
    "Heart size at the upper limit of normal. Lungs are clear.",
    "Stable appearance of the chest without acute process.",
    "No acute finding. Consider a repeat study if symptoms persist.",
    "There is no evidence of active tuberculosis",
    "Negative for pneumonia..",
]
ABNORMAL = [
    "Mild cardiomegaly.",
    "Clear lungs with cardiomegaly.",
    "1. No acute disease. 2. Old granulomatous disease.",
    "No acute process, but hyperexpanded lungs.",
    "Left basilar opacity without effusion.",
    "Right lower lobe pneumonia",
    "No change in the moderate left effusion.",
    "No acute disease with stable scarring at the base.",
    "Nodule in the left upper lobe; otherwise normal chest.",
    "Follow-up of the left lung nodule is recommended.",
    "See above.",
    "",
]


@pytest.mark.parametrize("impression", NORMAL)
def test_an_impression_that_reports_nothing_is_normal(impression: str) -> None:
    assert is_normal(impression)


@pytest.mark.parametrize("impression", ABNORMAL)
def test_one_sentence_with_a_finding_makes_it_abnormal(impression: str) -> None:
    assert not is_normal(impression)
