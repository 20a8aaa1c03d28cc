"""BERTScore's matching (the paper's equations 7 to 9) over an encoder that reads each text once.

The encoder, its tokenizer and the cutting of texts are bert-score's own. What differs is the order of work: a text that
stands in many pairs is encoded once and kept for the next set; texts of like length share a forward pass; and a pair is
matched without padding. bert-score pads the pairs of a batch with similarities of 0, which beat real ones below 0, so
that its figures of a pair depend on its neighbours (by up to 0.006 on radiology reports); these are its figures of the
pair alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coarse2fine.serving.batches import TOKENS, by_length, padded

__all__ = ["PairScorer"]

_CHUNK = 1024
_KEPT = 1 << 17
"""Tokens whose vectors are kept, at least those of one chunk: 200 MB at 384 numbers each."""
_ACCELERATED = 16 * TOKENS


class _Text(NamedTuple):
    """Unit vectors of a text's tokens, (tokens, width), and each one's weight in the mean, (tokens,)."""

    vectors: Any
    weights: Any


class PairScorer:
    """Precision, recall and F1 of pairs.

    Args:
        scorer: a `bert_score.BERTScorer`, without idf and rescaling.
        batch_size: texts a forward pass at most.
    """

    def __init__(self, scorer: Any, batch_size: int = 64) -> None:
        self._model, self._tokenizer, self._device = scorer._model, scorer._tokenizer, scorer.device
        self._most = batch_size
        self._kept: dict[str, _Text] = {}

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Precision, recall, F1 of (candidate, reference), shape (pairs, 3); of a text without a word 0."""
        asked = list(dict.fromkeys(pairs))
        found: dict[tuple[str, str], tuple[float, float, float]] = {}
        for start in range(0, len(asked), _CHUNK):
            chunk = asked[start : start + _CHUNK]
            texts = self._texts(text for pair in chunk for text in pair)
            found |= {pair: _match(texts[pair[0]], texts[pair[1]]) for pair in chunk}
        return np.array([found[pair] for pair in pairs], np.float64).reshape(-1, 3)

    def _texts(self, wanted: Iterable[str]) -> Mapping[str, _Text]:
        """Texts read, those that are wanted last kept last; the oldest are let go."""
        names = dict.fromkeys(wanted)
        new = [text for text in names if text not in self._kept]
        read = dict(zip(new, self._read(new), strict=True))
        found = {text: read.get(text) or self._kept.pop(text) for text in names}
        self._kept |= found
        tokens = sum(len(text.weights) for text in self._kept.values())
        for name in [name for name in self._kept if name not in found]:
            if tokens <= _KEPT:
                break
            tokens -= len(self._kept.pop(name).weights)
        return found

    def _read(self, texts: Sequence[str]) -> list[_Text]:
        import torch
        from bert_score.utils import bert_encode, sent_encode

        codes = [sent_encode(self._tokenizer, text) for text in texts]
        read: dict[int, _Text] = {}
        tokens = TOKENS if torch.device(self._device).type == "cpu" else _ACCELERATED
        for chosen in by_length([len(ids) for ids in codes], self._most, tokens):
            rows = {"input_ids": [codes[i] for i in chosen], "attention_mask": [[1] * len(codes[i]) for i in chosen]}
            batch = {name: table.to(self._device) for name, table in padded(rows, self._tokenizer).items()}
            with torch.inference_mode():
                states = bert_encode(self._model, batch["input_ids"], batch["attention_mask"])
                vectors = torch.nn.functional.normalize(states, dim=-1).cpu()
            for i, row, seen in zip(chosen, vectors, batch["attention_mask"].bool().cpu(), strict=True):
                read[i] = _Text(row[seen].clone(), self._weights(codes[i]))
        return [read[i] for i in range(len(texts))]

    def _weights(self, ids: Sequence[int]) -> Any:
        """Each token's share of the mean; the marks of beginning and end may be matched, but have none."""
        import torch

        marks = (self._tokenizer.cls_token_id, self._tokenizer.sep_token_id)
        counted = torch.tensor([float(i not in marks) for i in ids])
        return counted / counted.sum().clamp(min=1)


def _match(candidate: _Text, reference: _Text) -> tuple[float, float, float]:
    """Each token with the one most like it on the other side: equations 7 (recall), 8 (precision), 9 (F1)."""
    if not (candidate.weights.any() and reference.weights.any()):
        return 0.0, 0.0, 0.0
    alike = candidate.vectors @ reference.vectors.T
    precision = float(alike.max(1).values @ candidate.weights)
    recall = float(alike.max(0).values @ reference.weights)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0
