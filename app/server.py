"""The HTTP server's app: a gate, then the routes of the APIs and of the workbench."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from langgraph.errors import GraphDrained
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from coarse2fine.agents.memory import HOME_MEMORY
from coarse2fine.agents.style_card import StyleCards
from coarse2fine.app.api import api_routes
from coarse2fine.app.bodies import ImpressionRequest
from coarse2fine.app.errors import Code, Refused, answer, refused_from
from coarse2fine.app.gate import Gate
from coarse2fine.app.lingering import Lingering
from coarse2fine.app.openai import openai_routes
from coarse2fine.app.openai_bodies import ChatRequest
from coarse2fine.app.schema import with_bodies
from coarse2fine.app.service import Service
from coarse2fine.app.workbench.desk import Desk
from coarse2fine.app.workbench.routes import workbench_routes
from coarse2fine.app.workbench.sessions import Sessions
from coarse2fine.app.workbench.study_files import StudyFiles
from coarse2fine.graph.trace_record import package_version
from coarse2fine.reports import Coarse2FineError, Feedback

__all__ = ["create_app"]

_ABOUT = "Radiology findings in, impressions for several readers out, every sentence proven against the findings."
_HTTP: dict[int, Code] = {404: "not_found", 405: "not_allowed", 413: "too_large", 415: "media_type"}


def create_app(service: Service, study: Path | None = None) -> FastAPI:
    """The app of a service; it loads the models when it starts and stops runs when it ends.

    FastAPI's own pages load scripts from elsewhere and are left out: the document is at `/openapi.json`.

    Args:
        service: runs, traces, feedback.
        study: the folder of a reader study, whose items the workbench shows.

    Raises:
        InputError: the folder holds no reader's items.
    """
    sessions = Sessions(service.options.keys)
    desk = Desk(service, sessions, StyleCards(HOME_MEMORY.store), StudyFiles(study) if study else None)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.warm_up())
        try:
            yield
        finally:
            warming.cancel()
            await service.close()

    app = FastAPI(
        title="coarse2fine",
        version=package_version(),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        telemetry={"logs": False, "auto_configure": False},  # they would hold the messages of exceptions
        lifespan=lifespan,
        middleware=[
            Middleware(Lingering),
            Middleware(Gate, service.options.keys, service.options.rate, service.metrics, sessions),
        ],
    )
    app.state.service = service
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in (Refused, Coarse2FineError, GraphDrained):
        app.add_exception_handler(kind, _refused)
    app.include_router(api_routes(service))
    app.include_router(openai_routes(service))
    app.include_router(workbench_routes(desk))
    with_bodies(app, ImpressionRequest, Feedback, ChatRequest)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    return answer(refused_from(error), request.url.path)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = _HTTP.get(status, "invalid" if status < 500 else "failed")
    response = answer(Refused(code, f"{request.method} {request.url.path[:200]}: {_words(code)}"), request.url.path)
    response.headers.update((isinstance(error, HTTPException) and error.headers) or {})
    return response


async def _invalid(request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": "is wrong"}
    field = ".".join(map(str, first["loc"][1:]))
    return answer(Refused("invalid", f"{field}: {first['msg']}", field=field), request.url.path)


def _words(code: Code) -> str:
    return {"not_found": "there is no such path", "not_allowed": "this path has no such method"}.get(
        code, "this cannot be used"
    )
