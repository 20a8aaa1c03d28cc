"""The MCP server over streamable HTTP: for this machine alone, or behind API keys."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from coarse2fine.reports import InputError

__all__ = ["http_app"]

_SHORTEST_KEY = 16
_NAMES = ("127.0.0.1", "localhost", "[::1]")


def http_app(server: MCPServer, keys: Sequence[str] = ()) -> ASGIApp:
    """An ASGI app that answers at `/mcp`, one request at a time, without sessions: any number of them may stand behind
    one address.

    Args:
        keys: API keys that are taken, as `Authorization: Bearer KEY`. None: no key is asked for, and only requests that
            name this machine are answered, so that no web page of another name reads what is here (DNS rebinding).

    Raises:
        InputError: a key is shorter than 16 characters or no printable ASCII.
    """
    if any(len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable() for key in keys):
        raise InputError(f"an API key has {_SHORTEST_KEY} characters at least, all of them printable ASCII")
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=not keys,
        allowed_hosts=[pattern for name in _NAMES for pattern in (name, f"{name}:*")],
        allowed_origins=[f"http://{name}:*" for name in _NAMES],
    )
    app = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=security)
    return _KeyGate(app, keys) if keys else app


class _KeyGate:
    """Lets requests with a known key through."""

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app, self._keys = app, [_digest(key) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._knows(Headers(scope=scope).get("authorization", "")):
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse(
            {"error": "send an API key: Authorization: Bearer KEY"}, 401, {"WWW-Authenticate": "Bearer"}
        )
        await refusal(scope, receive, send)

    def _knows(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        given = _digest(key.strip())
        known = [hmac.compare_digest(given, digest) for digest in self._keys]
        return scheme.lower() == "bearer" and any(known)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
