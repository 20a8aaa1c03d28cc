"""The auditor, on invented findings: it must see what a careful reader would, and keep silent on faithful texts."""

from __future__ import annotations

import pytest

from coarse2fine.evals.audit import audit
from coarse2fine.reports import Report

FINDINGS = (
    "Small left pleural effusion. A 12 mm nodule in the right upper lobe. No pneumothorax. The heart is normal "
    "in size. "
    "Old healed fracture of the right fourth rib. No change in bibasilar atelectasis."
)


def kinds(text: str, findings: str = FINDINGS, **fields: str) -> list[str]:
    return [found.kind for found in audit(Report(findings=findings, **fields), text)]


@pytest.mark.parametrize(
    "text",
    [
        "Small left effusion.",
        "1. Right upper lobe nodule, 1.2 cm. 2. Left effusion.",
        "No acute fracture. No pneumothorax.",
        "Old fracture of right rib 4.",
        "Normal heart size, no collapsed lung.",
        "Bibasilar atelectasis is unchanged.",
        "Pneumonia cannot be excluded.",
        "Effusion on the left, nodule on the right.",
    ],
)
def test_a_faithful_text_is_left_alone(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A 14 mm nodule in the right upper lobe.", "number"),
        ("Small right pleural effusion.", "side"),
        ("Bilateral effusions.", "side"),
        ("Small left pneumothorax.", "asserted"),
        ("Cardiomegaly.", "asserted"),
        ("No pleural effusion.", "denied"),
        ("The nodule is not seen.", "denied"),
        ("No fracture.", "denied"),
    ],
)
def test_a_contradicted_sentence_is_named(text: str, kind: str) -> None:
    assert kinds(f"Small left pleural effusion. {text}") == [kind]


def test_a_side_that_the_findings_never_name_is_counted_once() -> None:
    assert kinds("Left kidney stone.", "Stone in the right kidney.") == ["side"]


def test_numbers_may_come_from_any_section() -> None:
    assert kinds("A 67-year-old with a nodule.", clinical_information="Male, 67 years old.") == []
    assert kinds("A 68-year-old with a nodule.", clinical_information="Male, 67 years old.") == ["number"]


def test_a_number_word_proves_its_figure() -> None:
    assert kinds("2 nodules.", "There are two nodules.") == []
    assert kinds("3 nodules.", "There are two nodules.") == ["number"]


def test_the_sentence_is_quoted_with_the_reason() -> None:
    (found,) = audit(Report(findings="No pneumothorax."), "Clear. Large pneumothorax.")
    assert found.sentence == "Large pneumothorax."
    assert "No pneumothorax" in found.detail


def test_what_was_not_seen_before_is_not_denied() -> None:
    assert kinds("Nodule.", "There is a nodule, not seen on the prior exam.") == []


def test_a_denial_that_is_narrower_than_the_assertion_contradicts_nothing() -> None:
    assert kinds("Old fracture.", "No acute fracture.") == []
    assert kinds("Acute fracture.", "No acute fracture.") == ["asserted"]
    assert kinds("Small right effusion.", "No left effusion. Fluid on the right.") == []


def test_a_normal_heart_said_in_two_ways_agrees() -> None:
    assert kinds("The heart is not enlarged.") == []
