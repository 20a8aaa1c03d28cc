"""Metrics of the third-party package radeval, by its public class `RadEval`: RadGraph, CheXbert, GREEN.

radeval fetches its models from hubs when they are first used; GREEN's has seven billion parameters and wants a GPU.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from coarse2fine.evals.metrics.base import Samples, Scores, column
from coarse2fine.reports import MissingExtra, ModelError

__all__ = ["CheXbertMetric", "GreenMetric", "RadGraphMetric"]


class _RadEvalMetric:
    name = ""
    asked = ""
    """What radeval calls it."""
    columns: tuple[str, ...] = ()
    """What radeval calls its scores of single samples."""
    pooled: tuple[str, ...] = ()
    """What it calls its scores of the whole set that are no means of those."""

    def score(self, samples: Samples) -> Scores:
        """Scores; an empty candidate scores 0 and is never shown to radeval.

        Raises:
            MissingExtra: radeval, or a package that it needs, is not installed.
            ModelError: it cannot load or run its model.
            InputError: it gives a sample no score.
        """
        kind, rows = self._kind(), samples.filled()
        texts = {
            "refs": [samples.references[i] for i in rows],
            "hyps": [samples.candidates[i] for i in rows],
        }
        found, totals = self._ask(kind, texts) if rows else ({}, {})
        table = {}
        for name in self.columns:
            values = np.zeros(len(samples))
            values[rows] = [np.nan if value is None else value for value in found.get(name, ())]
            table[name] = column(values)
        return Scores(samples, table, f"radeval {_version()}", {n: float(totals.get(n, 0.0)) for n in self.pooled})

    def _kind(self) -> Any:
        try:
            from radeval import RadEval
        except ImportError as error:
            raise MissingExtra(
                f"the metric {self.name!r} needs the package radeval: pip install 'coarse2fine[radeval]'"
            ) from error
        return RadEval

    def _ask(self, kind: Any, texts: dict[str, list[str]]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Scores of single samples and, where some are wanted, of the whole set."""
        try:
            metric = kind(metrics=[self.asked], per_sample=True, show_progress=False)
            found = metric(**texts)
            metric.per_sample = False
            return found, metric(**texts) if self.pooled else {}
        except ImportError as error:
            raise MissingExtra(
                f"radeval cannot work out {self.name}, {error}: pip install 'coarse2fine[radeval]'"
            ) from error
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(f"radeval cannot work out {self.name}: {error}") from error


def _version() -> str:
    try:
        return version("radeval")
    except PackageNotFoundError:
        return "of unknown version"


class RadGraphMetric(_RadEvalMetric):
    """RadGraph F1 of entities (simple), with relations (partial), and complete, by radgraph-xl (Jain et al. 2021)."""

    name = "radgraph"
    asked = "radgraph"
    columns = ("radgraph_simple", "radgraph_partial", "radgraph_complete")


class CheXbertMetric(_RadEvalMetric):
    """CheXbert (Smit et al. 2020): agreement on 14 and on 5 conditions a sample; micro F1 of the whole set as totals.

    Totals are over the samples whose candidate says something.
    """

    name = "chexbert"
    asked = "f1chexbert"
    columns = ("f1chexbert_sample_acc_5", "f1chexbert_sample_acc_all")
    pooled = ("f1chexbert_5_micro_f1", "f1chexbert_all_micro_f1")


class GreenMetric(_RadEvalMetric):
    """GREEN (Ostmeier et al. 2024): matched findings over those and significant errors, by a language model."""

    name = "green"
    asked = "green"
    columns = ("green",)
