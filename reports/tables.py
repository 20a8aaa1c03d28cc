"""Tables of reports: CSV, JSON, JSON lines. Each record becomes a report or an error of its own."""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator, Mapping

from coarse2fine.reports.columns import Columns, Names, map_columns
from coarse2fine.reports.errors import ReportError
from coarse2fine.reports.lines import Line, join_lines, not_utf8
from coarse2fine.reports.records import report_from
from coarse2fine.reports.report import Report

__all__ = ["Outcome", "outcome_from", "read_csv", "read_json", "read_json_lines"]

Outcome = Report | ReportError
"""What one record came to."""


def read_csv(lines: Iterator[Line], columns: Names | None, source: str) -> Iterator[Outcome]:
    """Reports of a table with a header, separated by commas, semicolons, tabs or bars. Row 1 stands below the header.

    Raises:
        ReportError: there is no header, no row, or no column with findings.
    """
    records = _Records(lines)
    header = records.header(source)
    places = map_columns(header, columns, source=source)
    row = 0
    for row, record in enumerate(records, start=1):
        if isinstance(record, str):
            yield ReportError(record, source=source, row=row)
        elif any(cell.strip() for cell in record):
            yield _from_cells(header, record, places, source, row)
    if row == 0:
        raise ReportError("has a header but no rows", source=source)


def read_json(lines: Iterator[Line], columns: Names | None, source: str) -> Iterator[Outcome]:
    """Reports of a JSON document: one object, or a list of them.

    Raises:
        ReportError: it is not JSON, or holds no object.
    """
    text = join_lines(lines, source)
    if not text.strip():
        raise ReportError("is empty", source=source)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = "; JSON lines belong in a .jsonl file" if "Extra data" in str(error) else ""
        raise ReportError(f"is not JSON: {_json_words(error)}{hint}", source=source) from None
    if not isinstance(document, list):
        yield _from_json(document, columns, source, 1)
        return
    if not document:
        raise ReportError("is an empty list", source=source)
    for row, record in enumerate(document, start=1):
        yield _from_json(record, columns, source, row)


def read_json_lines(lines: Iterator[Line], columns: Names | None, source: str) -> Iterator[Outcome]:
    """Reports of JSON lines, one object a line. The row is the line's number.

    Raises:
        ReportError: every line is blank.
    """
    empty = True
    for row, line in enumerate(lines, start=1):
        if not line.text.strip():
            continue
        empty = False
        if line.fault is not None:
            yield ReportError(not_utf8(line.fault), source=source, row=row)
            continue
        try:
            record = json.loads(line.text)
        except (ValueError, RecursionError) as error:
            yield ReportError(f"is not JSON: {_json_words(error)}", source=source, row=row)
        else:
            yield _from_json(record, columns, source, row)
    if empty:
        raise ReportError("is empty", source=source)


def outcome_from(record: Mapping[str, object], places: Columns, source: str, row: int) -> Outcome:
    """What one record of a table came to."""
    try:
        return report_from(record, places, source=source, row=row)
    except ReportError as error:
        return error


class _Records:
    """The records of a CSV file, or the words for what is wrong with one.

    A record whose quotes are wrong may have swallowed the lines behind it: only its first line is given up, the others
    are read again.
    """

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: deque[Line] = deque()
        self._taken: list[Line] = []
        self._delimiter = ","

    def header(self, source: str) -> list[str]:
        first = next((line for line in self._lines if line.text.strip()), None)
        if first is None:
            raise ReportError("is empty", source=source)
        self._delimiter = max(",;\t|", key=first.text.count)
        self._again.append(first)
        header = next(iter(self))
        if isinstance(header, str):
            raise ReportError(f"header: {header}", source=source)
        return header

    def __iter__(self) -> Iterator[list[str] | str]:
        reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
        while True:
            self._taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._again.extendleft(reversed(self._taken[1:]))
                reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
                yield f"is not CSV: {error}; look for a quote that is not closed or not doubled"
                continue
            fault = next((line.fault for line in self._taken if line.fault is not None), None)
            if fault is not None:
                yield not_utf8(fault)
            elif cells:
                yield cells

    def _feed(self) -> Iterator[str]:
        while line := self._again.popleft() if self._again else next(self._lines, None):
            self._taken.append(line)
            yield line.text


def _from_cells(header: list[str], cells: list[str], places: Columns, source: str, row: int) -> Outcome:
    if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
        message = f"has {len(cells)} cells, the header has {len(header)}: look for a stray separator or quote"
        return ReportError(message, source=source, row=row)
    return outcome_from(dict(reversed(list(zip(header, cells, strict=False)))), places, source, row)


def _from_json(record: object, columns: Names | None, source: str, row: int) -> Outcome:
    if not isinstance(record, dict):
        return ReportError(f"must be an object with findings, not {type(record).__name__}", source=source, row=row)
    try:
        return report_from(record, map_columns(record, columns, source=source, row=row), source=source, row=row)
    except ReportError as error:
        return error


def _json_words(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)
