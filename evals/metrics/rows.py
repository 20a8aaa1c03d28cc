"""Files of texts to score: JSON lines {"id", "candidate", "reference", "findings"?, "exam"?}."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from coarse2fine.evals.metrics.base import Samples
from coarse2fine.reports import InputError, Report, ReportError
from coarse2fine.reports.records import make_report

__all__ = ["ScoreRow", "aligned", "read_samples", "score_line"]


class ScoreRow(BaseModel):
    """One row. A number as `id` is taken as text."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    candidate: str
    reference: str = Field(pattern=r"\S")
    findings: str = ""
    exam: str = ""

    @field_validator("candidate", "reference", "findings", "exam", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {type(value).__name__}")
        return value


def score_line(row: ScoreRow) -> str:
    """A row as a line of such a file."""
    return json.dumps(row.model_dump(exclude_defaults=True), ensure_ascii=False) + "\n"


def read_samples(file: Path | str) -> Samples:
    """The samples of a file; with reports where all rows have findings.

    Raises:
        InputError: the file cannot be read, or holds no row.
        ReportError: a row is not of that form, an id stands twice, or only some rows have findings.
    """
    rows = list(_read_rows(str(file)))
    if not rows:
        raise InputError(f"{file}: holds no row to score")
    first: dict[str, int] = {}
    for number, row in rows:
        if first.setdefault(row.id, number) != number:
            raise ReportError(
                f"the id {row.id!r} stands in row {first[row.id]} too", source=str(file), row=number, field="id"
            )
    found = [row for _, row in rows]
    return Samples(
        [row.candidate for row in found],
        [row.reference for row in found],
        _reports(rows, str(file)),
        [row.id for row in found],
    )


def _read_rows(file: str) -> Iterator[tuple[int, ScoreRow]]:
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, ScoreRow.model_validate_json(line)
            except ValidationError as error:
                raise _refused(error, file, number) from None


def _refused(error: ValidationError, file: str, number: int) -> ReportError:
    detail = error.errors(include_url=False)[0]
    field = ".".join(map(str, detail["loc"]))
    message = "is empty" if detail["type"] == "string_pattern_mismatch" else detail["msg"].removeprefix("Value error, ")
    return ReportError(message, source=file, row=number, field=field)


def _reports(rows: Sequence[tuple[int, ScoreRow]], file: str) -> list[Report] | None:
    told = [bool(row.findings.strip()) for _, row in rows]
    if not any(told):
        return None
    if not all(told):
        number = rows[told.index(False)][0]
        raise ReportError("is empty, but other rows have findings", source=file, row=number, field="findings")
    return [
        make_report({"findings": row.findings, "exam": row.exam, "id": row.id}, source=file, row=number)
        for number, row in rows
    ]


def aligned(first: Samples, second: Samples, names: tuple[str, str] = ("the first file", "the second file")) -> Samples:
    """The second system's samples in the order of the first's, matched by id.

    Raises:
        InputError: an id stands in only one of them, or a reference differs.
    """
    places = {name: row for row, name in enumerate(second.ids)}
    for one, mine, other, theirs in ((names[0], first, names[1], second), (names[1], second, names[0], first)):
        known = frozenset(theirs.ids)
        lone = [name for name in mine.ids if name not in known]
        if lone:
            shown = ", ".join(map(repr, lone[:3])) + (", ..." if len(lone) > 3 else "")
            raise InputError(f"ids of {one} that {other} lacks ({len(lone)}): {shown}")
    order = [places[name] for name in first.ids]
    for row, place in enumerate(order):
        if first.references[row] != second.references[place]:
            raise InputError(f"{first.where(row)}: {names[0]} and {names[1]} have different references")
    reports = second.reports
    return Samples(
        [second.candidates[i] for i in order],
        [second.references[i] for i in order],
        None if reports is None else [reports[i] for i in order],
        first.ids,
    )
