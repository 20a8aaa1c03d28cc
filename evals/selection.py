"""`coarse2fine eval select`: models, prompts and the loop on the same reports, as in the paper's tables 1 to 3.

Each system is a row. All figures have percentile bootstrap intervals over reports, all differences are paired.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.cache import RowCache, digest
from coarse2fine.evals.layouts import Case
from coarse2fine.evals.metrics import Column, Metric, Samples
from coarse2fine.evals.statistics import RESAMPLES, SEED, Difference, Interval, compare, holm, intervals
from coarse2fine.evals.systems import RUNGS, System, Written, check_rungs, prompts_for, write_all
from coarse2fine.reports import Coarse2FineError, InputError
from coarse2fine.serving import LoadedModel, NLIModel, load_chat_model, unload_chat_models

__all__ = [
    "LOOPS", "Columns", "Contrast", "Plan", "Selection", "SystemFigures", "contrasts", "contrasts_csv", "scores_of",
    "select", "selection_csv",
]  # fmt: skip

Columns = Mapping[str, Column]
LOOPS: Mapping[str, tuple[bool, ...]] = {"on": (True,), "off": (False,), "both": (False, True)}
"""Ways to run: with the critic's loop, without any critic."""
_BY = "rougeL"
"""The figure by which systems are ranked, where it was asked for; else the first one."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SystemFigures(_Frozen):
    """One row of the table.

    Args:
        model, prompts: names; loop: whether the critic's loop ran, or the first draft stands as it is.
        rows, failed: reports, and those of which the model wrote nothing (they count as empty texts).
        error: why there are no figures, else "".
        columns: score → value with interval.
        seconds: mean a report.
    """

    model: str
    prompts: str
    loop: bool
    rows: int = 0
    failed: int = 0
    error: str = ""
    columns: dict[str, Interval] = {}
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """ "nano, nano, loop on"."""
        return f"{self.model}, {self.prompts}, loop {'on' if self.loop else 'off'}"


class Contrast(_Frozen):
    """First system less second, score by score; p two-sided by approximate randomisation, `p_holm` by Holm."""

    first: str
    second: str
    columns: dict[str, Difference]
    p_holm: dict[str, float]


class Selection(_Frozen):
    """All systems.

    Args:
        rows: reports; critic: of the loop and of the metrics on facts.
        systems: in the order in which they were asked for.
        loop: for each model and prompt that ran both ways: loop on less loop off.
        best: the system that leads, "" where all failed; rivals: best less each other one.
        notes: metric → how its figures came about.
    """

    rows: int
    critic: str
    resamples: int
    seed: int
    systems: tuple[SystemFigures, ...]
    loop: tuple[Contrast, ...]
    best: str
    rivals: tuple[Contrast, ...]
    notes: dict[str, str]


class Plan(NamedTuple):
    """What to compare.

    Args:
        models: names; a name is loaded when its turn comes, and let go after it.
        critic: of the loop.
        metrics: what to score texts by.
        rungs: prompts, see `evals.systems`; loop: "on", "off" or "both".
        max_rounds: of the loop.
        rows: folder for rows that are kept; None: none are.
        workers: reports at once.
    """

    models: Sequence[str]
    critic: NLIModel
    metrics: Sequence[Metric]
    rungs: Sequence[str] = tuple(RUNGS)
    loop: str = "both"
    max_rounds: int = 3
    rows: Path | None = None
    workers: int = 1
    resamples: int = RESAMPLES
    seed: int = SEED
    load: Callable[[str], LoadedModel] = load_chat_model


class _Scored(NamedTuple):
    figures: SystemFigures
    columns: Columns


async def select(
    plan: Plan,
    cases: Sequence[Case],
    *,
    started: Callable[[str], None] = lambda _: None,
    done: Callable[[int], None] = lambda _: None,
) -> Selection:
    """Write with each system, score, compare. A model that fails is a row with its error; the others go on.

    Args:
        started: told the model and prompts whose turn it is; done: how many more reports are done.

    Raises:
        InputError: a prompt or a loop is unknown, or a model is named twice.
    """
    _check(plan)
    notes: dict[str, str] = {}
    scored: list[_Scored] = []
    for name in plan.models:
        try:
            loaded = plan.load(name)
        except Coarse2FineError as error:
            scored.append(_failed(name, "–", LOOPS[plan.loop][-1], error))
            continue
        for prompts in prompts_for(loaded, plan.rungs):
            started(f"{name}, {prompts.name}")
            scored += await _of_prompts(plan, System(name, loaded, prompts), cases, notes, done)
        del loaded
        unload_chat_models()
    return _selection(plan, scored, len(cases), notes)


def _check(plan: Plan) -> None:
    if plan.loop not in LOOPS:
        raise InputError(f"--loop is on, off or both, not {plan.loop!r}")
    if not plan.models or len(set(plan.models)) < len(plan.models):
        raise InputError("name at least one model, and none twice")
    check_rungs(plan.rungs)


async def _of_prompts(
    plan: Plan, system: System, cases: Sequence[Case], notes: dict[str, str], done: Callable[[int], None]
) -> list[_Scored]:
    """The rows of one model and prompt set: with both ways of the loop from one run, whose first draft is "off"."""
    loops = LOOPS[plan.loop]
    if any(loops):
        system = replace(system, critic=plan.critic, max_rounds=plan.max_rounds)
    kept = None if plan.rows is None else RowCache(plan.rows / f"{_file(system)}.jsonl", Written)
    reports = [case.report for case in cases]
    try:
        written = await write_all(system, reports, kept, workers=plan.workers, done=done)
    except Coarse2FineError as error:
        return [_failed(system.name, system.prompts.name, loop, error) for loop in loops]
    return [_score(plan, system, loop, cases, written, notes) for loop in loops]


def _file(system: System) -> str:
    """A file's name for a system: readable, and unlike any other's."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", f"{system.name}-{system.prompts.name}").strip("-")
    return f"{plain[:60]}-{digest(system.name, system.prompts.name)[:8]}"


