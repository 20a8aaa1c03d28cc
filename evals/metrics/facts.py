"""What the findings prove of a text and what the text leaves out: FC, support, coverage, errors by kind.

These compare a text with its report, not with the reference. A whole set is judged in few, large batches, and critiqued
once, however many of these metrics are asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from coarse2fine.agents import Critic, Critique, CritiqueJob, Verdict
from coarse2fine.agents.coverage import findings_of
from coarse2fine.agents.source import source_of
from coarse2fine.evals.metrics.base import Samples, Scores, column, means
from coarse2fine.evals.statistics import Statistic, ratio
from coarse2fine.reports import Report
from coarse2fine.serving import NLIModel, Pair, load_nli

__all__ = ["ERROR_KINDS", "ConsistencyMetric", "CoverageMetric", "ErrorMetric", "SupportMetric"]

_CHUNK = 512

ERROR_KINDS = (
    "negation", "normal", "invention", "hedge", "structure", "place", "kind", "side", "severity", "measurement",
    "count", "level", "change", "acuity", "grade", "sex", "age", "number", "refuted", "unproven", "other",
)  # fmt: skip
"""What the critic's checks call a fault; "refuted" and "unproven" are what its model (or a judge) finds contradicted
and not proven; "other" is what a check of one's own finds, or a judge's answer that could not be read."""


class ConsistencyMetric:
    """The paper's factual consistency (section 4.2): the probability that the findings entail the whole text.

    The same figure as `agents.factual_consistency`, for all texts in one call. An empty candidate scores 0.

    Args:
        critic: "nano-critic" (reads 256 tokens of findings and text together), "hf:PATH_OR_ID",
            "trueteacher:PATH_OR_ID" (the paper's: google/t5_11b_trueteacher_and_anli), or a model.
    """

    name = "fc"

    def __init__(self, *, critic: str | NLIModel = "nano-critic") -> None:
        self.critic = critic

    def score(self, samples: Samples) -> Scores:
        """Scores.

        Raises:
            InputError: there are no reports.
            ModelError: the model cannot be loaded.
        """
        reports, nli = samples.need_reports(self.name), load_nli(self.critic)
        values, rows = np.zeros(len(samples)), samples.filled()
        pairs = [Pair(reports[i].findings, samples.candidates[i]) for i in rows]
        values[rows] = [scores.entailment for scores in nli.score(pairs)]
        return means(samples, {"fc": values}, f"entailment probability by {nli.name}")


class _CriticMetric:
    """What `SupportMetric`, `CoverageMetric` and `ErrorMetric` share.

    Args:
        critic: as in `ConsistencyMetric`, the model behind the critic; or a whole critic.
    """

    name = ""

    def __init__(self, *, critic: str | NLIModel | Critic = "nano-critic") -> None:
        self._critic = critic

    def _read(self, samples: Samples) -> tuple[tuple[Critique, ...], str]:
        """All critiques, and the note that tells by whom."""
        samples.need_reports(self.name)
        given: Any = self._critic
        critic = given if isinstance(given, Critic) else _critic(given)
        return _critiques(samples, critic), f"critic with {critic.nli.name}"


class SupportMetric(_CriticMetric):
    """The share of a text's claims that the critic accepts, mean over texts. A text without a claim scores 0."""

    name = "support"

    def score(self, samples: Samples) -> Scores:
        """Scores; raises as `ConsistencyMetric.score` does."""
        critiques, note = self._read(samples)
        shares = [(len(c.verdicts) - len(c.faults)) / len(c.verdicts) if c.verdicts else 0.0 for c in critiques]
        return means(samples, {"support": shares}, note)


class CoverageMetric(_CriticMetric):
    """The share of a report's critical and significant findings that a text names.

    The value of a set counts all findings of all its reports alike. A text whose report has no such finding scores 1
    and does not count in it; an empty candidate scores 0.
    """

    name = "coverage"

    def score(self, samples: Samples) -> Scores:
        """Scores; raises as `ConsistencyMetric.score` does."""
        critiques, note = self._read(samples)
        due = np.array([_due(report) for report in samples.need_reports(self.name)], np.float64)
        missed = [sum(o.significance != "incidental" for o in critique.omissions) for critique in critiques]
        filled = np.isin(np.arange(len(samples)), samples.filled())
        named = np.where(filled, due - missed, 0.0)
        shares = np.where(due > 0, named / np.maximum(due, 1), filled)
        note = f"{note}; {due.sum():.0f} findings to name, in {np.count_nonzero(due)} of {len(due)} reports"
        return Scores(samples, {"coverage": column(shares, Statistic(np.stack([named, due], 1), ratio))}, note)


class ErrorMetric(_CriticMetric):
    """Faults that the critic finds in a text: `errors`, and by kind; means a text. A claim may have several faults."""

    name = "errors"

    def score(self, samples: Samples) -> Scores:
        """Counts; raises as `ConsistencyMetric.score` does. An empty candidate makes no error: see `SupportMetric`."""
        critiques, note = self._read(samples)
        counts = [Counter(kind for verdict in c.faults for kind in _kinds(verdict)) for c in critiques]
        columns = {f"errors_{kind}": [count[kind] for count in counts] for kind in ERROR_KINDS}
        return means(samples, {"errors": [count.total() for count in counts], **columns}, note)


@lru_cache(maxsize=4)
def _critic(nli: Any) -> Critic:
    """One critic a model, so that the metrics share its critiques."""
    return Critic(load_nli(nli))


@lru_cache(maxsize=2)
def _critiques(samples: Samples, critic: Critic) -> tuple[Critique, ...]:
    """Critiques of all candidates as drafts, for the last two sets: metrics ask for the same ones in turn."""
    reports = samples.need_reports("critic")
    jobs = [CritiqueJob(report, text) for report, text in zip(reports, samples.candidates, strict=True)]
    chunks = (jobs[start : start + _CHUNK] for start in range(0, len(jobs), _CHUNK))
    return tuple(critique for chunk in chunks for critique in critic.critique_many(chunk))


def _due(report: Report) -> int:
    return sum(finding.significance != "incidental" for finding in findings_of(source_of(report)))


_KIND = re.compile(r"([a-z]+): ")


def _kinds(verdict: Verdict) -> Iterator[str]:
    if verdict.layer != "check":
        yield {"contradicted": "refuted", "unsupported": "unproven"}.get(verdict.label, "other")
        return
    for reason in verdict.reasons:
        named = _KIND.match(reason)
        yield named[1] if named and named[1] in ERROR_KINDS else "other"
