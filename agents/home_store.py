"""The store of this installation: a file on this machine, or a PostgreSQL database that several machines share."""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from functools import lru_cache

from langgraph.store.base import BaseStore

from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.reports import InputError, MissingExtra
from coarse2fine.reports.home import home_folder

__all__ = ["home_store"]

_FILE = SqliteStore(lambda: home_folder() / "memory.sqlite")
_VARIABLE = "COARSE2FINE_STORE"
_CONNECTIONS, _PATIENCE = 8, 10.0


def home_store() -> BaseStore:
    """The database that `COARSE2FINE_STORE` names, else `memory.sqlite` in the home folder; asked at each use.

    Raises:
        InputError: the variable names no database, or one that does not answer within 10 seconds.
        MissingExtra: it names one, and the extra `postgres` is not installed.
    """
    url = os.environ.get(_VARIABLE, "")
    return _shared(url) if url else _FILE


@lru_cache(maxsize=4)
def _shared(url: str) -> BaseStore:
    if not url.startswith(("postgresql://", "postgres://")):
        raise InputError(f"{_VARIABLE} must read postgresql://USER@HOST/DATABASE")  # what it holds may be a password
    try:
        from langgraph.store.postgres import PostgresStore
        from psycopg import Error
        from psycopg_pool import ConnectionPool
    except ImportError as error:
        raise MissingExtra("a shared store needs the extra `postgres`: pip install 'coarse2fine[postgres]'") from error
    pool = {"max_size": _CONNECTIONS, "timeout": _PATIENCE, "check": ConnectionPool.check_connection}
    opened = ExitStack()
    try:
        store = opened.enter_context(PostgresStore.from_conn_string(url, pool_config=pool))  # type: ignore[arg-type]
        store.setup()
    except Error as error:
        opened.close()
        raise InputError(f"the database that {_VARIABLE} names cannot be used: {error}") from error
    atexit.register(opened.close)
    return store
