"""What all pages of the workbench share: the service behind them, sessions, templates, and answers where one fails."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import APIRouter
from langgraph.errors import GraphDrained
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from coarse2fine.agents.style_card import StyleCards
from coarse2fine.app.errors import Refused, refused_from, status_of
from coarse2fine.app.service import Service
from coarse2fine.app.workbench.forms import Form, read_form
from coarse2fine.app.workbench.sessions import COOKIE, PREFIX, Sessions
from coarse2fine.app.workbench.study_files import StudyFiles
from coarse2fine.graph import RunTrace
from coarse2fine.graph.trace_text import SIGNS
from coarse2fine.reports import Coarse2FineError, InputError

__all__ = ["LAYERS", "WORDS", "Desk", "Handler", "asset", "see_other"]

Handler = Callable[[Request], Awaitable[Response]]

WORDS = {
    "supported": "proven", "unsupported": "not proven", "contradicted": "contradicted", "undecided": "undecided",
    "passed": "passed", "needs_review": "needs review", "error": "failed", "failed": "failed",
    "unchecked": "not checked",
}  # fmt: skip
"""Labels and statuses in words; signs and colours repeat them."""

_SIGNS = {**SIGNS, "unchecked": "!"}
LAYERS = {"verbatim": "word for word", "check": "by rules", "nli": "by the model", "judge": "by the judge"}
"""How a verdict was reached, in words."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with "no-referrer" browsers send no Origin with a form
}
_KINDS = {"workbench.css": "text/css", "workbench.js": "text/javascript", "icon.svg": "image/svg+xml"}


class Desk:
    """The workbench of a server.

    Args:
        service: runs, traces, feedback.
        sessions: who may see pages.
        cards: style cards.
        study: the readers' folders of a study, None where the server has none.
    """

    def __init__(self, service: Service, sessions: Sessions, cards: StyleCards, study: StudyFiles | None) -> None:
        self.service, self.sessions, self.cards, self.study = service, sessions, cards, study

    def page(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """A page of a template."""
        visit = self.sessions.visit(request.headers) or self.sessions.new_visit()
        template = _environment().get_template(f"{name}.html.j2")
        html = template.render(
            token=self.sessions.token(visit),
            desk=self,
            here=request.url.path,
            asset=asset_path,
            signs=_SIGNS,
            words=WORDS,
            layers=LAYERS,
            **values,
        )
        return self.with_visit(request, HTMLResponse(html, status, _HEADERS), visit)

    def with_visit(self, request: Request, response: Response, visit: str) -> Response:
        """The response, with the visit's cookie."""
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, visit, path=PREFIX, httponly=True, samesite="strict", secure=secure)
        return response

    def problem(self, request: Request, refused: Refused) -> Response:
        """A page that says why there is no other."""
        status = status_of(refused)
        response = self.page(request, "problem", status, title=HTTPStatus(status).phrase if status != 499 else "Left",
                             detail=refused.detail)  # fmt: skip
        if refused.retry_after is not None:
            response.headers["Retry-After"] = str(max(1, round(refused.retry_after)))
        return response

    async def posted(self, request: Request) -> Form:
        """The form of a post that is one of ours.

        Raises:
            Refused: it comes from elsewhere, or is no form.
        """
        self.sessions.check_origin(request)
        form = await read_form(request, self.service.options.max_body)
        self.sessions.check_token(self.sessions.visit(request.headers), form.text("token"))
        return form

    async def trace(self, request: Request) -> RunTrace:
        """The trace that a path names by its whole id.

        Raises:
            Refused: there is none.
        """
        trace_id = request.path_params["trace_id"]
        try:
            found = await asyncio.to_thread(self.service.traces.get, trace_id)
        except InputError:
            found = None
        if found is None or found.id != trace_id:
            raise Refused("not_found", "there is no such run; the history lists those that are kept")
        return found

    def add(self, router: APIRouter, method: str, path: str, handler: Handler) -> None:
        """Put a handler on a path under the workbench's; what fails in it becomes a page."""

        async def answering(request: Request) -> Response:
            try:
                return await handler(request)
            except (Refused, Coarse2FineError, GraphDrained) as error:
                return self.problem(request, refused_from(error))

        router.add_api_route(
            f"{PREFIX}{path}", answering, methods=[method], response_model=None, include_in_schema=False
        )


def see_other(path: str, fragment: str = "", **query: str) -> Response:
    """Go to a page of the workbench; no text of a report may stand in the arguments."""
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    where = PREFIX + path + (f"?{asked}" if asked else "") + (f"#{fragment}" if fragment else "")
    return RedirectResponse(where, 303)


@cache
def asset(name: str) -> tuple[bytes, str]:
    """A static file and its media type.

    Raises:
        Refused: there is none of this name.
    """
    if name not in _KINDS:
        raise Refused("not_found", "there is no such file")
    return (files("coarse2fine.app.workbench") / "static" / name).read_bytes(), _KINDS[name]


@cache
def asset_path(name: str) -> str:
    """Where a static file is; another version of it has another path."""
    return f"{PREFIX}/static/{name}?v={hashlib.sha256(asset(name)[0]).hexdigest()[:12]}"


def _template(name: str) -> str:
    return (files("coarse2fine.app.workbench") / "templates" / name).read_text("utf-8")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(_template),
        auto_reload=False,
    )
