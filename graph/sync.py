"""Runs coroutines from code that is not async: one event loop in one thread, so that clients keep their connections."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

__all__ = ["blocking", "run_sync", "start"]

_T = TypeVar("_T")
_P = ParamSpec("_P")


class _Home(NamedTuple):
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


_LOCK = threading.Lock()
_HOMES: list[_Home] = []


def run_sync(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine. The caller's context variables hold in it; it works inside a running event loop, too.

    Raises:
        RuntimeError: called from a coroutine that runs under `run_sync` itself: await instead.
    """
    loop, thread = _home()
    if threading.current_thread() is thread:
        coroutine.close()
        raise RuntimeError(
            "impress() and graph.invoke() cannot be called from inside a run: await aimpress() or ainvoke()"
        )
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def start(coroutine: Coroutine[Any, Any, _T]) -> Future[_T]:
    """Let a coroutine run on the same loop as those of `run_sync`, beside the caller; its result is in the future."""
    return asyncio.run_coroutine_threadsafe(coroutine, _home().loop)


def blocking(function: Callable[_P, Coroutine[Any, Any, _T]], name: str) -> Callable[_P, _T]:
    """An async function for code that is not async: the same arguments, result and errors, under another name."""

    @wraps(function)
    def wait(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return run_sync(function(*args, **kwargs))

    wait.__name__ = wait.__qualname__ = name
    return wait


def _home() -> _Home:
    with _LOCK:
        if not _HOMES:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="coarse2fine", daemon=True)
            thread.start()
            atexit.register(_stop, loop, thread)
            _HOMES.append(_Home(loop, thread))
        return _HOMES[0]


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=1)
    if not loop.is_running():
        loop.close()
