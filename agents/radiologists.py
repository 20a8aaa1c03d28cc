"""What is kept of each radiologist, behind LangGraph's `BaseStore`: never mixed with another's.

A namespace is (kind, label). A store matches namespaces by their beginning, some as text with wildcards ("r1" finds
"r10", "r_1" finds "rx1"), so labels hold letters, digits and hyphens only, and what is found is compared once more.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from langgraph.store.base import BaseStore, GetOp, Item, Op, PutOp, Result, SearchItem

from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.reports import InputError

__all__ = ["Kind", "Shelf", "label_of", "radiologist_of"]

Kind = Literal["cases", "style", "model"]
_LONGEST = 200
_PAGE = 500
_CLIENTS = (("psycopg", "Error"), ("redis.exceptions", "RedisError"), ("pymongo.errors", "PyMongoError"))


def label_of(radiologist: str) -> str:
    """The label of a radiologist's namespaces: the id itself where it is of ASCII letters, digits and hyphens.

    Other characters stand as the bytes of their UTF-8 form ("=2E" for a full stop), so that no two ids share a label.

    Raises:
        InputError: the id is blank, too long or no text.
    """
    if not radiologist.strip() or len(radiologist) > _LONGEST:
        raise InputError(f"a radiologist's id has 1 to {_LONGEST} characters, not {len(radiologist.strip())}")
    try:
        data = radiologist.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError("the radiologist's id has a character that is no text") from error
    return "".join(chr(b) if b < 128 and (chr(b).isalnum() or b == 0x2D) else f"={b:02X}" for b in data)


def radiologist_of(label: str) -> str:
    """The id that a label stands for."""
    first, *others = label.split("=")
    return (first.encode() + b"".join(bytes.fromhex(o[:2]) + o[2:].encode() for o in others)).decode("utf-8")


class Shelf:
    """One kind of thing in a store, a namespace for each radiologist.

    Args:
        store: any LangGraph store, or what gives it at each use.
        kind: the first label of its namespaces.
    """

    def __init__(self, store: BaseStore | Callable[[], BaseStore], kind: Kind) -> None:
        self._store, self.kind = store, kind

    @property
    def store(self) -> BaseStore:
        """The store."""
        return self._store if isinstance(self._store, BaseStore) else self._store()

    def namespace(self, radiologist: str) -> tuple[str, str]:
        """Where a radiologist's items are."""
        return self.kind, label_of(radiologist)

    def radiologists(self) -> list[str]:
        """Whose items there are, sorted."""
        found: set[str] = set()
        offset = 0
        while True:
            with self._named_failures():
                page = self.store.list_namespaces(prefix=(self.kind,), max_depth=2, limit=_PAGE, offset=offset)
            found.update(radiologist_of(path[1]) for path in page if len(path) == 2 and path[0] == self.kind)
            if len(page) < _PAGE:
                return sorted(found)
            offset += _PAGE

    def search(self, radiologist: str, query: str | None = None, page: int = _PAGE) -> Iterator[SearchItem]:
        """A radiologist's items, one at a time, in the store's order: nearest to the query, where it can tell."""
        namespace = self.namespace(radiologist)
        offset = 0
        while True:
            with self._named_failures():
                found = self.store.search(namespace, query=query, limit=page, offset=offset)
            yield from (item for item in found if item.namespace == namespace)
            if len(found) < page:
                return
            offset += page

    def get(self, radiologist: str, key: str) -> Item | None:
        """One item."""
        return self.known(radiologist, [key])[0]

    def known(self, radiologist: str, keys: list[str]) -> list[Item | None]:
        """The items with these keys, None where there is none."""
        namespace = self.namespace(radiologist)
        found = self.batch([GetOp(namespace, key) for key in keys])
        return [item if isinstance(item, Item) and item.namespace == namespace else None for item in found]

    def put(self, radiologist: str, values: dict[str, dict[str, object]], *, searched: bool) -> None:
        """Keep values by key; `searched`: they can be found by their words."""
        namespace = self.namespace(radiologist)
        self.batch([PutOp(namespace, key, value, None if searched else False) for key, value in values.items()])

    def delete(self, radiologist: str, keys: list[str]) -> None:
        """Delete items for good."""
        namespace = self.namespace(radiologist)
        for start in range(0, len(keys), _PAGE):
            self.batch([PutOp(namespace, key, None) for key in keys[start : start + _PAGE]])
        if keys and isinstance(self.store, SqliteStore):
            with self._named_failures():
                self.store.shrink()

    def clear(self, radiologist: str) -> int:
        """Delete all items of a radiologist for good; returns how many there were."""
        if not isinstance(self.store, SqliteStore):
            keys = [item.key for item in self.search(radiologist)]
            self.delete(radiologist, keys)
            return len(keys)
        with self._named_failures():
            deleted = self.store.clear(self.namespace(radiologist))
            if deleted:
                self.store.shrink()
        return deleted

    def count(self, radiologist: str) -> int:
        """How many items a radiologist has."""
        if isinstance(self.store, SqliteStore):
            with self._named_failures():
                return self.store.count(self.namespace(radiologist))
        return sum(1 for _ in self.search(radiologist))

    def batch(self, ops: list[Op]) -> list[Result]:
        """Do operations, a store's own failure under a name of ours.

        Raises:
            InputError: the store cannot be read or written.
        """
        with self._named_failures():
            return self.store.batch(ops)

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except _store_failures() as error:
            where = getattr(self.store, "path", type(self.store).__name__)
            raise InputError(f"the memory in {where} cannot be used: {error}") from error


def _store_failures() -> tuple[type[Exception], ...]:
    loaded = ((sys.modules.get(module), name) for module, name in _CLIENTS)
    found = [getattr(module, name, None) for module, name in loaded if module is not None]
    return (OSError, sqlite3.Error, *(error for error in found if isinstance(error, type)))
