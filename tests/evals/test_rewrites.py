"""Rules of the critic's benchmark, on invented sentences."""

from __future__ import annotations

import random

import pytest

from coarse2fine.evals.paraphrases import paraphrase
from coarse2fine.evals.rewrites import negate, other_level, other_number, other_severity, other_side

RNG = random.Random(1)


def ways(sentence: str) -> set[str | None]:
    return {paraphrase(sentence, random.Random(seed)) for seed in range(40)}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("There is a hiatal hernia.", "A hiatal hernia is present."),
        ("A small nodule is seen.", "There is a small nodule."),
        ("No pneumothorax.", "Pneumothorax is absent."),
        ("No pneumothorax or effusion.", "There is no effusion or pneumothorax."),
        ("The lungs are clear.", "Clear lungs."),
        ("The aorta is tortuous.", "Tortuous aorta."),
        ("The heart is normal in size.", "The heart is not enlarged."),
        ("Right upper lobe nodule.", "There is nodule in the right upper lobe."),
        ("There is an 8 mm nodule.", "An 0.8 cm nodule is seen."),
    ],
)
def test_a_paraphrase_rewords(sentence: str, expected: str) -> None:
    assert expected in ways(sentence)


@pytest.mark.parametrize(
    ("sentence", "never"),
    [
        ("No acute fracture or dislocation.", "dislocation or acute"),
        ("No significant interval change.", "absent"),
    ],
)
def test_a_paraphrase_does_not_change_what_is_said(sentence: str, never: str) -> None:
    assert not any(never in (way or "") for way in ways(sentence))


def test_a_paraphrase_converts_one_measurement() -> None:
    assert {way for way in ways("A nodule measures 8 mm.") if way} == {"A nodule measures 0.8 cm."}
    assert all("cm" not in (way or "") for way in ways("There is a nodule of 8 x 9 mm."))


def test_a_paraphrase_always_differs() -> None:
    assert all(way is None or way.lower() != "clear lungs." for way in ways("Clear lungs."))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("There is a small effusion.", "There is no small effusion."),
        ("Scarring is seen.", "Scarring is not seen."),
        ("The aorta is tortuous.", "The aorta is not tortuous."),
        ("Mild cardiomegaly.", "No cardiomegaly."),
    ],
)
def test_negation_denies_what_is_stated(sentence: str, expected: str) -> None:
    assert negate(sentence, RNG) == expected


def test_negation_asserts_one_denied_item() -> None:
    found = {negate("No pneumothorax or pleural effusion.", random.Random(seed)) for seed in range(40)}
    assert found == {
        "There is a pneumothorax.",
        "Pneumothorax is present.",
        "There is a pleural effusion.",
        "Pleural effusion is present.",
    }


def test_negation_enlarges_a_normal_heart() -> None:
    assert negate("Heart size is normal.", RNG) in {"The heart is enlarged.", "Cardiomegaly is present."}


@pytest.mark.parametrize(
    "sentence", ["The nodule may be new.", "No change.", "Possible pneumonia.", "No evidence of it."]
)
def test_negation_leaves_doubt_alone(sentence: str) -> None:
    assert negate(sentence, RNG) is None


def test_sides_are_swapped_with_their_case() -> None:
    assert other_side("Left base scarring, left worse.", RNG) == "Right base scarring, right worse."


@pytest.mark.parametrize(
    "sentence", ["Left and right effusions.", "No left effusion.", "Bilateral, left worse.", "Scarring."]
)
def test_sides_are_left_alone_where_unsure(sentence: str) -> None:
    assert other_side(sentence, RNG) is None


def test_severity_moves_to_another_class() -> None:
    found = {other_severity("Mild cardiomegaly.", random.Random(seed)) for seed in range(20)}
    assert found == {"Severe cardiomegaly.", "Marked cardiomegaly."}


@pytest.mark.parametrize(
    "sentence", ["Small bowel gas.", "Mild to moderate edema.", "No large effusion.", "Low lung volumes."]
)
def test_severity_is_left_alone_where_it_is_none(sentence: str) -> None:
    assert other_severity(sentence, RNG) is None


def test_a_number_changes_with_its_unit_kept() -> None:
    assert other_number("A 12 mm nodule.", RNG) in {"A 14 mm nodule.", "A 15 mm nodule.", "A 17 mm nodule."}
    assert other_number("Nodule of 1.2 cm at T4.", RNG) is None
    assert other_number("T4 fracture.", RNG) is None


def test_a_level_changes_within_the_spine() -> None:
    found = {other_level("Wedging of T12.", random.Random(seed)) for seed in range(40)}
    assert found == {"Wedging of T8.", "Wedging of T9.", "Wedging of T10.", "Wedging of T11."}


def test_a_rib_changes_with_its_ending() -> None:
    found = {other_level("Fracture of the 2nd rib.", random.Random(seed)) for seed in range(40)}
    assert found == {f"Fracture of the {rib} rib." for rib in ("1st", "3rd", "4th", "5th", "6th")}


def test_several_levels_are_left_alone() -> None:
    assert other_level("Fractures of the 4th and 5th ribs.", RNG) is None
    assert other_level("Fusion of L4-5.", RNG) is None
