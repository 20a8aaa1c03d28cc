"""Simulated radiologists: held-out styles with habits of their own, each with past reports and reports to be judged on.

No training sees them: `styles.HELD_OUT` is never drawn. Their facts are known, so that style can be measured alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from coarse2fine.reports import InputError, Report
from coarse2fine.training.corpus.compose import compose
from coarse2fine.training.corpus.impress import impression
from coarse2fine.training.corpus.knowledge import Exam, knowledge
from coarse2fine.training.corpus.styles import HELD_OUT, Style

__all__ = ["Simulated", "simulated_radiologists"]

COMMON = "xr-chest"
"""The examination that all of them read, beside one of their own."""


class Simulated(NamedTuple):
    """One radiologist: an opaque id, the style, past reports and held-out ones, each with the impression they wrote."""

    id: str
    style: Style
    past: tuple[Report, ...]
    held: tuple[Report, ...]


def simulated_radiologists(seed: int = 0, past: int = 50, held: int = 30) -> list[Simulated]:
    """Six radiologists of held-out styles; the same seed gives the same reports.

    Args:
        past, held: reports of each.

    Raises:
        InputError: a number is below one.
    """
    if min(past, held) < 1:
        raise InputError(f"past is {past} and held is {held}; each radiologist needs at least one report of either")
    others = [exam for exam in knowledge() if exam.exam != COMMON]
    chest = next(exam for exam in knowledge() if exam.exam == COMMON)
    rng = random.Random(f"{seed}/exams")
    own = rng.sample(others, len(HELD_OUT))
    return [
        _radiologist(f"simulated-{i + 1}", style._replace(habit=f"{seed}/{style.name}"), (chest, exam), past, held)
        for i, (style, exam) in enumerate(zip(HELD_OUT, own, strict=True))
    ]


def _radiologist(name: str, style: Style, exams: Sequence[Exam], past: int, held: int) -> Simulated:
    rng = random.Random(f"{style.habit}/reports")
    reports: dict[str, Report] = {}
    while len(reports) < past + held:
        composed = compose(rng.choice(exams), rng)
        written = {"impression": impression(rng, composed, style), "radiologist": name}
        reports.setdefault(composed.report.findings, composed.report.model_copy(update=written))
    every = tuple(reports.values())
    return Simulated(name, style, every[:past], every[past:])
