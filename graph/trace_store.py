"""Where run traces are kept: one SQLite file on this machine, readable by its owner only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from coarse2fine.agents.sqlite_file import SqliteFile
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.reports import InputError
from coarse2fine.reports.home import home_folder

__all__ = ["HOME_STORE", "TraceStore", "TraceSummary", "home_folder", "read_jsonl", "write_jsonl"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS traces (
  id TEXT PRIMARY KEY, created TEXT NOT NULL, report_id TEXT NOT NULL, status TEXT NOT NULL, seconds REAL NOT NULL,
  record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS traces_created ON traces (created);
"""


_NEWEST = "ORDER BY created DESC, id DESC"

Rows = list[tuple[Any, ...]]


class TraceSummary(NamedTuple):
    """One line of a list of traces; `created` is UTC in ISO 8601."""

    id: str
    created: str
    report_id: str
    status: str
    seconds: float


class TraceStore:
    """Keeps run traces; safe with many threads and processes.

    Args:
        path: the SQLite file; None for `traces.sqlite` in `home_folder()`, looked up at each use. Made on first write,
            with mode 0600 as it holds report text.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._file = SqliteFile(lambda: self.path, _SCHEMA)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._path or home_folder() / "traces.sqlite"

    def put(self, trace: RunTrace) -> None:
        """Keep a trace, in place of an older one of the same id.

        Raises:
            OSError, sqlite3.Error: the file cannot be written.
        """
        row = (
            trace.id,
            trace.created.isoformat(),
            trace.report.id,
            trace.status,
            trace.wall_seconds,
            trace.model_dump_json(),
        )
        with self._file.connection() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?, ?)", row)

    def list(self, most: int = 50) -> list[TraceSummary]:
        """The newest traces, newest first."""
        query = f"SELECT id, created, report_id, status, seconds FROM traces {_NEWEST} LIMIT ?"
        return [TraceSummary(*row) for row in self._select(query, [most])]

    def get(self, trace_id: str) -> RunTrace:
        """A trace by its id, by the beginning of it, or the newest one by "last".

        Raises:
            InputError: there is none, or several begin so, or it was written by a version that this one does not read.
        """
        if trace_id == "last":
            rows = self._select(f"SELECT id, record FROM traces {_NEWEST} LIMIT 1")
        else:
            like = "WHERE substr(id, 1, length(?1)) = ?1"
            rows = self._select(f"SELECT id, record FROM traces {like} {_NEWEST} LIMIT 2", [trace_id])
        exact = [row for row in rows if row[0] == trace_id] or rows
        if not exact or not trace_id:
            raise InputError(f"there is no trace {trace_id!r} in {self.path}; `coarse2fine trace list` lists them")
        if len(exact) > 1:
            raise InputError(f"more than one trace begins with {trace_id!r}; give more of its id")
        return _parse(exact[0][1], f"trace {exact[0][0]}")

    def purge(self, older_than: timedelta) -> int:
        """Delete traces older than this for good; the file shrinks. Returns how many there were."""
        if not self.path.exists():
            return 0
        limit = (datetime.now(UTC) - older_than).isoformat()
        with self._file.connection() as connection, connection:
            deleted = connection.execute("DELETE FROM traces WHERE created < ?", (limit,)).rowcount
        self._file.shrink()
        return deleted

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def _select(self, query: str, values: Sequence[object] = ()) -> Rows:
        if not self.path.exists():
            return []
        with self._file.connection() as connection:
            return connection.execute(query, tuple(values)).fetchall()


HOME_STORE = TraceStore()
"""The store that runs write to when nobody names another."""


def write_jsonl(traces: Iterable[RunTrace], path: Path) -> int:
    """Write traces as JSON lines, one a line; returns how many."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for trace in traces:
            file.write(trace.model_dump_json() + "\n")
            written += 1
    return written


def read_jsonl(path: Path) -> Iterator[RunTrace]:
    """Read traces of a JSON lines file.

    Raises:
        InputError: a line is no trace; names it.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _parse(line, f"{path}, line {number}")


def _parse(record: str, where: str) -> RunTrace:
    try:
        return RunTrace.model_validate_json(record)
    except ValidationError as error:
        raise InputError(f"{where} is not a trace that this version reads: {error.errors()[0]['msg']}") from error
