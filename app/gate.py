"""The gate before all routes: host, key, rate; security headers, counts and a log line that holds no report text."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coarse2fine.app.errors import Refused, answer, refused_from
from coarse2fine.app.keys import Keys, digest, names_this_machine
from coarse2fine.app.limits import Buckets, admit
from coarse2fine.app.metrics import Metrics
from coarse2fine.app.workbench.sessions import LOGIN, Sessions, is_open, is_page

__all__ = ["Gate"]

_LOG = logging.getLogger("coarse2fine.app")
_OPEN = ("/healthz", "/readyz")
_ROUTINE = (*_OPEN, "/metrics")
_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Gate:
    """ASGI middleware before all routes.

    Args:
        app: what is behind it.
        keys: API keys that are taken. None: no key is asked for, but the Host header must name this machine, so that
            no web page of another name reads what is here (DNS rebinding).
        rate: requests a minute, for each key, and for each address without one.
        metrics: where requests are counted.
        sessions: whose cookies open the workbench's pages in place of a key.
    """

    def __init__(
        self, app: ASGIApp, keys: Sequence[str], rate: int, metrics: Metrics, sessions: Sessions | None = None
    ) -> None:
        self._app, self._metrics, self._sessions = app, metrics, sessions
        self._keys = Keys(keys)
        self._buckets = Buckets(rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - told by its kind: its text may be a report's
            if not isinstance(error, Refused):
                _LOG.error("%s at %s", type(error).__name__, _place(error))
            if not status:
                await _answer(refused_from(error), scope)(scope, receive, sending)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _check(self, scope: Scope) -> None:
        if scope["path"] in _OPEN:
            return
        headers, address = Headers(scope=scope), (scope.get("client") or ("unknown",))[0]
        if not self._keys and not names_this_machine(headers.get("host", "")):
            raise Refused("bad_host", "without an API key only http://localhost and its like are answered")
        pages = bool(self._keys) and self._sessions is not None and is_page(scope["path"])
        if pages and self._takes_visit(scope, headers, address):
            return
        admit(self._keys, self._buckets, headers, address)

    def _takes_visit(self, scope: Scope, headers: Headers, address: str) -> bool:
        """Whether a page is shown without a key: the page that asks for one is, and others to admitted visits."""
        visit = self._sessions.visit(headers) if self._sessions else ""
        admitted = bool(visit) and self._sessions is not None and self._sessions.admits(visit)
        if admitted or is_open(scope["path"]):
            self._buckets.take(digest(visit).hex() if admitted else address)
            return True
        return False

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = str(getattr(scope.get("route"), "path", "other"))
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.request(route, method, status or 499, seconds)
        level = logging.DEBUG if route in _ROUTINE and status == 200 else logging.INFO
        _LOG.log(level, "%s %s %s %.3fs", method, route, status or 499, seconds)


def _answer(refused: Refused, scope: Scope) -> ASGIApp:
    """The response; who opens a page without a key is asked for one."""
    if refused.code == "unauthorized" and scope["method"] == "GET" and is_page(scope["path"]):
        return RedirectResponse(LOGIN, 303)
    return answer(refused, scope["path"])


def _place(error: Exception) -> str:
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
