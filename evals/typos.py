"""`coarse2fine eval typos`: what errors in the findings cost (the paper's stability test, section 5.2)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.cache import RowCache
from coarse2fine.evals.layouts import Case
from coarse2fine.evals.metrics import Metric
from coarse2fine.evals.noise import KINDS, NOISE_SEED, NoiseKind, count_words, noisy_report, strike
from coarse2fine.evals.selection import Columns, scores_of
from coarse2fine.evals.statistics import RESAMPLES, SEED, Floats, Interval, Statistic, intervals
from coarse2fine.evals.systems import System, Written, write_all
from coarse2fine.reports import InputError

__all__ = ["RATES", "AtRate", "Noise", "Typos", "relative_loss", "typos", "typos_csv"]

RATES: Sequence[float] = (0.0, 0.01, 0.03, 0.05, 0.1)
"""Shares of words; the paper's is 0.03."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class AtRate(_Frozen):
    """One rate of errors.

    Args:
        rate: asked for; struck: share of the findings' words that were struck.
        failed: reports of which nothing was written; they count as empty texts.
        columns: score → value with interval.
        loss: score → what is lost against rate 0, as a share of the value there; negative where it is a gain. None for
            a score that is 0 there.
    """

    rate: float
    struck: float
    failed: int
    columns: dict[str, Interval]
    loss: dict[str, Interval | None]


class Typos(_Frozen):
    """All rates, the smallest first."""

    rows: int
    system: str
    kinds: tuple[str, ...]
    numbers: bool
    seed: int
    resamples: int
    rates: tuple[AtRate, ...]
    notes: dict[str, str]


class Noise(NamedTuple):
    """Which errors to make, see `evals.noise`."""

    rates: Sequence[float] = RATES
    seed: int = NOISE_SEED
    kinds: Sequence[NoiseKind] = KINDS
    numbers: bool = False


async def typos(
    system: System,
    cases: Sequence[Case],
    metrics: Sequence[Metric],
    noise: Noise,
    *,
    kept: RowCache[Written] | None = None,
    workers: int = 1,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    done: Callable[[int], None] = lambda _: None,
) -> Typos:
    """Write from findings with errors, score against the radiologist's impression and the findings without errors.

    Args:
        kept: where rows are kept.
        done: told how many more reports are done.

    Raises:
        InputError: rate 0 is not among the rates, or a rate or kind cannot be.
        Coarse2FineError: the model is broken.
    """
    rates = sorted(set(noise.rates))
    if 0 not in rates or len(rates) < 2:
        raise InputError("rates need 0, which the others are compared with, and at least one other")
    for rate in rates:
        strike("", rate, kinds=noise.kinds)
    notes: dict[str, str] = {}
    found: list[AtRate] = []
    first: Columns = {}
    for rate in rates:
        reports = [
            noisy_report(case.report, rate, noise.seed, numbers=noise.numbers, kinds=noise.kinds) for case in cases
        ]
        written = await write_all(system, reports, kept, workers=workers, done=done)
        columns = scores_of(metrics, cases, [row.text(system.critic is not None) for row in written], notes)
        first = first or columns
        found.append(
            AtRate(
                rate=rate,
                struck=_struck(cases, noise, rate),
                failed=sum(bool(row.error) for row in written),
                columns=_intervals(columns, resamples, seed),
                loss=_losses(first, columns, resamples, seed),
            )
        )
    return Typos(
        rows=len(cases),
        system=f"{system.name}, {system.prompts.name}, loop {'off' if system.critic is None else 'on'}",
        kinds=tuple(noise.kinds),
        numbers=noise.numbers,
        seed=noise.seed,
        resamples=resamples,
        rates=tuple(found),
        notes=notes,
    )


def _struck(cases: Sequence[Case], noise: Noise, rate: float) -> float:
    texts = [case.report.findings for case in cases]
    errors = sum(len(strike(t, rate, noise.seed, numbers=noise.numbers, kinds=noise.kinds)) for t in texts)
    return errors / max(1, sum(count_words(text) for text in texts))


def _intervals(columns: Columns, resamples: int, seed: int) -> dict[str, Interval]:
    found = intervals([c.corpus for c in columns.values()], resamples=resamples, seed=seed)
    return dict(zip(columns, found, strict=True))


def _losses(clean: Columns, struck: Columns, resamples: int, seed: int) -> dict[str, Interval | None]:
    names = [name for name in clean if clean[name].corpus.value() != 0]
    lost = [relative_loss(clean[name].corpus, struck[name].corpus) for name in names]
    found = intervals(lost, resamples=resamples, seed=seed) if lost else []
    return {**dict.fromkeys(clean), **dict(zip(names, found, strict=True))}


def relative_loss(clean: Statistic, struck: Statistic) -> Statistic:
    """(clean - struck) / clean of the same samples, both resampled together; 0 where clean is 0."""
    width = clean.rows.shape[1]

    def pool(sums: Floats) -> Floats:
        before, after = clean.pool(sums[:, :width]), struck.pool(sums[:, width:])
        return np.where(before != 0, (before - after) / np.where(before != 0, before, 1), 0.0)

    return Statistic(np.concatenate([clean.rows, struck.rows], 1), pool)


def typos_csv(found: Typos) -> str:
    """One line a rate and score."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["rate", "struck", "score", "value", "low", "high", "loss", "loss_low", "loss_high"])
    for one in found.rates:
        for name, value in one.columns.items():
            lost = one.loss[name] or ()
            numbers = [f"{number:.6g}" for number in (*value, *lost)]
            writer.writerow([one.rate, f"{one.struck:.6g}", name, *numbers, *[""] * (6 - len(numbers))])
    return stream.getvalue()
