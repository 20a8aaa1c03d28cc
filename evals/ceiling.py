"""`coarse2fine eval ceiling`: what the critic says of radiologists' own impressions. No system can ask for more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coarse2fine.evals.drop import read_rows
from coarse2fine.evals.layouts import Case
from coarse2fine.evals.metrics import Samples
from coarse2fine.reports import InputError, ReportError

__all__ = ["METRICS", "ours", "radiologists"]

METRICS = ("support", "fc", "coverage", "length")
"""What is compared."""


def radiologists(cases: Sequence[Case]) -> Samples:
    """The references as if a system had written them."""
    references = [case.reference for case in cases]
    return Samples(references, references, [case.report for case in cases], [case.report.id for case in cases])


def ours(cases: Sequence[Case], file: Path, text: str = "draft") -> Samples:
    """The texts of a file that `eval external --out` wrote, for the same reports, in their order.

    Args:
        text: "draft" or an audience. A row whose run failed is an empty text.

    Raises:
        InputError: the file cannot be read, or lacks a report.
        ReportError: a line is no such row, or has another reference or no such text.
    """
    rows = {row.id: (number, row) for number, row in read_rows(file)}
    texts = []
    for case in cases:
        number, row = rows.get(case.report.id, (0, None))
        if row is None:
            raise InputError(f"{file}: has no row for the report with the id {case.report.id!r}")
        if row.reference != case.reference:
            raise ReportError("has another reference", source=str(file), row=number, field="reference")
        if row.texts and text not in row.texts:
            known = ", ".join(row.texts)
            raise ReportError(f"has no text {text!r}, but {known}", source=str(file), row=number, field="texts")
        texts.append(row.texts[text].text if row.texts else "")
    return Samples(
        texts,
        [case.reference for case in cases],
        [case.report for case in cases],
        [case.report.id for case in cases],
    )
