"""Metrics by name, behind one contract: aligned texts in; scores of each sample and of the whole set out.

    from coarse2fine.evals.metrics import Samples, load_metric
    scores = load_metric("rouge").score(Samples(candidates, references))
    scores.columns["rougeL"].values, scores.corpus()["rougeL"]

All scores but counts and grades are shares from 0 to 1, as in the paper's tables. Importing this package loads no
metric, and none of what they need.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from coarse2fine.evals.metrics.base import Column, Metric, Samples, Scores, column, means
from coarse2fine.reports import InputError

__all__ = [
    "GROUPS", "METRICS", "Column", "Metric", "Samples", "Scores", "column", "load_metric", "means", "metric_names",
]  # fmt: skip

_HERE = "coarse2fine.evals.metrics"
METRICS: Mapping[str, tuple[str, str]] = {
    "rouge": (f"{_HERE}.rouge", "RougeMetric"),
    "bleu": (f"{_HERE}.bleu", "BleuMetric"),
    "bertscore": (f"{_HERE}.bertscore", "BertScoreMetric"),
    "fc": (f"{_HERE}.facts", "ConsistencyMetric"),
    "support": (f"{_HERE}.facts", "SupportMetric"),
    "coverage": (f"{_HERE}.facts", "CoverageMetric"),
    "errors": (f"{_HERE}.facts", "ErrorMetric"),
    "length": (f"{_HERE}.plain", "LengthMetric"),
    "readability": (f"{_HERE}.plain", "ReadabilityMetric"),
    "radgraph": (f"{_HERE}.radeval", "RadGraphMetric"),
    "chexbert": (f"{_HERE}.radeval", "CheXbertMetric"),
    "green": (f"{_HERE}.radeval", "GreenMetric"),
}
"""Name → module and class; loaded when it is asked for."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "paper": ("rouge", "bleu", "bertscore", "fc"),
    "facts": ("fc", "support", "coverage", "errors"),
    "plain": ("rouge", "bleu", "length", "readability"),
}
"""Names for several metrics: the columns of the paper's tables 2 and 3, those on facts, those that need no model."""


def metric_names(asked: str) -> list[str]:
    """The metrics that a text names, apart by commas or spaces; each once, groups written out.

    Raises:
        InputError: there is no such metric.
    """
    names: list[str] = []
    for name in asked.replace(",", " ").split():
        if name not in METRICS and name not in GROUPS:
            raise InputError(f"no metric is named {name!r}; there are {', '.join([*METRICS, *GROUPS])}")
        names += GROUPS.get(name, (name,))
    return list(dict.fromkeys(names))


def load_metric(name: str, **settings: Any) -> Metric:
    """A metric by name.

    Args:
        settings: of the metric's class, such as `encoder` of "bertscore" or `critic` of "fc".

    Raises:
        InputError: there is no such metric.
    """
    if name not in METRICS:
        raise InputError(f"no metric is named {name!r}; there are {', '.join(METRICS)}")
    module, kind = METRICS[name]
    metric: Metric = getattr(import_module(module), kind)(**settings)
    return metric
