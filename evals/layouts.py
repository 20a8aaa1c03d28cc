"""Published data sets by name: reports with the impressions that radiologists wrote for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from coarse2fine.reports import InputError, Outcome, Report, ReportError, read_reports

__all__ = ["LAYOUTS", "Case", "read_cases", "read_layout"]


class Layout(NamedTuple):
    """Which column holds which field, and what the examination is where no column says so."""

    columns: Mapping[str, str]
    exam: str


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "openi": Layout({"findings": "inputs", "impression": "target", "id": "idx"}, "Chest X-ray"),
    }
)
"""openi: rows {"idx", "inputs": findings, "target": impression}, as published with StanfordMIMI/clin-summ."""


class Case(NamedTuple):
    """A report without its impression, and that impression."""

    report: Report
    reference: str


def read_layout(layout: str, file: Path | str) -> Iterator[Outcome]:
    """The reports of a file in a known layout.

    Raises:
        InputError: no layout has that name.
    """
    if layout not in LAYOUTS:
        raise InputError(f"no layout is named {layout!r}; there are {', '.join(LAYOUTS)}")
    known = LAYOUTS[layout]
    for outcome in read_reports(file, columns=known.columns):
        if isinstance(outcome, Report) and not outcome.exam:
            outcome = outcome.model_copy(update={"exam": known.exam})
        yield outcome


def read_cases(layout: str, file: Path | str, limit: int | None = None) -> list[Case]:
    """The reports with their impressions apart.

    Args:
        limit: read so many at most, from the beginning.

    Raises:
        InputError: no layout has that name.
        ReportError: a row cannot be read, or has no impression: an evaluation that skips rows measures something else.
    """
    cases: list[Case] = []
    for number, outcome in enumerate(read_layout(layout, file), start=1):
        if isinstance(outcome, ReportError):
            raise outcome
        if not outcome.impression:
            raise ReportError("has no impression to compare with", source=str(file), row=number, field="impression")
        cases.append(Case(outcome.model_copy(update={"impression": None}), outcome.impression))
        if len(cases) == limit:
            break
    if not cases:
        raise InputError(f"{file} holds no report")
    return cases
