"""A LangGraph store in one SQLite file, searched by words (FTS5, bm25): nothing to install, nothing to load.

Each namespace has a word index of its own: what another one holds changes neither what is found in it nor in which
order, and a namespace that is forgotten leaves no index behind.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    validate_op_namespace,
)

from coarse2fine.agents.shingles import shingles
from coarse2fine.agents.sqlite_file import SqliteFile
from coarse2fine.agents.store_filter import matches

__all__ = ["SqliteStore"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS namespaces (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS items (
  id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, created TEXT NOT NULL,
  updated TEXT NOT NULL, indexed TEXT NOT NULL, UNIQUE (namespace, key)
);
CREATE INDEX IF NOT EXISTS items_updated ON items (namespace, updated);
"""

_INDEX = """CREATE VIRTUAL TABLE IF NOT EXISTS {table}
USING fts5(words, content = '', tokenize = "unicode61 remove_diacritics 2 tokenchars '_'")"""

_VOCABULARY = "CREATE VIRTUAL TABLE IF NOT EXISTS {table}_terms USING fts5vocab({table}, row)"

_ITEM = "SELECT id, key, value, created, updated, indexed FROM items"

_MOST_TERMS = 48
"""The rarest so many words and pairs of a query are looked up: the others cost most and tell least."""

_FEW, _MOST_HITS = 12, 100_000
"""Beyond the first few, terms are looked up while they stand in so many items together: what a search costs."""


class _Row(NamedTuple):
    id: int
    key: str
    value: str
    created: str
    updated: str
    indexed: str


class _Found(NamedTuple):
    namespace: tuple[str, ...]
    row: _Row
    score: float | None


class SqliteStore(BaseStore):
    """Keeps items; safe with many threads and processes. Deleted items are overwritten in the file (see `shrink`).

    `search` with a query gives the items that share a word with it, best first, with bm25 as score (greater is nearer;
    comparable within one search only); without one, the items updated last come first.

    Args:
        path: the file, or what gives it at each use; made on first write with mode 0600.
        fields: paths of the values' texts that are searched where `put` does not say otherwise.
    """

    __slots__ = ("_fields", "_file")

    def __init__(self, path: str | Path | Callable[[], Path], fields: Sequence[str] = ("exam", "findings")) -> None:
        self._file = SqliteFile(path if callable(path) else lambda: Path(path), _SCHEMA)
        self._fields = tuple(fields)

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do operations: reads see what was there before; writes take effect together or not at all.

        Raises:
            InvalidNamespaceError: a label is empty, no string, or has a period.
            OSError, sqlite3.Error: the file cannot be read or written.
        """
        wanted = list(ops)
        for op in wanted:
            validate_op_namespace(op)
        writes = [op for op in wanted if isinstance(op, PutOp)]
        if not writes and not self.path.exists():
            return [_nothing(op) for op in wanted]
        with self._file.connection() as connection, connection:
            done = [None if isinstance(op, PutOp) else _read(connection, op) for op in wanted]
            for op in writes:
                _write(connection, op, self._paths_of(op))
        return done

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """`batch` in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def clear(self, namespace: tuple[str, ...]) -> int:
        """Delete all that a namespace itself holds, its index with it; returns how many items there were."""
        if not self.path.exists():
            return 0
        with self._file.connection() as connection, connection:
            number = _number(connection, namespace)
            deleted = connection.execute("DELETE FROM items WHERE namespace = ?", (number,)).rowcount
            if number is not None:
                _drop(connection, number)
        return deleted

    def count(self, namespace: tuple[str, ...]) -> int:
        """How many items a namespace itself holds."""
        if not self.path.exists():
            return 0
        with self._file.connection() as connection:
            number = _number(connection, namespace)
            return int(connection.execute("SELECT count(*) FROM items WHERE namespace = ?", (number,)).fetchone()[0])

    def shrink(self) -> None:
        """After deletions: take deleted words out of the indexes, too, and give the file's free space back."""
        if not self.path.exists():
            return
        with self._file.connection() as connection, connection:
            for (number,) in connection.execute("SELECT id FROM namespaces").fetchall():
                _tidy(connection, number)
        self._file.shrink()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def _paths_of(self, op: PutOp) -> tuple[str, ...]:
        """Where the texts are that an item is found by."""
        if op.value is None or op.index is False:
            return ()
        return self._fields if op.index is None else tuple(op.index)


