"""Sex and age from fields and from clinical information."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coarse2fine.reports.patient import parse_age, parse_sex, patient_from


@pytest.mark.parametrize(
    ("text", "sex", "age"),
    [
        ("Male, 67 years old", "male", 67),
        ("67-year-old man with cough", "male", 67),
        ("67 year old white male", "male", 67),
        ("67 y/o F", "female", 67),
        ("67 yo M, fall", "male", 67),
        ("67yM chest pain", "male", 67),
        ("45 F", "female", 45),
        ("45F with pain", "female", 45),
        ("F/45", "female", 45),
        ("M 67, pain", "male", 67),
        ("woman aged 51", "female", 51),
        ("Age: 45 Sex: F", "female", 45),
        ("3-month-old boy", "male", 0),
        ("6 weeks old girl", "female", 0),
        ("67-year-old with cough", None, 67),
        ("aged 67", None, 67),
        ("Female with pain", "female", None),
        ("Fall. 67-year-old gentleman.", "male", 67),
        ("67-year-old gentleman. 40-year-old wife is well", "male", 67),
    ],
)
def test_clinical_information_names_the_patient(text: str, sex: str | None, age: int | None) -> None:
    assert patient_from(text) == (sex, age)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8 F drain",
        "10 F pigtail in place",
        "Fever 102 F",
        "mother had cancer at 45 years old",
        "Family history: 40 year old female with carcinoma",
        "Donor: 45 year old male",
        "10 year old fracture",
        "5-year history of pain",
        "surgery 2 years ago",
        "Male breast cancer",
        "pregnant, 2 weeks overdue",
    ],
)
def test_what_is_not_the_patient_is_left_alone(text: str) -> None:
    assert patient_from(text) == (None, None)


def test_an_impossible_age_is_no_age() -> None:
    assert patient_from("180-year-old man") == ("male", None)


@pytest.mark.parametrize(
    ("value", "sex"),
    [("M", "male"), (" f ", "female"), ("Female", "female"), ("MALE", "male"), ("U", None), (None, None)],
)
def test_sex_fields(value: object, sex: str | None) -> None:
    assert parse_sex(value) == sex


@pytest.mark.parametrize(
    ("value", "age"),
    [
        (67, 67),
        ("67", 67),
        (67.0, 67),
        ("067Y", 67),
        ("018M", 1),
        ("90+", 90),
        (">89", 89),
        ("67 years", 67),
        ("", None),
    ],
)
def test_age_fields(value: object, age: int | None) -> None:
    assert parse_age(value) == age


@pytest.mark.parametrize("value", ["sixty", "-4", True, "67;68", []])
def test_other_ages_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not an age"):
        parse_age(value)


@pytest.mark.parametrize("value", ["Q", 1, "mf"])
def test_other_sexes_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a sex"):
        parse_sex(value)


@given(st.text(alphabet="0123456789 yearsoldmanfw,./-:\n"))
def test_any_text_gives_a_plausible_age_or_none(text: str) -> None:
    age = patient_from(text).age
    assert age is None or 0 <= age <= 125
