"""What a metric takes and gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coarse2fine.evals.statistics import Statistic, mean_of
from coarse2fine.reports import InputError, Report

__all__ = ["Column", "Metric", "Samples", "Scores", "column", "means"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Texts to score, sample by sample: all lists have one length.

    Args:
        candidates: what a system wrote; an empty one is a text that says nothing, and scores 0.
        references: what a radiologist wrote.
        reports: what both were written from, for metrics that prove texts against findings.
        ids: opaque names of the samples; by default "1" to "n".

    Raises:
        InputError: there is no sample, lists differ in length, something is no text, a reference is empty, or an id
            stands twice.
    """

    candidates: Sequence[str]
    references: Sequence[str]
    reports: Sequence[Report] | None = None
    ids: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        n = len(self.candidates)
        object.__setattr__(self, "ids", tuple(self.ids) or tuple(str(i + 1) for i in range(n)))
        for name in ("references", "reports", "ids"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise InputError(f"candidates and {name} must be aligned: there are {n} and {len(values)}")
        if n == 0:
            raise InputError("there is no sample to score")
        for name in ("candidates", "references"):
            for row, text in enumerate(getattr(self, name)):
                if not isinstance(text, str):
                    raise InputError(f"{self.where(row)}: {name[:-1]} must be text, not {type(text).__name__}")
        twice = next((name for name, count in Counter(self.ids).items() if count > 1), None)
        if twice is not None:
            rows = [str(i + 1) for i, name in enumerate(self.ids) if name == twice]
            raise InputError(f"the id {twice!r} stands {len(rows)} times: samples {', '.join(rows)}")
        empty = next((row for row, text in enumerate(self.references) if not text.strip()), None)
        if empty is not None:
            raise InputError(f"{self.where(empty)}: the reference is empty, there is nothing to compare with")

    def __len__(self) -> int:
        return len(self.candidates)

    def where(self, row: int) -> str:
        """The sample in words, for errors: "sample 3 (id 'x')"."""
        return f"sample {row + 1} (id {self.ids[row]!r})"

    def filled(self) -> list[int]:
        """The samples whose candidate says something."""
        return [row for row, text in enumerate(self.candidates) if text.strip()]

    def need_reports(self, metric: str) -> Sequence[Report]:
        """The reports.

        Raises:
            InputError: there are none.
        """
        if self.reports is None:
            raise InputError(f"the metric {metric!r} needs the reports: give the findings of each sample")
        return self.reports


class Column(NamedTuple):
    """One named column of scores.

    Args:
        values: one score a sample, (samples,).
        corpus: what the value of the whole set is pooled from.
    """

    values: NDArray[np.float64]
    corpus: Statistic


def column(values: ArrayLike, corpus: Statistic | None = None) -> Column:
    """A column whose value for the whole set is the mean, unless `corpus` says otherwise."""
    numbers = np.asarray(values, np.float64)
    return Column(numbers, corpus or mean_of(numbers))


@dataclass(frozen=True)
class Scores:
    """Scores of one metric.

    Args:
        samples: what was scored.
        columns: name → column, in the metric's order.
        note: how the figures came about, to be printed beside them: package, version, model and its hash.
        totals: figures of the whole set that no resampling can reach, name → value.

    Raises:
        InputError: a column has another length than the samples, or a score is not a finite number.
    """

    samples: Samples
    columns: Mapping[str, Column]
    note: str = ""
    totals: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (values, corpus) in self.columns.items():
            if values.shape != (len(self.samples),):
                raise InputError(f"{name}: {len(self.samples)} samples, but scores of shape {values.shape}")
            wrong = np.flatnonzero(~np.isfinite(values))
            if len(wrong):
                raise InputError(f"{self.samples.where(int(wrong[0]))}: {name} is {values[wrong[0]]}, no finite number")
            if not np.isfinite(corpus.value()):
                raise InputError(f"{name}: the value of the whole set is {corpus.value()}, no finite number")

    def corpus(self) -> dict[str, float]:
        """The value of the whole set, by column, and what `totals` holds."""
        return {**{name: found.corpus.value() for name, found in self.columns.items()}, **self.totals}


class Metric(Protocol):
    """Scores aligned texts. What it needs to load, it loads in `score`, once."""

    @property
    def name(self) -> str:
        """What it is asked for by."""
        ...

    def score(self, samples: Samples) -> Scores:
        """Score all samples at once.

        Raises:
            InputError: the samples lack what the metric needs, or a score is not a finite number.
            MissingExtra: a package is not installed; the error names the extra.
        """
        ...


def means(samples: Samples, columns: Mapping[str, ArrayLike], note: str = "") -> Scores:
    """Scores whose value for the whole set is the mean over samples."""
    return Scores(samples, {name: column(values) for name, values in columns.items()}, note)