def _nothing(op: Op) -> Result:
    return None if isinstance(op, GetOp) else []


# --------------------------------------------------------------------------------------------------------- reading
def _read(connection: sqlite3.Connection, op: Op) -> Result:
    if isinstance(op, GetOp):
        number = _number(connection, op.namespace)
        row = connection.execute(f"{_ITEM} WHERE namespace = ? AND key = ?", (number, op.key)).fetchone()
        return None if row is None else Item(**_fields_of(op.namespace, _Row(*row)))
    if isinstance(op, SearchOp):
        kept = (found for found in _search(connection, op) if matches(json.loads(found.row.value), op.filter))
        chosen = islice(kept, op.offset, op.offset + op.limit)
        return [SearchItem(**_fields_of(found.namespace, found.row), score=found.score) for found in chosen]
    if isinstance(op, ListNamespacesOp):
        return _list(connection, op)
    raise TypeError(f"there is no operation {type(op).__name__}")


def _fields_of(namespace: tuple[str, ...], row: _Row) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "key": row.key,
        "value": json.loads(row.value),
        "created_at": datetime.fromisoformat(row.created),
        "updated_at": datetime.fromisoformat(row.updated),
    }


def _search(connection: sqlite3.Connection, op: SearchOp) -> Iterator[_Found]:
    """The items below a namespace, best or newest first, one at a time."""
    below = [
        (n, path) for n, path in _namespaces(connection) if path[: len(op.namespace_prefix)] == op.namespace_prefix
    ]
    if op.query is None or not op.query.strip():
        yield from _newest(connection, dict(below))
        return
    most = -1 if op.filter else op.offset + op.limit
    ranked = [(score, i, path) for number, path in below for score, i in _rank(connection, number, op.query, most)]
    if len(below) > 1:
        ranked.sort(key=lambda found: (-found[0], found[1]))
    for score, item, path in ranked:
        row = _Row(*connection.execute(f"{_ITEM} WHERE id = ?", (item,)).fetchone())
        yield _Found(path, row, score)


def _newest(connection: sqlite3.Connection, below: dict[int, tuple[str, ...]]) -> Iterator[_Found]:
    places = ",".join("?" * len(below))
    query = f"SELECT namespace, id FROM items WHERE namespace IN ({places}) ORDER BY updated DESC, id DESC"
    for number, item in connection.execute(query, tuple(below)):
        yield _Found(below[number], _Row(*connection.execute(f"{_ITEM} WHERE id = ?", (item,)).fetchone()), None)


def _rank(connection: sqlite3.Connection, number: int, query: str, most: int) -> list[tuple[float, int]]:
    """Score and id of the items of a namespace that share a word with the query, best first, `most` or (-1) all."""
    table = f"words_{number}"
    if not _has_index(connection, table):
        return []
    terms = _rarest(connection, table, shingles(query))
    if not terms:
        return []
    wanted = " OR ".join(f'"{term}"' for term in terms)
    scored = f"SELECT -bm25({table}), rowid FROM {table} WHERE {table} MATCH ? ORDER BY bm25({table}), rowid LIMIT ?"
    return connection.execute(scored, (wanted, most)).fetchall()


def _rarest(connection: sqlite3.Connection, table: str, terms: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(terms))[: _MOST_TERMS * 16]
    places = ",".join("?" * len(distinct))
    known = dict(connection.execute(f"SELECT term, doc FROM {table}_terms WHERE term IN ({places})", distinct))
    rarest = sorted((term for term in distinct if term in known), key=known.__getitem__)[:_MOST_TERMS]
    cost = accumulate(known[term] for term in rarest)
    return [term for n, (term, hits) in enumerate(zip(rarest, cost, strict=True)) if n < _FEW or hits <= _MOST_HITS]


def _has_index(connection: sqlite3.Connection, table: str) -> bool:
    named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(named, (table,)).fetchone() is not None


