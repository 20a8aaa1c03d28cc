"""`coarse2fine eval bench-metrics`: what batches and the fast path of ROUGE save, with the same numbers.

coarse2fine eval bench-metrics                              # 10,000 pairs, 128 texts
coarse2fine eval bench-metrics --pairs 2000 --texts 32 --json
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.metrics import Samples, Scores, load_metric
from coarse2fine.reports import MissingExtra, Report

__all__ = ["Bench", "bench", "made_up"]

T = TypeVar("T")

_NORMAL = ("heart size", "mediastinal contour", "pulmonary vasculature", "osseous structures", "upper abdomen")
_FOUND = ("effusion", "opacity", "atelectasis", "nodule", "consolidation", "pneumothorax", "granuloma", "fracture")
_SIZES = ("small", "moderate", "large", "mild", "stable", "new", "subtle", "calcified")
_PLACES = ("right lower lobe", "left upper lobe", "right middle lobe", "lingula", "left base", "right apex")


class Bench(BaseModel):
    """Two ways to the same figures, timed on the same texts, models warm.

    Args:
        texts: pairs or texts scored.
        plain: the way that ours is held against; plain_seconds, seconds: wall time of that and of ours, all at once.
        difference: the greatest difference between their scores.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    texts: int
    plain: str
    plain_seconds: float
    seconds: float
    difference: float


def made_up(number: int, seed: int = 20260101) -> Samples:
    """Made-up findings with impressions of two writers, about as long as those of chest radiographs."""
    rng = random.Random(seed)
    rows = [_report(rng) for _ in range(number)]
    reports = [Report(findings=findings) for findings, _, _ in rows]
    return Samples([candidate for _, candidate, _ in rows], [reference for _, _, reference in rows], reports)


def _report(rng: random.Random) -> tuple[str, str, str]:
    found = [
        f"{rng.choice(_SIZES)} {rng.randint(2, 40)} mm {rng.choice(_FOUND)} in the {rng.choice(_PLACES)}"
        for _ in range(rng.randint(1, 4))
    ]
    normal = rng.sample(_NORMAL, rng.randint(1, 4))
    findings = ". ".join([*(f"There is a {one}" for one in found), *(f"The {one} is normal" for one in normal)])
    reference = ". ".join([one.capitalize() for one in found] + ["No acute bony abnormality"] * rng.randint(0, 1))
    candidate = ". ".join(f"There is a {one}" for one in rng.sample(found, rng.randint(1, len(found))))
    return f"{findings}.", f"{candidate}.", f"{reference}."


def bench(*, pairs: int = 10_000, texts: int = 128, critic: str = "nano-critic", encoder: str = "") -> list[Bench]:
    """Time ROUGE over `pairs`, and BERTScore and FC over `texts`.

    Raises:
        MissingExtra: rouge-score or bert-score is not installed.
        ModelError: a model cannot be loaded.
    """
    found = [_rouge(made_up(pairs))]
    if texts:
        samples = made_up(texts)
        for name, column, settings in (
            ("bertscore", "bertscore_f1", {"encoder": encoder}),
            ("fc", "fc", {"critic": critic}),
        ):
            found.append(_batched(samples, name, column, settings))
    return found


def _rouge(samples: Samples) -> Bench:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise MissingExtra("ROUGE needs the package rouge-score: pip install 'coarse2fine[evals]'") from error
    names = ("rouge1", "rouge2", "rougeL")
    scorer, metric = RougeScorer(list(names)), load_metric("rouge")

    def plain() -> NDArray[np.float64]:
        scores = (scorer.score(r, c) for r, c in zip(samples.references, samples.candidates, strict=True))
        return np.array([[score[name].fmeasure for name in names] for score in scores])

    metric.score(_part(samples, 0))
    seconds, ours = _timed(lambda: metric.score(samples))
    plain_seconds, theirs = _timed(plain)
    mine = np.stack([ours.columns[name].values for name in names], 1)
    return Bench(
        what="rouge",
        texts=len(samples),
        plain="rouge-score",
        plain_seconds=plain_seconds,
        seconds=seconds,
        difference=float(np.abs(mine - theirs).max()),
    )


def _batched(samples: Samples, name: str, column: str, settings: dict[str, str]) -> Bench:
    metric = load_metric(name, **settings)
    metric.score(_part(samples, 0))

    def loop() -> list[Scores]:
        return [metric.score(_part(samples, row)) for row in range(len(samples))]

    seconds, ours = _timed(lambda: metric.score(samples))
    plain_seconds, theirs = _timed(loop)
    single = np.array([scores.columns[column].values[0] for scores in theirs])
    return Bench(
        what=name,
        texts=len(samples),
        plain="one by one",
        plain_seconds=plain_seconds,
        seconds=seconds,
        difference=float(np.abs(ours.columns[column].values - single).max()),
    )


def _part(samples: Samples, row: int) -> Samples:
    reports = samples.reports
    one = slice(row, row + 1)
    return Samples(samples.candidates[one], samples.references[one], None if reports is None else reports[one])


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done
