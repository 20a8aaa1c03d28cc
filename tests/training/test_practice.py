from __future__ import annotations

import random
from collections import Counter

import pytest

from coarse2fine.serving.codec import CASE, CASES
from coarse2fine.training.corpus.compose import compose
from coarse2fine.training.corpus.impress import impression
from coarse2fine.training.corpus.knowledge import Exam, knowledge
from coarse2fine.training.corpus.practice import MOST_CASES, practice
from coarse2fine.training.corpus.styles import HELD_OUT, STYLES, Style, draw_style


@pytest.fixture(scope="module")
def chest() -> Exam:
    return next(exam for exam in knowledge() if exam.exam == "xr-chest")


def test_every_draft_stands_beside_cases_of_others(chest: Exam) -> None:
    conversations = list(practice(random.Random(1), chest, size=40))
    assert len(conversations) == 40
    for turns in conversations:
        asked = turns[0].text
        assert 1 <= asked.count(f" {CASE} ") <= MOST_CASES
        assert asked.index("<|findings|>") < asked.index(CASES) < asked.index("<|draft|>")
        assert [turn.learned for turn in turns] == [False, True]


def test_the_same_seed_gives_the_same_practice(chest: Exam) -> None:
    assert list(practice(random.Random(5), chest, 12)) == list(practice(random.Random(5), chest, 12))


def test_a_radiologist_with_habits_says_normal_mostly_in_one_way(chest: Exam) -> None:
    def ways(style: Style) -> Counter[str]:
        rng = random.Random(2)
        return Counter(impression(rng, compose(chest, rng, findings=0), style) for _ in range(60))

    nobody, someone = ways(Style("any", usual=0.1)), ways(Style("one", usual=0.1, habit="a"))
    assert someone.most_common(1)[0][1] > 40 > nobody.most_common(1)[0][1]


def test_held_out_radiologists_are_never_drawn() -> None:
    rng = random.Random(3)

    def form(style: Style) -> tuple[object, ...]:
        return style.layout, style.keep, style.order, style.negatives, style.incidentals, style.closing

    held = {form(style) for style in HELD_OUT}
    assert len(held) == 6
    assert not held & {form(style) for style in STYLES}
    assert not held & {form(draw_style(rng)) for _ in range(5000)}