def _failed(model: str, prompts: str, loop: bool, error: Exception) -> _Scored:
    told = f"{type(error).__name__}: {error}"
    return _Scored(SystemFigures(model=model, prompts=prompts, loop=loop, error=told), {})


def _score(
    plan: Plan, system: System, loop: bool, cases: Sequence[Case], written: Sequence[Written], notes: dict[str, str]
) -> _Scored:
    columns = scores_of(plan.metrics, cases, [row.text(loop) for row in written], notes)
    found = intervals([c.corpus for c in columns.values()], resamples=plan.resamples, seed=plan.seed)
    figures = SystemFigures(
        model=system.name,
        prompts=system.prompts.name,
        loop=loop,
        rows=len(written),
        failed=sum(bool(row.error) for row in written),
        columns=dict(zip(columns, found, strict=True)),
        seconds=sum(row.seconds if loop else row.first_seconds for row in written) / len(written),
    )
    return _Scored(figures, columns)


def scores_of(metrics: Sequence[Metric], cases: Sequence[Case], texts: Sequence[str], notes: dict[str, str]) -> Columns:
    """All columns of all metrics.

    Args:
        notes: gets metric → how its figures came about.
    """
    ids = [str(number) for number in range(1, len(cases) + 1)]
    samples = Samples(texts, [case.reference for case in cases], [case.report for case in cases], ids)
    columns: dict[str, Column] = {}
    for metric in metrics:
        found = metric.score(samples)
        columns |= found.columns
        if found.note:
            notes[metric.name] = found.note
    return columns


def contrasts(pairs: Sequence[tuple[str, Columns, str, Columns]], resamples: int, seed: int) -> tuple[Contrast, ...]:
    """Differences of pairs of systems, first less second; Holm adjusts over all scores of all pairs that differ.

    Args:
        pairs: name and columns of the first, then of the second.
    """
    found: list[dict[str, Difference]] = []
    for _, one, _, other in pairs:
        mine, theirs = ([c.corpus for c in columns.values()] for columns in (one, other))
        found.append(dict(zip(one, compare(mine, theirs, resamples=resamples, seed=seed), strict=True)))
    tested = [
        (place, name)
        for place, (_, one, _, other) in enumerate(pairs)
        for name in one
        if not np.array_equal(one[name].corpus.rows, other[name].corpus.rows)
    ]
    adjusted = dict(zip(tested, holm([found[place][name].p for place, name in tested]), strict=True))
    return tuple(
        Contrast(
            first=first,
            second=second,
            columns=found[place],
            p_holm={name: adjusted.get((place, name), 1.0) for name in found[place]},
        )
        for place, (first, _, second, _) in enumerate(pairs)
    )


def _selection(plan: Plan, scored: Sequence[_Scored], rows: int, notes: dict[str, str]) -> Selection:
    sound = [one for one in scored if one.columns]
    best = max(sound, key=lambda one: one.figures.columns[_leading(one.columns)].value, default=None)
    ways = {(one.figures.model, one.figures.prompts, one.figures.loop): one for one in sound}
    twice = [(one, ways[model, prompts, False]) for (model, prompts, loop), one in ways.items()
             if loop and (model, prompts, False) in ways]  # fmt: skip
    others = [(best, one) for one in sound if one is not best] if best else []
    return Selection(
        rows=rows,
        critic=plan.critic.name,
        resamples=plan.resamples,
        seed=plan.seed,
        systems=tuple(one.figures for one in scored),
        loop=_contrasts(plan, twice),
        best=best.figures.name if best else "",
        rivals=_contrasts(plan, others),
        notes=notes,
    )


def _contrasts(plan: Plan, pairs: Sequence[tuple[_Scored, _Scored]]) -> tuple[Contrast, ...]:
    named = [(a.figures.name, a.columns, b.figures.name, b.columns) for a, b in pairs]
    return contrasts(named, plan.resamples, plan.seed)


def _leading(columns: Columns) -> str:
    return _BY if _BY in columns else next(iter(columns))


def selection_csv(found: Selection) -> str:
    """One line a system and score; a system that failed has one line with its error."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["model", "prompts", "loop", "rows", "failed", "score", "value", "low", "high", "error"])
    for one in found.systems:
        head = [one.model, one.prompts, "on" if one.loop else "off", one.rows, one.failed]
        for name, figure in one.columns.items():
            writer.writerow([*head, name, *(f"{number:.6g}" for number in figure), ""])
        if one.error:
            writer.writerow([*head, "", "", "", "", one.error])
    return stream.getvalue()


def contrasts_csv(found: Selection) -> str:
    """One line a difference: loop on less off, then the best system less each other one."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["comparison", "first", "second", "score", "difference", "low", "high", "p", "p_holm"])
    for kind, group in (("loop", found.loop), ("best", found.rivals)):
        for one in group:
            for name, gap in one.columns.items():
                numbers = (f"{number:.6g}" for number in (*gap, one.p_holm[name]))
                writer.writerow([kind, one.first, one.second, name, *numbers])
    return stream.getvalue()
