"""Bytes of a source as lines of text, with what cannot be decoded named by its place."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from coarse2fine.reports.errors import ReportError

__all__ = ["Line", "join_lines", "not_utf8", "read_lines"]


class Line(NamedTuple):
    """One line with its line end; `fault` is the offset in the source of its first byte that is not UTF-8."""

    text: str
    fault: int | None = None


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FILES = {
    b"%PDF-": "a PDF file",
    b"{\\rtf": "an RTF file",
    b"PAR1": "Parquet (name it .parquet, or give its format)",
    b"PK\x03\x04": "a ZIP, Word or Excel file",
    b"\x1f\x8b": "gzip",
}


def read_lines(stream: BinaryIO, source: str = "") -> Iterator[Line]:
    """Decode a source line by line: UTF-8, with or without a byte order mark, or UTF-16 with one.

    A line that is not UTF-8 does not stop the others: it comes with its `fault`.

    Raises:
        ReportError: the source is binary, or broken UTF-16.
    """
    first = stream.readline()
    if first.startswith(_UTF16):
        yield from _utf16_lines(first + stream.read(), source)
        return
    kind = next((kind for magic, kind in _FILES.items() if first.startswith(magic)), None)
    if kind is None and b"\0" in first:
        kind = "binary (or UTF-16 without a byte order mark)"
    if kind is not None:
        raise ReportError(f"is {kind}, not text: export it as text, CSV or JSON lines in UTF-8", source=source)
    offset = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
    raw = first[offset:]
    while raw:
        yield _line(raw, offset)
        offset += len(raw)
        raw = stream.readline()


def join_lines(lines: Iterable[Line], source: str = "") -> str:
    """The whole text.

    Raises:
        ReportError: a byte is not UTF-8; the error names its offset.
    """
    pieces = []
    for line in lines:
        if line.fault is not None:
            raise ReportError(not_utf8(line.fault), source=source)
        pieces.append(line.text)
    return "".join(pieces)


def not_utf8(offset: int) -> str:
    """The message for a byte that is not UTF-8."""
    return f"is not UTF-8 at byte offset {offset}: save it as UTF-8"


def _line(raw: bytes, offset: int) -> Line:
    try:
        return Line(raw.decode())
    except UnicodeDecodeError as error:
        return Line(raw.decode(errors="replace"), offset + error.start)


def _utf16_lines(raw: bytes, source: str) -> Iterator[Line]:
    try:
        text = raw.decode("utf-16")
    except UnicodeDecodeError as error:
        raise ReportError(f"is not UTF-16 at byte offset {error.start}: save it as UTF-8", source=source) from None
    yield from map(Line, io.StringIO(text))
