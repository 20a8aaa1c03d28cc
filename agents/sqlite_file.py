"""One SQLite file on this machine, readable by its owner only: opened when it is used, for one thread at a time."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

__all__ = ["SqliteFile"]

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;
"""


class _Open(NamedTuple):
    key: tuple[Path, int]
    connection: sqlite3.Connection
    close: Callable[[], object]


class SqliteFile:
    """Keeps one connection to a file; safe with many threads and processes. What is deleted is overwritten.

    Args:
        path: where the file is, asked at each use: the home folder may change.
        schema: statements that make its tables where they are not there.
    """

    def __init__(self, path: Callable[[], Path], schema: str) -> None:
        self._path, self._schema = path, schema
        self._lock = threading.Lock()
        self._open: _Open | None = None

    @property
    def path(self) -> Path:
        """The file; made on first write, with mode 0600 as it holds report text."""
        return self._path()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """The open connection, for one thread at a time: opening one for each use would cost more than the use.

        Raises:
            OSError, sqlite3.Error: the file cannot be opened.
        """
        with self._lock:
            path = self.path
            key = (path, os.getpid())
            if self._open is None or self._open.key != key or not path.exists():
                self._close()
                connection = self._connect(path)
                self._open = _Open(key, connection, weakref.finalize(self, connection.close))
            yield self._open.connection

    def shrink(self) -> None:
        """Give the space of what was deleted back, in the file and in its log."""
        with self.connection() as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._close()

    def _connect(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
        try:
            connection.executescript(_PRAGMAS + self._schema)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _close(self) -> None:
        if self._open is not None and self._open.key[1] == os.getpid():
            self._open.close()
        self._open = None
