"""`coarse2fine eval score`: metrics of one system with intervals, or of two with what is between them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.metrics import Metric, Samples, Scores
from coarse2fine.evals.statistics import RESAMPLES, SEED, Interval, compare, holm, intervals

__all__ = ["Against", "Figure", "ScoreTable", "Scored", "score_all", "score_csv", "score_table"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Scored(_Frozen):
    """Scores of one metric for one system, and for a second one on the same samples."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    metric: str
    first: Scores
    second: Scores | None = None


class Against(_Frozen):
    """The second system's value; first less second with its paired bootstrap interval; p values, `p_holm` by Holm."""

    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    p: float
    p_holm: float


class Figure(_Frozen):
    """One column over all samples, with its bootstrap interval."""

    metric: str
    column: str
    value: float
    low: float
    high: float
    against: Against | None = None


class ScoreTable(_Frozen):
    """Everything that `eval score` found.

    Args:
        tests: p values that `p_holm` is adjusted for together: those of columns in which any sample differs.
        notes: metric → how its figures came about.
        totals: figures that have no interval: column → value of the first system (and of the second).
    """

    samples: int
    resamples: int
    confidence: float
    seed: int
    tests: int
    figures: tuple[Figure, ...]
    notes: dict[str, str]
    totals: dict[str, tuple[float, ...]]


def score_all(
    metrics: Iterable[Metric],
    samples: Samples,
    second: Samples | None = None,
    done: Callable[[str], None] = lambda _: None,
) -> list[Scored]:
    """Score one system, or two on the same samples in the same order.

    Args:
        done: told the name of each metric when it is finished.
    """
    found = []
    for metric in metrics:
        first = metric.score(samples)
        found.append(Scored(metric=metric.name, first=first, second=None if second is None else metric.score(second)))
        done(metric.name)
    return found


def score_table(
    scored: Sequence[Scored], *, resamples: int = RESAMPLES, confidence: float = 0.95, seed: int = SEED
) -> ScoreTable:
    """Values of the whole set with intervals; differences between two systems with p values (`compare`).

    Raises:
        InputError: nothing was scored, or `resamples` or `confidence` makes no sense.
    """
    names = [(s.metric, name) for s in scored for name in s.first.columns]
    first = [c.corpus for s in scored for c in s.first.columns.values()]
    second = [c.corpus for s in scored if s.second for c in s.second.columns.values()]
    mine = intervals(first, resamples=resamples, confidence=confidence, seed=seed)
    against: list[Against | None] = [None] * len(first)
    tested: list[int] = []
    if second:
        theirs = intervals(second, resamples=resamples, confidence=confidence, seed=seed)
        gaps = compare(first, second, resamples=resamples, confidence=confidence, seed=seed)
        tested = [i for i in range(len(first)) if not np.array_equal(first[i].rows, second[i].rows)]
        adjusted = dict(zip(tested, holm([gaps[i].p for i in tested]), strict=True))
        against = [
            Against(
                value=t.value,
                low=t.low,
                high=t.high,
                difference=g.value,
                difference_low=g.low,
                difference_high=g.high,
                p=g.p,
                p_holm=adjusted.get(i, 1.0),
            )
            for i, (t, g) in enumerate(zip(theirs, gaps, strict=True))
        ]
    return ScoreTable(
        samples=len(scored[0].first.samples),
        resamples=resamples,
        confidence=confidence,
        seed=seed,
        tests=len(tested),
        figures=tuple(_figure(*row) for row in zip(names, mine, against, strict=True)),
        notes={s.metric: s.first.note for s in scored if s.first.note},
        totals={name: values for s in scored for name, values in _totals(s).items()},
    )


def _figure(name: tuple[str, str], found: Interval, against: Against | None) -> Figure:
    return Figure(metric=name[0], column=name[1], against=against, **found._asdict())


def _totals(scored: Scored) -> Mapping[str, tuple[float, ...]]:
    systems = [scored.first, *([scored.second] if scored.second else [])]
    return {name: tuple(system.totals[name] for system in systems) for name in scored.first.totals}


def score_csv(scored: Sequence[Scored]) -> str:
    """Scores sample by sample as CSV: id and columns, those of a second system as "COLUMN (against)". No text."""
    columns = {name: column.values for s in scored for name, column in s.first.columns.items()}
    for s in scored:
        if s.second:
            columns |= {f"{name} (against)": column.values for name, column in s.second.columns.items()}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", *columns])
    for name, *values in zip(scored[0].first.samples.ids, *columns.values(), strict=True):
        writer.writerow([name, *(f"{value:.10g}" for value in values)])
    return stream.getvalue()
