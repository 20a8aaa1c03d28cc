"""Parquet files of reports, a batch of rows at a time. The reader, pyarrow, is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from coarse2fine.reports.columns import Columns, Names, map_columns
from coarse2fine.reports.errors import MissingExtra, ReportError
from coarse2fine.reports.tables import Outcome, outcome_from

__all__ = ["BATCH", "read_parquet"]

BATCH = 1_024
"""Rows that are in memory at once."""


def read_parquet(stream: BinaryIO, columns: Names | None, source: str) -> Iterator[Outcome]:
    """Reports of a Parquet file; columns that hold no field are never read. Row 1 is the first.

    Raises:
        MissingExtra: pyarrow is not installed.
        ReportError: it is no Parquet file, cannot be sought in, has no row, or no column with findings.
    """
    file = _open(stream, source)
    places = map_columns(file.schema_arrow.names, columns, source=source)
    row = 0
    for row, record in enumerate(_records(file, places, source), start=1):
        yield outcome_from(record, places, source, row)
    if row == 0:
        raise ReportError("has columns but no rows", source=source)


def _open(stream: BinaryIO, source: str) -> Any:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtra("Parquet needs the package pyarrow: pip install 'coarse2fine[parquet]'") from error
    if not stream.seekable():
        raise ReportError("is a stream, and Parquet is read from its end: give a file", source=source)
    try:
        return ParquetFile(stream)
    except (ArrowException, OSError) as error:
        raise ReportError(f"is no Parquet file: {error}", source=source) from None


def _records(file: Any, places: Columns, source: str) -> Iterator[dict[str, object]]:
    """Rows as mappings; a file that breaks off in the middle is one error after the rows before it."""
    from pyarrow import ArrowException

    names = sorted({name for several in places.values() for name in several})
    try:
        for batch in file.iter_batches(batch_size=BATCH, columns=names):
            yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise ReportError(f"breaks off: {error}", source=source) from None
