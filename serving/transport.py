"""HTTP to a model server: kept connections, a bound on requests in flight, and patience with a server that falters.

Tried again are answers of 5xx, connections that fail and timeouts, never 4xx: what is wrong with a request stays wrong.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

__all__ = ["ATTEMPTS", "IN_FLIGHT", "Clients", "Seats", "clients_of"]

IN_FLIGHT = 128
"""Most requests in flight to one server; others wait for their turn."""

ATTEMPTS = 4
"""How often a request is sent at most."""

_TIMEOUT = httpx.Timeout(300.0, connect=10.0)
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=IN_FLIGHT, keepalive_expiry=60.0)
_TRANSIENT = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)


class Clients(NamedTuple):
    """The clients of one server, for code that waits and for code that awaits, on any event loop."""

    blocking: httpx.Client
    awaiting: httpx.AsyncClient


_CLIENTS: dict[tuple[str, str], Clients] = {}
_LOCK = threading.Lock()


def clients_of(url: str, key: str = "") -> Clients:
    """The clients of a server by its base URL, which all models of that server share; `key` is its API key, if any."""
    with _LOCK:
        if (url, key) not in _CLIENTS:
            _CLIENTS[url, key] = _clients(url, key)
        return _CLIENTS[url, key]


def _clients(url: str, key: str) -> Clients:
    seats = Seats(IN_FLIGHT)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    settings: dict[str, Any] = {"base_url": url, "headers": headers, "timeout": _TIMEOUT}
    return Clients(
        httpx.Client(transport=Patient(seats), **settings),
        httpx.AsyncClient(transport=AsyncPatient(seats), **settings),
    )


class Seats:
    """A bound on what may be under way at once, over threads and event loops, first come, first served.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._free, self._lock = most, threading.Lock()
        self._waiting: deque[Future[None]] = deque()

    def take(self) -> None:
        """Wait for a seat."""
        ticket = self._ticket()
        try:
            ticket.result()
        except BaseException:
            self._forgo(ticket)
            raise

    async def atake(self) -> None:
        """Wait for a seat without blocking the event loop."""
        ticket = self._ticket()
        if ticket.done():
            return
        try:
            await asyncio.shield(asyncio.wrap_future(ticket))
        except BaseException:
            self._forgo(ticket)
            raise

    def give(self) -> None:
        """Hand a seat back: to who waits longest, if anybody does."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set_result(None)
            else:
                self._free += 1

    def _ticket(self) -> Future[None]:
        ticket: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                ticket.set_result(None)
            else:
                self._waiting.append(ticket)
        return ticket

    def _forgo(self, ticket: Future[None]) -> None:
        """Who waited has left: their place in the line goes, or the seat that they were just given."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                return
        self.give()


# ------------------------------------------------------------------------------------------------ trying again
def _settings(wait: float) -> dict[str, Any]:
    return {
        "stop": stop_after_attempt(ATTEMPTS),
        "wait": wait_random_exponential(multiplier=wait, max=8.0),
        "retry": retry_if_exception_type(_TRANSIENT) | retry_if_result(_broke),
        "retry_error_callback": _last,
    }


def _broke(response: httpx.Response) -> bool:
    return response.status_code >= 500


def _last(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None


class Patient(httpx.BaseTransport):
    """For clients that wait.

    Args:
        seats: shared by the clients of a server.
        inner: what sends.
        wait: seconds before the second attempt, at most; later ones wait longer.
    """

    def __init__(self, seats: Seats, inner: httpx.BaseTransport | None = None, wait: float = 0.5) -> None:
        self._seats, self._inner = seats, inner or httpx.HTTPTransport(limits=_LIMITS)
        self._retrying = _settings(wait)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        request.read()
        self._seats.take()
        try:
            response: httpx.Response = Retrying(**self._retrying)(self._send, request)
        except BaseException:
            self._seats.give()
            raise
        if _broke(response):  # read already: nobody will close it
            self._seats.give()
            return response
        stream: Any = response.stream
        response.stream = _Held(stream, self._seats.give)
        return response

    def _send(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        if _broke(response):
            response.read()
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class AsyncPatient(httpx.AsyncBaseTransport):
    """For clients that await; each event loop has connections of its own.

    Args:
        seats: shared by the clients of a server.
        make: makes what sends.
        wait: seconds before the second attempt, at most; later ones wait longer.
    """

    def __init__(
        self, seats: Seats, make: Callable[[], httpx.AsyncBaseTransport] | None = None, wait: float = 0.5
    ) -> None:
        self._seats, self._make = seats, make or (lambda: httpx.AsyncHTTPTransport(limits=_LIMITS))
        self._inner: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncBaseTransport] = WeakKeyDictionary()
        self._retrying = _settings(wait)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        await request.aread()
        await self._seats.atake()
        try:
            response: httpx.Response = await AsyncRetrying(**self._retrying)(self._send, request)
        except BaseException:
            self._seats.give()
            raise
        if _broke(response):  # read already: nobody will close it
            self._seats.give()
            return response
        stream: Any = response.stream
        response.stream = _AsyncHeld(stream, self._seats.give)
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        response = await self._here().handle_async_request(request)
        if _broke(response):
            await response.aread()
        return response

    def _here(self) -> httpx.AsyncBaseTransport:
        loop = asyncio.get_running_loop()
        if loop not in self._inner:
            self._inner[loop] = self._make()
        return self._inner[loop]

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        inner = self._inner.pop(asyncio.get_running_loop(), None)
        if inner is not None:
            await inner.aclose()


class _Held(httpx.SyncByteStream):
    """An answer's body, which keeps its seat until it is read or given up."""

    def __init__(self, stream: httpx.SyncByteStream, give: Callable[[], None]) -> None:
        self._stream, self._give = stream, _once(give)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._give()


class _AsyncHeld(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, give: Callable[[], None]) -> None:
        self._stream, self._give = stream, _once(give)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._give()


def _once(give: Callable[[], None]) -> Callable[[], None]:
    left = [give]
    return lambda: left.pop()() if left else None
