"""Many threads, one model: fewer passes, the same answers, and no answer from a pass that broke."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from coarse2fine.serving import NLIScores, Pair
from coarse2fine.serving.shared_nli import SharedNLI


class Counting:
    """Scores a pair by its premise's length; the first pass waits until it is let go."""

    name = "counting"

    def __init__(self, breaks: bool = False) -> None:
        self.passes: list[list[Pair]] = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.breaks, self.short, self.at_once, self.most = breaks, False, 0, 0

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.passes.append(list(pairs))
        self.begun.set()
        assert self.go.wait(10)
        self.at_once -= 1
        if self.breaks:
            raise OSError("no memory")
        return [_expected(pair) for pair in pairs][: -1 if self.short else None]


def _expected(pair: Pair) -> NLIScores:
    return NLIScores(len(pair.premise) / 100, 1 - len(pair.premise) / 100, 0.0)


def test_questions_that_come_while_a_pass_runs_go_together() -> None:
    model = Counting()
    shared = SharedNLI(model)
    asked = [[Pair("a" * n, "x"), Pair("same", "x")] for n in range(10, 30)]
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(shared.score, asked[0])
        assert model.begun.wait(10)
        others = [pool.submit(shared.score, pairs) for pairs in asked[1:]]
        end = time.monotonic() + 10
        while len(shared._waiting) < 19 and time.monotonic() < end:  # until all have asked
            time.sleep(0.001)
        model.go.set()
        found = [first.result(10), *(other.result(10) for other in others)]
    assert found == [[_expected(pair) for pair in pairs] for pairs in asked]
    assert [len(p) for p in model.passes] == [2, 19]
    assert model.most == 1


def test_what_was_answered_is_not_asked_again_until_it_is_forgotten() -> None:
    model = Counting()
    model.go.set()
    shared = SharedNLI(model, remember=2)
    one, two, three = (Pair(letter, "x") for letter in "abc")
    for pairs in ([one, two], [two, one], [three], [one], [two]):
        assert shared.score(pairs) == [_expected(pair) for pair in pairs]
    assert model.passes == [[one, two], [three], [two]]
    assert shared.score([]) == []
    assert SharedNLI(shared).inner is model


def test_a_model_that_answers_too_few_is_an_error_for_all_that_asked() -> None:
    model = Counting()
    model.go.set()
    model.short = True
    shared = SharedNLI(model)
    for _ in range(2):
        with pytest.raises(ValueError, match="shorter"):
            shared.score([Pair("a", "x"), Pair("b", "x")])
    assert len(model.passes) == 2


def test_a_broken_pass_is_raised_and_asked_anew() -> None:
    model = Counting(breaks=True)
    model.go.set()
    shared = SharedNLI(model)
    for _ in range(2):
        with pytest.raises(OSError, match="no memory"):
            shared.score([Pair("a", "x")])
    model.breaks = False
    assert shared.score([Pair("a", "x")]) == [_expected(Pair("a", "x"))]
    assert len(model.passes) == 3
