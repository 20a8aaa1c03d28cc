"""`coarse2fine eval bench-metrics`: what batches and the fast path of ROUGE save, with the same numbers.

coarse2fine eval bench-metrics                              # 10,000 pairs, 500 texts
coarse2fine eval bench-metrics --data train.jsonl --layout openi
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from coarse2fine.agents import factual_consistency
from coarse2fine.evals.layouts import Case
from coarse2fine.evals.metrics import Samples, load_metric
from coarse2fine.evals.metrics.bertscore import BertScoreMetric
from coarse2fine.evals.rouge import lead
from coarse2fine.reports import MissingExtra, Report
from coarse2fine.serving import NLIModel, load_nli

__all__ = ["Bench", "bench", "made_up", "real"]

T = TypeVar("T")
Floats = NDArray[np.float64]
_LOADS = 3
"""Calls that load a model each, of which the time of as many calls as there are texts is told."""

_NORMAL = ("heart size", "mediastinal contour", "pulmonary vasculature", "osseous structures", "upper abdomen")
_FOUND = ("effusion", "opacity", "atelectasis", "nodule", "consolidation", "pneumothorax", "granuloma", "fracture")
_SIZES = ("small", "moderate", "large", "mild", "stable", "new", "subtle", "calcified")
_PLACES = ("right lower lobe", "left upper lobe", "right middle lobe", "lingula", "left base", "right apex")


class Bench(BaseModel):
    """Two ways to the same figures, timed on the same texts.

    Args:
        texts: pairs or texts scored.
        plain: the way that ours is held against; plain_seconds, seconds: wall time of that and of ours, all at once.
        difference: the greatest difference between their scores.
        timed: texts that `plain` was timed on; fewer than `texts` where its time was scaled up.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    texts: int
    plain: str
    plain_seconds: float
    seconds: float
    difference: float
    timed: int


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


def real(cases: Sequence[Case]) -> Samples:
    """Reports with the radiologists' impressions as references, and the first sentence of the findings as candidates.

    Real impressions repeat, as a system's texts do; made-up ones do not.
    """
    return Samples(
        [lead(case.report.findings, 1) for case in cases],
        [case.reference for case in cases],
        [case.report for case in cases],
    )


def bench(
    *,
    pairs: int = 10_000,
    texts: int = 500,
    critic: str = "nano-critic",
    encoder: str = "",
    data: Samples | None = None,
) -> list[Bench]:
    """Time ROUGE over `pairs`, and BERTScore and FC over `texts`, against loops of single calls.

    Args:
        pairs: made up; of `data`, all that there are.
        data: texts of one's own; of these BERTScore and FC take the first `texts`.

    Raises:
        MissingExtra: rouge-score or bert-score is not installed.
        ModelError: a model cannot be loaded.
        InputError: `data` has no reports.
    """
    found = [_rouge(data or made_up(pairs))]
    if texts:
        samples = _part(data, 0, texts) if data else made_up(texts)
        found += [*_bert_score(samples, encoder), _consistency(samples, critic)]
    return found


def _rouge(samples: Samples) -> Bench:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise MissingExtra("ROUGE needs the package rouge-score: pip install 'coarse2fine[evals]'") from error
    names = ("rouge1", "rouge2", "rougeL")
    scorer, metric = RougeScorer(list(names)), load_metric("rouge")

    def plain() -> Floats:
        scores = (scorer.score(r, c) for r, c in zip(samples.references, samples.candidates, strict=True))
        return np.array([[score[name].fmeasure for name in names] for score in scores])

    metric.score(_part(samples, 0, 1))
    seconds, ours = _timed(lambda: metric.score(samples))
    plain_seconds, theirs = _timed(plain)
    mine = np.stack([ours.columns[name].values for name in names], 1)
    return _bench("rouge", "rouge-score", plain_seconds, seconds, mine, theirs)


def _bert_score(samples: Samples, encoder: str) -> list[Bench]:
    """Against bert-score, a call a pair: with a scorer that is loaded once, and by its function, which loads one."""
    metric = BertScoreMetric(encoder=encoder)
    scorer = metric.bert_scorer()
    pairs = list(zip(samples.candidates, samples.references, strict=True))

    def single() -> Floats:
        return np.array([[float(part) for part in scorer.score([c], [r])] for c, r in pairs])

    metric.score(Samples(["warm"], ["warm"]))
    seconds, ours = _timed(lambda: metric.score(samples))
    mine = np.stack([ours.columns[f"bertscore_{name}"].values for name in ("p", "r", "f1")], 1)
    plain_seconds, theirs = _timed(single)

    def loading() -> Floats:
        return np.array([[float(part) for part in metric.bert_scorer().score([c], [r])] for c, r in pairs[:_LOADS]])

    load_seconds, first = _timed(loading)
    scaled = load_seconds * len(pairs) / len(first)
    return [
        _bench("bertscore", "one by one, model loaded once", plain_seconds, seconds, mine, theirs),
        _bench("bertscore", "one by one, model loaded each time", scaled, seconds, mine, first),
    ]


def _consistency(samples: Samples, critic: str | NLIModel) -> Bench:
    metric, nli, reports = load_metric("fc", critic=critic), load_nli(critic), samples.need_reports("fc")

    def single() -> Floats:
        pairs = zip(reports, samples.candidates, strict=True)
        return np.array([factual_consistency(report.findings, text, nli) for report, text in pairs])

    metric.score(_part(samples, 0, 1))
    seconds, ours = _timed(lambda: metric.score(samples))
    plain_seconds, theirs = _timed(single)
    return _bench("fc", "one by one, model loaded once", plain_seconds, seconds, ours.columns["fc"].values, theirs)


def _bench(what: str, plain: str, plain_seconds: float, seconds: float, ours: Floats, theirs: Floats) -> Bench:
    return Bench(
        what=what,
        texts=len(ours),
        plain=plain,
        plain_seconds=plain_seconds,
        seconds=seconds,
        difference=float(np.abs(ours[: len(theirs)] - theirs).max()),
        timed=len(theirs),
    )


def _part(samples: Samples, start: int, stop: int) -> Samples:
    reports = samples.reports
    rows = slice(start, stop)
    return Samples(samples.candidates[rows], samples.references[rows], None if reports is None else reports[rows])


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done
