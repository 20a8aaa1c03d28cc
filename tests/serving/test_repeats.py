"""An answer of nano says each sentence once and ends where it would begin to repeat itself."""

from __future__ import annotations

import pytest
import torch

from coarse2fine.serving.nano import _Once
from coarse2fine.serving.nano_text import Ends, said_once

STOP, NEWLINE, ONE, TWO, END = 1, 2, 3, 4, 9
ENDS = Ends(stops=frozenset({STOP, NEWLINE}), marks=frozenset({NEWLINE, ONE, TWO}), end=END)


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        ([5, 6, STOP, 7, STOP], [5, 6, STOP, 7, STOP]),
        ([5, STOP, 5, STOP], [5, STOP]),
        ([ONE, 5, STOP, NEWLINE, TWO, 5, STOP], [ONE, 5, STOP]),
        ([ONE, 5, STOP, NEWLINE, TWO, 6, STOP], [ONE, 5, STOP, NEWLINE, TWO, 6, STOP]),
        ([5, STOP, 6, STOP, 5, STOP, 7], [5, STOP, 6, STOP, 7]),
        ([5, STOP, 7, 8, 6, 8, 6, 8, 6], [5, STOP, 7, 8, 6]),
        ([8, 8, 8], [8]),
        ([], []),
    ],
)
def test_repeated_sentences_are_dropped_with_their_mark(ids: list[int], kept: list[int]) -> None:
    assert said_once(ids, ENDS) == kept


def test_only_the_row_that_repeats_itself_must_end() -> None:
    prompt = [5, STOP]
    said = [[5, STOP, 5, STOP], [6, 6, 6, 6], [5, STOP, 6, STOP], [5, STOP, 5, 6]]
    scores = _Once(ENDS, len(prompt))(torch.tensor([[*prompt, *row] for row in said]), torch.zeros(4, 10))
    for row in (0, 1):
        assert scores[row].argmax().item() == END
        assert scores[row].isinf().sum().item() == 9
    assert not scores[2:].isinf().any()
