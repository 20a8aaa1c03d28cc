"""The template language."""

from __future__ import annotations

import random

import pytest

from coarse2fine.reports import InputError
from coarse2fine.training.corpus.grammar import Template, tidy


def texts(source: str, values: dict[str, str] | None = None, **options: object) -> set[str]:
    made = (Template(source).expand(random.Random(i), values, **options) for i in range(60))  # type: ignore[arg-type]
    return {m.text for m in made if m}


def test_options_and_alternatives_unfold() -> None:
    assert texts("[small] (mass|nodule)") == {"Mass.", "Nodule.", "Small mass.", "Small nodule."}


def test_an_option_without_its_value_is_dropped_and_a_requirement_refuses() -> None:
    assert texts("mass [measuring {size}]") == {"Mass."}
    assert texts("mass measuring {size}") == set()


def test_what_is_said_is_recorded_under_the_attribute() -> None:
    made = Template("mass in (the {side_lay} lung)").expand(random.Random(0), {"side_lay": "left"})
    assert made is not None
    assert made.said == {"side"}


def test_always_keeps_optional_sides() -> None:
    assert texts("[{side}] mass", {"side": "left"}, keep=0.0, always=frozenset({"side"})) == {"Left mass."}


def test_number_follows_the_plural() -> None:
    assert texts("there {is} {a} effusion{s} and {mass|masses}", plural=True) == {"There are effusions and masses."}
    assert texts("there {is} {a} effusion{s} and {mass|masses}") == {"There is an effusion and mass."}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a  opacity , seen", "An opacity, seen."),
        ("a unremarkable study", "An unremarkable study."),
        ("a uniform mass", "A uniform mass."),
        ("a 8 mm nodule.. no more", "An 8 mm nodule. No more."),
        ("an one-sided change", "A one-sided change."),
        (", mass ,", "Mass."),
    ],
)
def test_tidy_mends_articles_spaces_and_stops(raw: str, clean: str) -> None:
    assert tidy(raw) == clean


@pytest.mark.parametrize("source", ["mass [open", "mass open]", "a | b", "(a|b"])
def test_broken_templates_are_refused_with_their_text(source: str) -> None:
    with pytest.raises(InputError, match="template"):
        Template(source).expand(random.Random(0))
