"""Rows of a study's files: each becomes a record that knows its place, or an error that names it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from coarse2fine.reports import InputError, ReportError
from coarse2fine.reports.lines import not_utf8, read_lines

__all__ = ["Frozen", "Placed", "all_good", "json_rows", "placed", "refuse"]

_NAMED = 20


class Frozen(BaseModel):
    """A record that does not change and takes no field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Record = TypeVar("Record", bound=BaseModel)


class Placed(NamedTuple, Generic[Record]):
    """A record, the file it stands in and its 1-based row there."""

    record: Record
    source: str
    row: int

    @property
    def where(self) -> str:
        """Words for the place."""
        return f"{self.source}, row {self.row}"

    def error(self, message: str, field: str = "") -> ReportError:
        """An error that names the place."""
        return ReportError(message, source=self.source, row=self.row, field=field)


def placed(
    values: Mapping[str, object], model: type[Record], source: str, row: int
) -> Iterator[Placed[Record] | ReportError]:
    """One row as a record, or one error for each field that is wrong."""
    try:
        yield Placed(model.model_validate(values), source, row)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False, include_input=False):
            message = str(detail["msg"]).removeprefix("Value error, ")
            yield ReportError(message, source=source, row=row, field=".".join(map(str, detail["loc"])))


def json_rows(path: Path) -> Iterator[tuple[int, dict[str, object]] | ReportError]:
    """Objects of a JSON lines file with their row, the line's number; blank lines are passed over.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for row, line in enumerate(read_lines(file, str(path)), start=1):
                if line.fault is not None:
                    yield ReportError(not_utf8(line.fault), source=str(path), row=row)
                elif line.text.strip():
                    yield _object(line.text, str(path), row)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _object(text: str, source: str, row: int) -> tuple[int, dict[str, object]] | ReportError:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return ReportError(f"is not JSON: {error}", source=source, row=row)
    if not isinstance(found, dict):
        return ReportError(f"must be an object, not {type(found).__name__}", source=source, row=row)
    return row, found


def all_good(outcomes: Iterable[Placed[Record] | ReportError]) -> list[Placed[Record]]:
    """The records.

    Raises:
        InputError: at least one is an error; it names up to 20, one a line, and counts the others.
    """
    good: list[Placed[Record]] = []
    bad: list[InputError] = []
    for outcome in outcomes:
        if isinstance(outcome, ReportError):
            bad.append(outcome)
        else:
            good.append(outcome)
    refuse(bad)
    return good


def refuse(problems: Sequence[InputError]) -> None:
    """Nothing where there is no problem.

    Raises:
        InputError: all problems, one a line, up to 20; a single one as it is.
    """
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = [str(problem) for problem in problems[:_NAMED]]
        more = [f"and {len(problems) - _NAMED:,} more"] if len(problems) > _NAMED else []
        raise InputError(f"{len(problems):,} faults:\n" + "\n".join([*lines, *more]))
