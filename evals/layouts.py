"""Published data sets as evaluations want them: reports apart from the impressions that radiologists wrote for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from coarse2fine.reports import InputError, Report, ReportError, read_layout, read_reports

__all__ = ["ANY", "Case", "read_cases", "read_layout"]

ANY = "any"
"""In place of a layout's name: the columns say what they hold, by their names or as they are told."""


class Case(NamedTuple):
    """A report without its impression, and that impression."""

    report: Report
    reference: str


def read_cases(
    layout: str | None,
    file: Path | str,
    limit: int | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[Case]:
    """The reports with their impressions apart.

    Args:
        layout: a published form; None or `ANY`: the columns say what they hold (`read_reports`).
        limit: read so many at most, from the beginning.
        columns: field → column, such as {"findings": "ReportText"}, where the names do not tell.

    Raises:
        InputError: no layout has that name.
        ReportError: a row cannot be read, or has no impression: an evaluation that skips rows measures something else.
    """
    cases: list[Case] = []
    if layout in (None, ANY):
        outcomes = read_reports(file, columns=columns)
    else:
        outcomes = read_layout(layout, file, columns=columns)
    for number, outcome in enumerate(outcomes, start=1):
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
