"""Errors in findings: how many, which, where never, and the same ones again."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
import yaml

from coarse2fine.evals.noise import KINDS, NoiseKind, count_words, noisy, noisy_report, strike
from coarse2fine.reports import InputError, Report

TEXT = (
    "There is no hilar adenopathy. The 3 mm nodule in the left lower lobe at T4-5 is unchanged since two years ago. "
    "Heart size is normal. No pleural effusion or pneumothorax. Mild degenerative changes of the thoracic spine. "
)


def test_rate_0_changes_nothing() -> None:
    assert noisy(TEXT, 0) == TEXT
    assert strike(TEXT, 0) == []


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.05, 0.1, 0.3])
def test_the_rate_is_kept_over_many_reports(rate: float) -> None:
    texts = [f"{TEXT}Case {n}." for n in range(1500)]
    struck = sum(len(strike(text, rate)) for text in texts)
    assert struck / sum(map(count_words, texts)) == pytest.approx(rate, rel=0.08, abs=0.001)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_rate_is_kept_in_one_report_up_to_a_word(rate: float) -> None:
    assert abs(len(strike(TEXT, rate, 7)) - rate * count_words(TEXT)) < 1


def test_the_same_seed_gives_the_same_text_and_another_another() -> None:
    assert noisy(TEXT, 0.2, 5) == noisy(TEXT, 0.2, 5)
    assert len({noisy(TEXT, 0.2, seed) for seed in range(5)}) == 5


def test_errors_at_a_rate_are_among_those_at_a_greater_one() -> None:
    for seed in range(20):
        assert set(strike(TEXT, 0.05, seed)) <= set(strike(TEXT, 0.1, seed)) <= set(strike(TEXT, 0.5, seed))


def test_each_error_changes_its_word_and_nothing_else() -> None:
    for seed in range(50):
        errors = strike(TEXT, 1, seed)
        assert all(TEXT[e.start : e.end] == e.word != e.written for e in errors)
        assert re.sub(r"\w", "", noisy(TEXT, 0.3, seed).replace(" ", "")) == re.sub(r"\w", "", TEXT.replace(" ", ""))


def test_numbers_stay_unless_asked() -> None:
    for seed in range(50):
        assert not {"3", "T4-5", "two"} & {e.word for e in strike(TEXT, 1, seed)}
    struck = {e.word for seed in range(50) for e in strike(TEXT, 1, seed, numbers=True)}
    assert {"two", "T4-5"} <= struck


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_may_be_asked_for_alone(kind: NoiseKind) -> None:
    errors = [e for seed in range(10) for e in strike(TEXT, 1, seed, kinds=[kind])]
    assert {e.kind for e in errors} == {kind}
    grown = {len(e.written) - len(e.word) for e in errors}
    match kind:
        case "neighbour" | "transposition":
            assert grown == {0}
            assert kind == "neighbour" or all(sorted(e.word) == sorted(e.written) for e in errors)
        case "deletion":
            assert grown == {-1}
        case "doubling":
            assert grown == {1}
        case "heard":
            assert {"know", "now"} <= {e.written for e in errors if e.word == "no"}
            assert {e.written for e in errors if e.word == "hilar"} == {"higher"}
            assert all(e.written[0].isupper() for e in errors if e.word[0].isupper())


def test_neighbours_lie_beside_one_another_on_the_keyboard() -> None:
    errors = [e for seed in range(30) for e in strike("hhhh", 1, seed, kinds=["neighbour"])]
    assert {e.written.replace("h", "") for e in errors} == set("gjyubn")


def test_of_a_report_only_the_findings_change() -> None:
    report = Report(findings=TEXT, exam="Chest radiograph", clinical_information="There is no fever.", id="a")
    struck = noisy_report(report, 0.5)
    assert struck.findings != TEXT
    assert struck.model_copy(update={"findings": TEXT}) == report


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="share"):
        noisy(TEXT, rate)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="poem"):
        noisy(TEXT, 0.1, kinds=["poem"])  # type: ignore[list-item]


def test_the_lists_hold_words_that_can_be_met() -> None:
    held = yaml.safe_load((files("coarse2fine.evals") / "noise.yaml").read_text("utf-8"))
    assert len(held["heard"]) > 50
    for word, heard in held["heard"].items():
        assert word == word.lower()
        assert heard
        assert word not in heard
        assert word not in held["numbers"]
