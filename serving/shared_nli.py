"""One NLI model for many critiques at once: their questions go together, and none is asked twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future

from coarse2fine.serving.nli import NLIModel, NLIScores, Pair

__all__ = ["REMEMBERED", "SharedNLI"]

REMEMBERED = 4_096
"""Answers kept, in memory only: a text that is revised keeps most of its claims, and audiences share them."""


class SharedNLI:
    """Lets threads share a model: while one pass runs, the questions of all others gather for the next.

    Passes side by side would each want all cores; together they are fewer, and fuller on a GPU.

    Args:
        inner: the model; one that is shared already is taken as it is.
        remember: answers kept at most, the longest unused forgotten first.
    """

    def __init__(self, inner: NLIModel, remember: int = REMEMBERED) -> None:
        self.inner: NLIModel = inner.inner if isinstance(inner, SharedNLI) else inner
        self.name, self._remember = inner.name, remember
        self._known: OrderedDict[Pair, Future[NLIScores]] = OrderedDict()
        self._waiting: list[tuple[Pair, Future[NLIScores]]] = []
        self._turn, self._lock = threading.Lock(), threading.Lock()

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """Scores in the order of `pairs`.

        Raises:
            Exception: what the model raised over the pass that held one of these pairs; the next call asks anew.
        """
        with self._lock:
            answers = [self._answer(pair) for pair in pairs]
        if not all(answer.done() for answer in answers):
            with self._turn:
                self._pass()
        return [answer.result() for answer in answers]

    def _answer(self, pair: Pair) -> Future[NLIScores]:
        answer = self._known.get(pair)
        if answer is None:
            answer = self._known[pair] = Future()
            self._waiting.append((pair, answer))
        self._known.move_to_end(pair)
        while len(self._known) > self._remember:
            self._known.popitem(last=False)
        return answer

    def _pass(self) -> None:
        with self._lock:
            asked, self._waiting = self._waiting, []
        if not asked:
            return  # the pass before this turn held them
        try:
            scores = self.inner.score([pair for pair, _ in asked])
            answered = list(zip(asked, scores, strict=True))
        except BaseException as error:
            with self._lock:
                for pair, answer in asked:
                    if self._known.get(pair) is answer:
                        del self._known[pair]
            for _, answer in asked:
                answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer), score in answered:
            answer.set_result(score)
