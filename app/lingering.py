"""Answers that come before all of a request's body has come.

A connection that closes with bytes unread is reset, and the reset may overtake the answer (RFC 9112, 9.6). So the
answer goes out at once, and what still comes of the body is thrown away for a while before the connection closes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Lingering"]

_MOST = 16 << 20
"""Bytes that are thrown away after an answer, at most."""

_SECONDS = 5.0
"""How long what still comes is thrown away."""


class Lingering:
    """ASGI middleware that answers early refusals so that the client reads them.

    An answer to a body whose length is not declared, or too great to wait for, closes the connection.

    Args:
        app: what is behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; where it is answered early, end the answer once the body has come or the wait is over."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        came = early = False

        async def receiving() -> Message:
            nonlocal came
            message = await receive()
            came = came or not message.get("more_body", False)  # nothing more comes of a client that left, either
            return message

        async def sending(message: Message) -> None:
            nonlocal early
            if message["type"] == "http.response.start" and not came and _closes(scope):
                MutableHeaders(scope=message)["Connection"] = "close"
            if message["type"] == "http.response.body" and not came and not message.get("more_body", False):
                early, message = True, {**message, "more_body": True}
            await send(message)

        async def drop() -> None:
            dropped = 0
            while not came and dropped < _MOST:
                dropped += len((await receiving()).get("body", b""))

        await self._app(scope, receiving, sending)
        if early:
            with suppress(TimeoutError):
                await asyncio.wait_for(drop(), _SECONDS)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_body(scope: Scope) -> bool:
    """Whether a body is announced, over a connection that serves one request at a time."""
    headers = Headers(scope=scope)
    announced = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    return announced and scope["http_version"] in ("1.0", "1.1")


def _closes(scope: Scope) -> bool:
    declared = Headers(scope=scope).get("content-length", "")
    return not declared.isdecimal() or int(declared[:20]) > _MOST
