"""Limits: how often a client may ask, how many runs go on at once, how large a body may be."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from coarse2fine.app.errors import Refused
from coarse2fine.app.keys import ASK, Keys, digest, key_of

__all__ = ["KEEP_ALIVE_SECONDS", "Buckets", "Seats", "admit", "read_body"]

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than clients and proxies keep theirs (5 to 60 s), so that none sends a
request into a connection that is just being closed.
"""

_CLIENTS = 10_000
"""Clients whose buckets are remembered; of more, the one that was longest away is forgotten."""

_BODY_SECONDS = 30.0


class Buckets:
    """Token buckets, one a client.

    Args:
        rate: requests a minute; as many may come at once after a pause. 0: no limit.
        clock: seconds, monotonic.
    """

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self._clock = rate, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Take a token.

        Raises:
            Refused: there is none; says when there will be.
        """
        if not self.rate:
            return
        now = self._clock()
        tokens, then = self._buckets.pop(client, (float(self.rate), now))
        tokens = min(float(self.rate), tokens + (now - then) * self.rate / 60)
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise Refused(
                "too_many_requests",
                f"at most {self.rate} requests a minute are answered",
                retry_after=(1 - tokens) * 60 / self.rate,
            )


def admit(keys: Keys, buckets: Buckets, headers: Headers, address: str) -> None:
    """Let a request in by its key, and count it: by its key, and by its address where there is none that is known.

    Raises:
        Refused: its key is not known, or it comes too soon.
    """
    given = key_of(headers)
    known = bool(keys) and keys.knows(given)
    buckets.take(digest(given).hex() if known else address)
    if keys and not known:
        raise Refused("unauthorized", ASK)


class Seats:
    """Runs that go on at once, and those that wait for a seat.

    Args:
        most: runs at once; waiting: most that wait.
    """

    def __init__(self, most: int, waiting: int) -> None:
        self.most, self.queue = most, waiting
        self._admitted, self._seated = 0, 0
        self._seats = asyncio.Semaphore(most)

    @property
    def seated(self) -> int:
        """Runs that go on."""
        return self._seated

    @property
    def waiting(self) -> int:
        """Runs that wait."""
        return self._admitted - self._seated

    def admit(self) -> None:
        """Let one more in, to be seated or to wait; `leave` when it has gone.

        Raises:
            Refused: all seats are taken and the queue is full.
        """
        if self._admitted >= self.most + self.queue:
            raise Refused("busy", f"{self.most} runs go on and {self.queue} wait; try again soon", retry_after=2)
        self._admitted += 1

    def leave(self) -> None:
        """Undo `admit`."""
        self._admitted -= 1

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[None]:
        """Wait for a seat and hold it."""
        async with self._seats:
            self._seated += 1
            try:
                yield
            finally:
                self._seated -= 1


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request, of at most `most` bytes; what is beyond is not read.

    Raises:
        Refused: it is larger, or does not come in time.
    """
    too_large = Refused("too_large", f"a body may have {most:,} bytes at most")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise Refused("slow_body", f"the body did not come within {_BODY_SECONDS:.0f} seconds") from None
    except ClientDisconnect:
        raise Refused("client_left", "the client left before its body came") from None
    return bytes(body)
