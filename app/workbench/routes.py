"""The workbench's routes."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coarse2fine.app.errors import Refused
from coarse2fine.app.workbench.card_pages import CardPages
from coarse2fine.app.workbench.desk import Desk, asset, see_other
from coarse2fine.app.workbench.feedback_pages import FeedbackPages
from coarse2fine.app.workbench.run_pages import RunPages
from coarse2fine.app.workbench.sessions import COOKIE, PREFIX
from coarse2fine.app.workbench.study_pages import StudyPages

__all__ = ["workbench_routes"]

_DAY = 86_400


def workbench_routes(desk: Desk) -> APIRouter:
    """All pages, static files and the door of a workbench."""
    router = APIRouter()
    _Door(desk).add_to(router)
    for pages in (RunPages(desk), FeedbackPages(desk), StudyPages(desk), CardPages(desk)):
        pages.add_to(router)
    return router


class _Door:
    """The way in: the front door, the page that asks for a key, static files.

    Args:
        desk: what all pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        """Put them on their paths."""
        add = self._desk.add
        router.add_api_route("/", self.front, methods=["GET"], response_model=None, include_in_schema=False)
        add(router, "GET", "", self.front)
        add(router, "GET", "/login", self.login)
        add(router, "POST", "/login", self.enter)
        add(router, "POST", "/logout", self.leave)
        add(router, "GET", "/static/{name}", self.static)

    async def front(self, _: Request) -> Response:
        """The way to the first page."""
        return RedirectResponse(f"{PREFIX}/", 303)

    async def login(self, request: Request) -> Response:
        """Ask for a key, where one is needed."""
        if self._desk.sessions.admits(self._desk.sessions.visit(request.headers)):
            return see_other("/")
        return self._desk.page(request, "login", errors={})

    async def enter(self, request: Request) -> Response:
        """Take a key and begin a session."""
        form = await self._desk.posted(request)
        if not self._desk.sessions.needs_key:
            return see_other("/")
        try:
            visit = self._desk.sessions.enter(form.text("key"))
        except Refused as error:
            return self._desk.page(request, "login", 401, errors={"key": error.detail})
        return self._desk.with_visit(request, see_other("/"), visit)

    async def leave(self, request: Request) -> Response:
        """End a session."""
        await self._desk.posted(request)
        self._desk.sessions.leave(self._desk.sessions.visit(request.headers))
        response = see_other("/login" if self._desk.sessions.needs_key else "/")
        response.delete_cookie(COOKIE, path=PREFIX)
        return response

    async def static(self, request: Request) -> Response:
        """A static file; its path changes with it, so that it may be kept."""
        content, kind = asset(request.path_params["name"])
        return Response(content, media_type=kind, headers={"Cache-Control": f"private, max-age={_DAY}, immutable"})
