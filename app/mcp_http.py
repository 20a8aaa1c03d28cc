"""The MCP server over streamable HTTP: for this machine alone, or behind API keys."""

from __future__ import annotations

from collections.abc import Sequence

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from coarse2fine.app.keys import ASK, HOSTS, Keys, key_of

__all__ = ["http_app"]


def http_app(server: MCPServer, keys: Sequence[str] = ()) -> ASGIApp:
    """An ASGI app that answers at `/mcp`, one request at a time, without sessions: any number of them may stand behind
    one address.

    Args:
        keys: API keys that are taken, as `Authorization: Bearer KEY` or `X-API-Key`. None: no key is asked for, and
            only requests that name this machine are answered, so that no web page of another name reads what is here
            (DNS rebinding).

    Raises:
        InputError: a key is shorter than 16 characters or no printable ASCII.
    """
    known = Keys(keys)
    names = [f"[{host}]" if ":" in host else host for host in HOSTS]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=not known,
        allowed_hosts=[pattern for name in names for pattern in (name, f"{name}:*")],
        allowed_origins=[f"http://{name}:*" for name in names],
    )
    app = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=security)
    return _KeyGate(app, known) if known else app


class _KeyGate:
    """Lets requests with a known key through."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._keys.knows(key_of(Headers(scope=scope))):
            await self._app(scope, receive, send)
            return
        await JSONResponse({"error": ASK}, 401, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
