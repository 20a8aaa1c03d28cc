"""Reading reports: raw text with headings, CSV, JSON, JSON lines, Parquet; from files, standard input or memory.

Nothing is invented and nothing good is lost: a record that cannot be read becomes a `ReportError` that names its
source, row and field, and the others are read.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal

from coarse2fine.reports.columns import Names, check_fields
from coarse2fine.reports.errors import InputError, NoFindings, ReportError
from coarse2fine.reports.headings import group_reports, join_sections, split_sections
from coarse2fine.reports.lines import Line, join_lines, read_lines
from coarse2fine.reports.parquet import read_parquet
from coarse2fine.reports.records import make_report
from coarse2fine.reports.report import Report
from coarse2fine.reports.tables import Outcome, read_csv, read_json, read_json_lines

__all__ = ["Format", "Outcome", "read_reports", "read_text"]

Format = Literal["txt", "json", "jsonl", "csv", "parquet"]
"""Raw text with headings, a JSON document, JSON lines, a table with a header, a Parquet file."""

_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".md": "txt",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".text": "txt",
    ".tsv": "csv",
    ".txt": "txt",
}
_JSON_OBJECT = re.compile(r'\s*\{\s*(?:"|$)')
_JSON_LIST = re.compile(r"\s*\[\s*(?:\{|\]|$)")


def read_text(text: str, source: str = "-") -> Report:
    """Read one raw report.

    Headings are known in any case, numbered, in Markdown, on lines of their own or before their text. A text without
    any heading is all findings. What stands before the first heading is left out, but for the exam's title.

    Args:
        text: the report as a hospital writes it.
        source: named in the error.

    Raises:
        ReportError: it is empty, has headings but no findings, or holds several reports.
    """
    outcomes = list(_read_texts(text, source))
    if len(outcomes) > 1:
        raise ReportError(f"holds {len(outcomes)} reports, not one", source=source, field="findings")
    if isinstance(outcomes[0], ReportError):
        raise outcomes[0]
    return outcomes[0]


def read_reports(
    source: Path | str,
    *,
    text: str | None = None,
    format: Format | None = None,
    columns: Names | None = None,
) -> Iterator[Outcome]:
    """Read reports one after the other; CSV, JSON lines and Parquet are streamed, however long.

    Args:
        source: a file, or "-" for standard input.
        text: read this instead of what `source` holds; `source` then only gives it a name.
        format: what it holds; by default told from the file's suffix, or from the first line where there is none.
        columns: field of `Report` → column or key that holds it, where it has a name of its own; or the columns that
            may hold it, the best first.

    Returns:
        A report for each record that can be read and a `ReportError` for each that cannot. A source that cannot be read
        at all (missing, empty, binary, no findings column) gives one error.

    Raises:
        InputError: `columns` names a field that reports do not have, or `format` is none.
        MissingExtra: a Parquet file, and the extra `parquet` is not installed.
    """
    check_fields(columns)
    if format is not None and format not in _FORMATS:
        raise InputError(f"format {format!r} is not known; use one of {', '.join(_FORMATS)}")
    return _outcomes(source, text, format, columns)


def _outcomes(source: Path | str, text: str | None, format: Format | None, columns: Names | None) -> Iterator[Outcome]:
    name = str(source)
    try:
        chosen = format or _format_of(name, guess=text is not None)
        with _open(source, text) as stream:
            if chosen == "parquet":
                yield from read_parquet(stream, columns, name)
                return
            lines = read_lines(stream, name)
            if chosen is None:
                chosen, lines = _guess(lines)
            yield from _READERS[chosen](lines, columns, name)
    except ReportError as error:
        yield error
    except OSError as error:
        yield ReportError(_file_words(error), source=name)


def _open(source: Path | str, text: str | None) -> AbstractContextManager[BinaryIO]:
    if text is not None:
        return io.BytesIO(text.encode("utf-8", "surrogatepass"))
    return nullcontext(sys.stdin.buffer) if str(source) == "-" else Path(source).open("rb")


def _format_of(name: str, *, guess: bool) -> Format | None:
    suffix = Path(name).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if guess or name == "-" or Path(name).is_dir():
        return None
    raise ReportError(f"is of no known kind; name it {', '.join(_SUFFIXES)}, or give its format", source=name)


def _guess(lines: Iterator[Line]) -> tuple[Format, Iterator[Line]]:
    """JSON is known by its first line; everything else without a name is raw text."""
    first = next(lines, Line(""))
    whole = chain([first], lines)
    if _JSON_OBJECT.match(first.text):
        return ("jsonl" if first.text.rstrip().endswith("}") else "json"), whole
    return ("json" if _JSON_LIST.match(first.text) else "txt"), whole


def _read_raw(lines: Iterator[Line], columns: Names | None, source: str) -> Iterator[Outcome]:
    if columns:
        raise ReportError("is raw text, which has no columns: give its format, or leave `columns` out", source=source)
    return _read_texts(join_lines(lines, source), source)


_READERS: Mapping[Format, Callable[[Iterator[Line], Names | None, str], Iterator[Outcome]]] = {
    "txt": _read_raw,
    "json": read_json,
    "jsonl": read_json_lines,
    "csv": read_csv,
}
_FORMATS = (*_READERS, "parquet")


def _read_texts(text: str, source: str) -> Iterator[Outcome]:
    """The reports of a raw text: a second findings heading begins a second report."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        yield ReportError("is empty", source=source, field="findings")
        return
    groups = group_reports(split_sections(text))
    for number, group in enumerate(groups, start=1):
        headed = any(section.name != "preamble" for section in group)
        sections = join_sections(group) if headed else {"findings": text.strip()}
        row = number if len(groups) > 1 else None
        try:
            if "findings" not in sections:
                found = ", ".join(name.replace("_", " ") for name in sections)
                message = f"has headings ({found}) but none for findings: put 'FINDINGS:' before them"
                raise NoFindings(message, source=source, row=row, field="findings")
            yield make_report(sections, source=source, row=row)
        except ReportError as error:
            yield error


def _file_words(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case IsADirectoryError():
            return "is a directory: name the files in it"
        case _:
            return f"cannot be read: {error.strerror or error}"
