"""The MCP server over streamable HTTP: for this machine alone, or behind API keys."""

from __future__ import annotations

from collections.abc import Sequence

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import INVALID_REQUEST, ErrorData, JSONRPCError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coarse2fine.app.errors import Refused, body_of, headers_of, status_of
from coarse2fine.app.keys import HOSTS, Keys
from coarse2fine.app.limits import Buckets, admit, read_body
from coarse2fine.app.lingering import Lingering

__all__ = ["http_app"]


def http_app(server: MCPServer, keys: Sequence[str] = (), rate: int = 0, max_body: int = 1 << 20) -> ASGIApp:
    """An ASGI app that answers at `/mcp`, one request at a time, without sessions: any number of them may stand behind
    one address.

    Args:
        keys: API keys that are taken, as `Authorization: Bearer KEY` or `X-API-Key`. None: no key is asked for, and
            only requests that name this machine are answered, so that no web page of another name reads what is here
            (DNS rebinding).
        rate: HTTP requests a minute, for each key, and for each address without one; 0: any number. A client's first
            question takes about three.
        max_body: bytes of a body, at most.

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
    app = server.streamable_http_app(
        stateless_http=True, json_response=True, transport_security=security, max_request_body_size=max_body
    )
    return Lingering(_Gate(app, known, rate, max_body))


class _Gate:
    """Lets requests through by key and rate, with bodies that are read to their end."""

    def __init__(self, app: ASGIApp, keys: Keys, rate: int, max_body: int) -> None:
        self._app, self._keys, self._max_body = app, keys, max_body
        self._buckets = Buckets(rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = (scope.get("client") or ("unknown",))[0]
        try:
            admit(self._keys, self._buckets, Headers(scope=scope), address)
            body = await read_body(Request(scope, receive), self._max_body)
        except Refused as refused:
            await _answer(refused)(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)


def _answer(refused: Refused) -> Response:
    """The response, with a JSON-RPC error as its body: its message is what clients show."""
    headers = headers_of(refused)
    wait = f"; try again in {headers['Retry-After']} s" if "Retry-After" in headers else ""
    error = ErrorData(code=INVALID_REQUEST, message=f"{refused.detail}{wait}", data=body_of(refused))
    body = JSONRPCError(jsonrpc="2.0", id=None, error=error).model_dump_json(by_alias=True, exclude_unset=True)
    return Response(body, status_of(refused), headers, media_type="application/json")


def _again(body: bytes, receive: Receive) -> Receive:
    """What hands out a body that was read already, then what comes after it."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return whole.pop() if whole else await receive()

    return receiving
