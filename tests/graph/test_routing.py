from __future__ import annotations

from typing import Any

import pytest

from coarse2fine.agents import Critique, Omission, Verdict
from coarse2fine.graph.diff import word_diff
from coarse2fine.graph.routing import after_critique, after_revise, best_round, why_stop
from coarse2fine.graph.state import Round


def a_round(number: int, wrong: int, text: str = "", step: Any = "revise", missing: int = 0) -> Round:
    verdict = Verdict(text="x", start=0, end=1, label="unsupported", layer="nli")
    fine = verdict.model_copy(update={"label": "supported"})
    omission = Omission(text="x", start=0, end=1, significance="critical")
    critique = Critique(verdicts=(verdict,) * wrong + (fine,), omissions=(omission,) * missing)
    return Round(number=number, step=step, text=text or f"text {number}", critique=critique)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [([1, 0], "passed"), ([2, 1], None), ([1, 1], "no_gain"), ([2, 1, 2], "no_gain"), ([3, 2, 1], "max_rounds")],
)
def test_why_a_loop_stops(wrong: list[int], why: str | None) -> None:
    assert why_stop([a_round(i, w) for i, w in enumerate(wrong, 1)], 3) == why


def test_the_same_text_again_is_no_change() -> None:
    assert why_stop([a_round(1, 1, "same"), a_round(2, 1, "same")], 3) == "no_change"


def test_the_best_round() -> None:
    first, second, third = a_round(1, 2), a_round(2, 1), a_round(3, 1)
    assert best_round([first, second, third]) is second
    repaired = a_round(4, 0, step="repair", missing=1)
    assert best_round([first, second, repaired]) is repaired
    empty = Round(number=4, step="repair", text="", critique=Critique(verdicts=()))
    assert best_round([first, empty]) is first


def test_after_a_critique() -> None:
    wrong, fine = a_round(1, 1), a_round(1, 0)
    state: Any = {"rounds": [wrong], "why": None}
    assert after_critique(state) == "revise"
    assert after_critique({**state, "why": "no_gain"}) == "repair"
    assert after_critique({**state, "rounds": [fine], "why": "passed"}) == "__end__"
    repairs = [a_round(number, 1, step="repair") for number in range(2, 6)]
    for tried in range(4):
        assert after_critique({**state, "rounds": [wrong, *repairs[:tried]], "why": "no_gain"}) == "repair"
    assert after_critique({**state, "rounds": [wrong, *repairs], "why": "no_gain"}) == "__end__"
    empty = Round(number=2, step="repair", text="", critique=Critique(verdicts=()))
    assert after_critique({**state, "rounds": [wrong, empty], "why": "no_gain"}) == "__end__"


def test_after_a_revision() -> None:
    state: Any = {"rounds": [a_round(1, 1)], "why": None}
    assert after_revise(state) == "critique"
    assert after_revise({**state, "why": "unparsable"}) == "repair"


def test_word_diff() -> None:
    assert word_diff("Small left effusion.", "Large left effusion now.") == (
        ("removed", "Small"),
        ("added", "Large"),
        ("same", "left"),
        ("removed", "effusion."),
        ("added", "effusion now."),
    )
    assert word_diff("", "New text") == (("added", "New text"),)
    assert word_diff("same", "same") == (("same", "same"),)
