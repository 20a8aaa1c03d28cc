"""Where run traces are kept: one SQLite file on this machine, readable by its owner only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.reports import InputError

__all__ = ["HOME_STORE", "TraceStore", "TraceSummary", "home_folder", "read_jsonl", "write_jsonl"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS traces (
  id TEXT PRIMARY KEY, created TEXT NOT NULL, report_id TEXT NOT NULL, status TEXT NOT NULL, seconds REAL NOT NULL,
  record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS traces_created ON traces (created);
"""


class TraceSummary(NamedTuple):
    """One line of a list of traces; `created` is UTC in ISO 8601."""

    id: str
    created: str
    report_id: str
    status: str
    seconds: float


def home_folder() -> Path:
    """Where coarse2fine keeps its files: `COARSE2FINE_HOME`, else the user's data folder."""
    chosen = os.environ.get("COARSE2FINE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "coarse2fine"


class TraceStore:
    """Keeps run traces; safe with many writers.

    Args:
        path: the SQLite file; None for `traces.sqlite` in `home_folder()`, looked up at each use. Made on first write, with
            mode 0600 as it holds report text.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = None if path is None else Path(path)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._path or home_folder() / "traces.sqlite"

    def put(self, trace: RunTrace) -> None:
        """Keep a trace, in place of an older one of the same id.

        Raises:
            OSError, sqlite3.Error: the file cannot be written.
        """
        row = (trace.id, trace.created.isoformat(), trace.report.id, trace.status, trace.wall_seconds, trace.model_dump_json())
        with self._connect() as connection:
            connection.execute("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?, ?)", row)

    def list(self, most: int = 50) -> list[TraceSummary]:
        """The newest traces, newest first."""
        return [TraceSummary(*row) for row in self._select("id, created, report_id, status, seconds", "LIMIT ?", most)]

    def get(self, trace_id: str) -> RunTrace:
        """A trace by its id, by the beginning of it, or the newest one by "last".

        Raises:
            InputError: there is none, or several begin so, or it was written by a version that this one does not read.
        """
        if trace_id == "last":
            rows = self._select("id, record", "LIMIT 1")
        else:
            rows = self._select("id, record", "LIMIT 2", where="substr(id, 1, length(?1)) = ?1", values=(trace_id,))
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
        limit = (datetime.now(timezone.utc) - older_than).isoformat()
        with self._connect() as connection:
            deleted = connection.execute("DELETE FROM traces WHERE created < ?", (limit,)).rowcount
        if deleted:
            with closing(sqlite3.connect(self.path, timeout=30)) as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    def _select(self, columns: str, tail: str, *last: object, where: str = "1", values: tuple[object, ...] = ()) -> list[tuple]:  # type: ignore[type-arg]
        if not self.path.exists():
            return []
        query = f"SELECT {columns} FROM traces WHERE {where} ORDER BY created DESC, id DESC {tail}"
        with self._connect() as connection:
            return connection.execute(query, (*values, *last)).fetchall()

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        path = self.path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executescript(_SCHEMA)
            with connection:
                yield connection


HOME_STORE = TraceStore()
"""The store that runs write to when nobody names another."""


def write_jsonl(traces: Iterable[RunTrace], path: Path) -> int:
    """Write traces as JSON lines, one a line; returns how many."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        for number, trace in enumerate(traces, 1):
            file.write(trace.model_dump_json() + "\n")
    return number


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