def _namespaces(connection: sqlite3.Connection) -> list[tuple[int, tuple[str, ...]]]:
    rows = connection.execute("SELECT id, path FROM namespaces ORDER BY path").fetchall()
    return [(number, tuple(json.loads(path))) for number, path in rows]


def _list(connection: sqlite3.Connection, op: ListNamespacesOp) -> list[tuple[str, ...]]:
    found = [path for _, path in _namespaces(connection) if all(_fits(path, c) for c in op.match_conditions or ())]
    cut = sorted({path[: op.max_depth] for path in found})
    return cut[op.offset : op.offset + op.limit]


def _fits(path: tuple[str, ...], condition: MatchCondition) -> bool:
    wanted = condition.path
    if len(path) < len(wanted):
        return False
    part = path[: len(wanted)] if condition.match_type == "prefix" else path[len(path) - len(wanted) :]
    return all(label in ("*", here) for label, here in zip(wanted, part, strict=True))


# --------------------------------------------------------------------------------------------------------- writing
def _write(connection: sqlite3.Connection, op: PutOp, paths: Sequence[str]) -> None:
    number = _number(connection, op.namespace)
    if number is None:
        if op.value is None:
            return
        path = json.dumps(op.namespace)
        number = int(connection.execute("INSERT INTO namespaces (path) VALUES (?)", (path,)).lastrowid or 0)
    row = connection.execute(f"{_ITEM} WHERE namespace = ? AND key = ?", (number, op.key)).fetchone()
    old = None if row is None else _Row(*row)
    if old is not None:
        _unindex(connection, number, old)
    if op.value is None:
        _delete(connection, number, old)
        return
    now = datetime.now(UTC).isoformat()
    new = _Row(
        id=old.id if old is not None else _next_id(connection),
        key=op.key,
        value=json.dumps(op.value, ensure_ascii=False),
        created=old.created if old is not None else now,
        updated=now,
        indexed=json.dumps(paths),
    )
    connection.execute(
        "INSERT OR REPLACE INTO items (id, key, value, created, updated, indexed, namespace) VALUES (?,?,?,?,?,?,?)",
        (*new, number),
    )
    _index(connection, number, new)


def _next_id(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM items").fetchone()[0])


def _number(connection: sqlite3.Connection, namespace: tuple[str, ...]) -> int | None:
    row = connection.execute("SELECT id FROM namespaces WHERE path = ?", (json.dumps(namespace),)).fetchone()
    return None if row is None else int(row[0])


def _delete(connection: sqlite3.Connection, number: int, old: _Row | None) -> None:
    if old is None:
        return
    connection.execute("DELETE FROM items WHERE id = ?", (old.id,))
    if connection.execute("SELECT 1 FROM items WHERE namespace = ? LIMIT 1", (number,)).fetchone() is None:
        _drop(connection, number)


def _drop(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(f"DROP TABLE IF EXISTS words_{number}_terms")
    connection.execute(f"DROP TABLE IF EXISTS words_{number}")
    connection.execute("DELETE FROM namespaces WHERE id = ?", (number,))


def _index(connection: sqlite3.Connection, number: int, row: _Row) -> None:
    words = _words(row)
    if not words:
        return
    table = f"words_{number}"
    if not _has_index(connection, table):
        connection.execute(_INDEX.format(table=table))
        connection.execute(_VOCABULARY.format(table=table))
    connection.execute(f"INSERT INTO {table} (rowid, words) VALUES (?, ?)", (row.id, words))


def _unindex(connection: sqlite3.Connection, number: int, row: _Row) -> None:
    words = _words(row)
    if words:
        table = f"words_{number}"
        connection.execute(f"INSERT INTO {table} ({table}, rowid, words) VALUES ('delete', ?, ?)", (row.id, words))


def _words(row: _Row) -> str:
    """What an item is found by, as its index was told: the index itself keeps no text."""
    value = json.loads(row.value)
    texts = [text for path in json.loads(row.indexed) for text in get_text_at_path(value, path)]
    return " ".join(shingles("\n".join(texts)))


def _tidy(connection: sqlite3.Connection, number: int) -> None:
    table = f"words_{number}"
    if _has_index(connection, table):
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")
