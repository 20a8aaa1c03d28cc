"""Feedback: what a radiologist says of a text that was written for them, or makes of it (paper, 4.2 and 5.2)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from coarse2fine.reports.errors import InputError, ReportError
from coarse2fine.reports.lines import not_utf8, read_lines
from coarse2fine.reports.report import MAX_CHARACTERS, Report

__all__ = ["Dimensions", "Feedback", "Rating", "read_feedback", "report_of", "write_feedback"]

Rating = Literal["positive", "neutral", "negative"]
"""The paper's three ratings: better than, as good as, worse than what the radiologist would have written."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Dimensions(_Frozen):
    """The five dimensions of the paper's reader study (5.2, figure 5), 1 (worst) to 5 (best); None: not said."""

    clearance: int | None = Field(default=None, ge=1, le=5)
    completeness: int | None = Field(default=None, ge=1, le=5)
    human_likeness: int | None = Field(default=None, ge=1, le=5)
    conciseness: int | None = Field(default=None, ge=1, le=5)
    coherence: int | None = Field(default=None, ge=1, le=5)


class Feedback(_Frozen):
    """One radiologist on one text.

    Args:
        version: of this record's form.
        id: the same record may be added twice; it counts once.
        created: with a time zone.
        radiologist: opaque id, never a name; "" where nobody is named.
        report: what the text was written of, without patient and impression.
        audience: whom the text was for.
        text: the text that was shown.
        draft: the draft that it was made of, where it was made for an audience.
        style, words: what was asked for, if anything.
        rating: None where only an edit was made.
        edited: what the radiologist made of it.
        reasons: in words.
        trace_id: the run that wrote the text, "" where it is not known.

    Raises:
        pydantic.ValidationError: a field is of the wrong type, or the record says nothing of the text.
    """

    version: Literal[1] = 1
    id: str = Field(default_factory=lambda: secrets.token_hex(6), min_length=1)
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))
    radiologist: str = ""
    report: Report
    audience: Literal["draft", "brief", "bullet", "comprehensive"] = "draft"
    text: str
    draft: str = ""
    style: str | None = None
    words: int | None = Field(default=None, gt=0)
    rating: Rating | None = None
    dimensions: Dimensions = Dimensions()
    edited: str | None = None
    reasons: tuple[str, ...] = ()
    trace_id: str = ""

    @field_validator("report")
    @classmethod
    def _report_only(cls, report: Report) -> Report:
        return report_of(report)

    @field_validator("text", "edited")
    @classmethod
    def _said(cls, text: str | None) -> str | None:
        if text is not None and not text.strip():
            raise ValueError("is empty")
        if text is not None and len(text) > MAX_CHARACTERS:
            raise ValueError(f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
        return text

    @field_validator("created")
    @classmethod
    def _with_zone(cls, created: datetime) -> datetime:
        if created.tzinfo is None:
            raise ValueError("has no time zone, such as 2026-11-24T10:30:00Z")
        return created.astimezone(UTC)

    @model_validator(mode="after")
    def _says_something(self) -> Feedback:
        if self.rating is None and self.edited is None and self.dimensions == Dimensions():
            raise ValueError("says nothing of the text: give rating, edited or dimensions")
        return self


def report_of(report: Report) -> Report:
    """The report without what feedback has no use for: patient, radiologist, impression."""
    return report.model_copy(update={"patient": None, "radiologist": None, "impression": None})


def read_feedback(path: Path) -> Iterator[Feedback | ReportError]:
    """Records of a JSON lines file; a line that is none comes as an error that names row and field.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for row, line in enumerate(read_lines(file, str(path)), start=1):
                if line.fault is not None:
                    yield ReportError(not_utf8(line.fault), source=str(path), row=row)
                elif line.text.strip():
                    yield _record(line.text, str(path), row)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _record(text: str, source: str, row: int) -> Feedback | ReportError:
    try:
        return Feedback.model_validate_json(text)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
        message = str(detail["msg"]).removeprefix("Value error, ")
        return ReportError(message, source=source, row=row, field=".".join(map(str, detail["loc"])))


def write_feedback(records: Iterable[Feedback], path: Path) -> int:
    """Write records as JSON lines, one a line; returns how many.

    Raises:
        InputError: the file cannot be written.
    """
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for record in records:
                file.write(record.model_dump_json() + "\n")
                written += 1
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    return written
