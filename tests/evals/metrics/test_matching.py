"""BERTScore's matching: a pair's figures depend on the pair alone, and each text is read once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coarse2fine.evals.metrics import matching
from coarse2fine.evals.metrics.matching import PairScorer

VECTORS = {
    "[CLS]": [1.0, 0.0],
    "[SEP]": [1.0, 0.0],
    "up": [0.0, 2.0],
    "down": [0.0, -3.0],
    "slope": [0.6, -0.8],
    "back": [-4.0, 0.0],
}
MARKS = ["[PAD]", *VECTORS]


class Tokenizer:
    """Words apart by spaces, with marks around them."""

    pad_token_id, pad_token_type_id, padding_side = 0, 0, "right"
    cls_token_id, sep_token_id, model_max_length = 1, 2, 8

    def encode(self, text: str, **settings: Any) -> list[int]:
        return [1, *(MARKS.index(word) for word in text.split() if word in MARKS), 2]

    def build_inputs_with_special_tokens(self, ids: list[int]) -> list[int]:
        return [1, *ids, 2]


class Model:
    """Looks words up; counts the texts that it reads."""

    def __init__(self) -> None:
        self.read = 0

    def eval(self) -> Model:
        return self

    def __call__(self, ids: Any, attention_mask: Any, output_hidden_states: bool) -> tuple[Any]:
        import torch

        self.read += len(ids)
        return (torch.tensor([[0.0, 0.0], *VECTORS.values()])[ids],)


@pytest.fixture
def model() -> Model:
    pytest.importorskip("bert_score")
    return Model()


@pytest.fixture
def scorer(model: Model) -> PairScorer:
    return PairScorer(SimpleNamespace(_model=model, _tokenizer=Tokenizer(), device="cpu"))


def test_equations_7_to_9_by_hand(scorer: PairScorer) -> None:
    # "up": with "down" -1, with "slope" -0.8, with a mark 0; "slope": with a mark 0.6; "down": with a mark 0
    ((precision, recall, f1),) = scorer.score([("up slope", "down")])
    assert precision == pytest.approx((0 + 0.8) / 2)  # "slope" and "down": 0.8
    assert recall == pytest.approx(0.8)
    assert f1 == pytest.approx(2 * 0.4 * 0.8 / 1.2)


def test_a_pair_is_scored_the_same_whatever_stands_beside_it(scorer: PairScorer) -> None:
    pairs = [("back", "slope"), ("up up up slope", "down down"), ("slope", "slope"), ("back", "slope")]
    together = scorer.score(pairs)
    for row, pair in enumerate(pairs):
        assert together[row] == pytest.approx(scorer.score([pair])[0], abs=1e-7)
    assert together[0, 0] == pytest.approx(-0.6)  # all are unlike it: padding would have been liked better
    assert together[2] == pytest.approx(1.0)


def test_a_text_without_a_word_scores_0(scorer: PairScorer) -> None:
    assert scorer.score([("?", "up"), ("up", "?")]).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert scorer.score([]).shape == (0, 3)


def test_each_text_is_read_once_for_all_sets(scorer: PairScorer, model: Model) -> None:
    pairs = [("up", "down"), ("slope", "down"), ("up", "down")]
    scorer.score(pairs)
    assert model.read == 3
    scorer.score([("up up", "down")])
    assert model.read == 4


def test_what_is_kept_is_bounded(scorer: PairScorer, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_KEPT", 6)
    scorer.score([("up", "down")])
    scorer.score([("slope", "down")])  # lets "up" go, keeps "down"
    assert list(scorer._kept) == ["slope", "down"]
    scorer.score([("slope", "down")])
    assert model.read == 3
    scorer.score([("up", "down")])
    assert model.read == 4


def test_sets_larger_than_a_chunk_are_whole(scorer: PairScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(" ".join(["up"] * (1 + n % 3)), " ".join(["slope"] * (1 + n % 2))) for n in range(11)]
    whole = scorer.score(pairs)
    monkeypatch.setattr(matching, "_CHUNK", 2)
    np.testing.assert_allclose(scorer.score(pairs), whole, atol=1e-7)
