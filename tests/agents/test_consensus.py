from __future__ import annotations

import pytest

from coarse2fine.agents.consensus import Choice, candidates, choose, likeness
from coarse2fine.agents.memory import Case


def case(key: str, impression: str, score: float = 1.0) -> Case:
    return Case(key=key, findings="Lungs clear.", impression=impression, score=score)


NORMAL = [case(str(n), "No acute disease.") for n in range(3)]


def test_likeness_is_the_share_of_words_in_common() -> None:
    assert likeness("No acute disease.", "no ACUTE process") == pytest.approx(4 / 6)
    assert likeness("1. Effusion.", "1. Effusion.") == 1.0
    assert likeness("", "Effusion.") == 0.0


def test_each_text_is_a_candidate_once_and_lists_stand_on_lines() -> None:
    found = candidates("Normal.", [*NORMAL, case("x", "1. Effusion. 2. Edema..")])
    assert found == [Choice("Normal."), Choice("No acute disease.", "0"), Choice("1. Effusion.\n2. Edema.", "x")]


def test_longer_texts_than_are_wanted_are_no_candidates() -> None:
    assert candidates("Normal.", NORMAL, words=2) == [Choice("Normal.")]


def test_what_is_usual_beats_the_drafters_own_text() -> None:
    options = candidates("Lungs without acute process.", NORMAL)
    assert choose("Lungs without acute process.", NORMAL, options) == Choice("No acute disease.", "0")


def test_only_what_is_proven_can_be_chosen() -> None:
    draft = "Small effusion."
    assert choose(draft, NORMAL, [Choice(draft)]) == Choice(draft)
    assert choose(draft, NORMAL, []) == Choice(draft)


def test_nearer_reports_count_more() -> None:
    cases = [case("near", "Small effusion.", 9.0), case("far", "Large mass.", 1.0)]
    options = candidates("Normal.", cases)
    assert choose("Normal.", cases, options[1:]).key == "near"
    assert choose("Normal.", [c._replace(score=0.0) for c in cases], options[1:]).key == "near"
