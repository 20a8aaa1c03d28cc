"""Natural language inference: does a premise (evidence) prove a hypothesis (claim)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from coarse2fine.reports import ModelError
from coarse2fine.serving.batches import by_length, padded

__all__ = ["NLIModel", "NLIScores", "Pair", "SequenceClassifierNLI", "TrueTeacherNLI"]


class Pair(NamedTuple):
    """One question: does `premise` prove `hypothesis`?"""

    premise: str
    hypothesis: str


class NLIScores(NamedTuple):
    """Probabilities that sum to one. A model with two classes puts all that is not entailment into `neutral`."""

    entailment: float
    neutral: float
    contradiction: float


@runtime_checkable
class NLIModel(Protocol):
    """Anything that scores pairs."""

    name: str

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """Scores in the order of `pairs`; an empty list for none."""
        ...


class SequenceClassifierNLI:
    """Any Hugging Face sequence classifier whose labels say entailment, neutral, contradiction (or entailment, not).

    Args:
        path: folder or hub id.
        name: what traces call it.
        batch_size: pairs a forward pass at most; pairs of like length go together.

    Raises:
        ModelError: (on first use) it cannot be loaded, or has no label that says entailment.
    """

    def __init__(self, path: Path | str, name: str = "", batch_size: int = 32) -> None:
        self.path, self.name, self.batch_size = path, name or f"hf:{path}", batch_size

    @cached_property
    def _loaded(self) -> tuple[Any, Any, dict[str, int]]:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.path)
            model = AutoModelForSequenceClassification.from_pretrained(self.path, dtype=torch.float32).eval()
            model = model.to(_device())
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot load the NLI model {self.name}: {error}") from error
        return tokenizer, model, _label_ids(self.name, model.config.id2label)

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """Scores in the order of `pairs`."""
        import torch

        if not pairs:
            return []
        tokenizer, model, labels = self._loaded
        asked = list(dict.fromkeys(pairs))
        coded = tokenizer(
            [pair.premise for pair in asked], [pair.hypothesis for pair in asked],
            truncation="longest_first", max_length=256,
        )  # fmt: skip
        scores: dict[Pair, NLIScores] = {}
        for chosen in by_length([len(ids) for ids in coded["input_ids"]], self.batch_size):
            batch = padded({name: [values[i] for i in chosen] for name, values in coded.items()}, tokenizer)
            with torch.inference_mode():
                rows = model(**_on(model, batch)).logits.float().softmax(-1).tolist()
            scores |= {asked[i]: _scores(row, labels) for i, row in zip(chosen, rows, strict=True)}
        return [scores[pair] for pair in pairs]


def _device() -> str:
    """The first CUDA device where there is one, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _on(model: Any, batch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tensor.to(model.device) for name, tensor in batch.items()}


def _label_ids(name: str, id2label: dict[int, str]) -> dict[str, int]:
    found = {}
    for index, label in id2label.items():
        low = label.lower()
        for key in ("not_entailment", "contradiction", "neutral", "entailment"):
            if key in low or (key == "entailment" and low in ("supported", "consistent")):
                found[key] = int(index)
                break
    if "entailment" not in found:
        raise ModelError(f"{name} has the labels {sorted(id2label.values())}; none says entailment")
    return found


def _scores(row: list[float], labels: dict[str, int]) -> NLIScores:
    entailment = row[labels["entailment"]]
    contradiction = row[labels["contradiction"]] if "contradiction" in labels else 0.0
    return NLIScores(entailment, 1.0 - entailment - contradiction, contradiction)


class TrueTeacherNLI:
    """TrueTeacher-style T5 (the paper's FC, section 4.2): "premise: ... hypothesis: ..." answered "1" or "0".

    Args:
        path: folder or hub id, such as "google/t5_11b_trueteacher_and_anli".

    Raises:
        ModelError: (on first use) it cannot be loaded.
    """

    def __init__(self, path: str, name: str = "", batch_size: int = 4) -> None:
        self.path, self.name, self.batch_size = path, name or f"trueteacher:{path}", batch_size

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        try:
            model = AutoModelForSeq2SeqLM.from_pretrained(self.path).eval().to(_device())
            return AutoTokenizer.from_pretrained(self.path), model
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot load the NLI model {self.name}: {error}") from error

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """Scores in the order of `pairs`: the probability of "1" against "0" as the first answer token."""
        import torch

        if not pairs:
            return []
        tokenizer, model = self._loaded
        yes, no = (tokenizer(text, add_special_tokens=False).input_ids[0] for text in ("1", "0"))
        found: list[NLIScores] = []
        for start in range(0, len(pairs), self.batch_size):
            texts = [f"premise: {p.premise} hypothesis: {p.hypothesis}" for p in pairs[start : start + self.batch_size]]
            batch = tokenizer(texts, padding=True, truncation=True, max_length=2048, return_tensors="pt")
            begin = torch.full((len(texts), 1), model.config.decoder_start_token_id)
            with torch.inference_mode():
                logits = model(**_on(model, {**batch, "decoder_input_ids": begin})).logits[:, -1, [yes, no]]
            for supported, refuted in logits.float().softmax(-1).tolist():
                found.append(NLIScores(supported, refuted, 0.0))
        return found
