"""Requests that get no answer: one table of reasons, told as problem details (RFC 9457) or in OpenAI's form."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from langgraph.errors import GraphDrained
from starlette.responses import Response

from coarse2fine.reports import Coarse2FineError, InputError, ModelError, PromptError, ReportError

__all__ = ["Code", "Refused", "answer", "body_of", "headers_of", "is_compatible", "refused_from", "status_of"]

Code = Literal[
    "bad_json", "bad_encoding", "bad_host", "unauthorized", "foreign", "not_found", "model_not_found", "not_allowed",
    "slow_body", "conflict", "too_large", "media_type", "invalid", "too_many_requests", "client_left",
    "failed", "store_failed", "model_failed", "busy", "not_ready", "stopping", "timeout",
]  # fmt: skip


class _Kind(NamedTuple):
    status: int
    title: str


_KINDS: Mapping[Code, _Kind] = {
    "bad_json": _Kind(400, "The body is not JSON"),
    "bad_encoding": _Kind(400, "The body is not UTF-8"),
    "bad_host": _Kind(400, "The Host header names another machine"),
    "unauthorized": _Kind(401, "An API key is needed"),
    "foreign": _Kind(403, "The form comes from elsewhere"),
    "not_found": _Kind(404, "There is no such thing"),
    "model_not_found": _Kind(404, "There is no such model"),
    "not_allowed": _Kind(405, "Another method is needed"),
    "slow_body": _Kind(408, "The body did not come in time"),
    "conflict": _Kind(409, "The id stands for another record"),
    "too_large": _Kind(413, "The body is too large"),
    "media_type": _Kind(415, "The body must be JSON"),
    "invalid": _Kind(422, "The request cannot be used"),
    "too_many_requests": _Kind(429, "Too many requests"),
    "client_left": _Kind(499, "The client left"),
    "failed": _Kind(500, "The server failed"),
    "store_failed": _Kind(500, "A file of the server failed"),
    "model_failed": _Kind(502, "A model failed"),
    "busy": _Kind(503, "Too many runs at once"),
    "not_ready": _Kind(503, "The models are not loaded yet"),
    "stopping": _Kind(503, "The server is stopping"),
    "timeout": _Kind(504, "The run took too long"),
}
_COMPATIBLE = ("/v1/chat/", "/v1/models")


class Refused(Exception):
    """A request that is not answered.

    Args:
        code: why, for programs.
        detail: what is wrong and what to do, for people. Never text of a report.
        field: the field that is wrong, dotted.
        retry_after: seconds after which it may be tried again.
    """

    def __init__(self, code: Code, detail: str, *, field: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.field, self.retry_after = code, detail, field, retry_after


def status_of(refused: Refused, *, compatible: bool = False) -> int:
    """The HTTP status; OpenAI's API says 400 where ours says 422."""
    status = _KINDS[refused.code].status
    return 400 if compatible and status == 422 else status


def is_compatible(path: str) -> bool:
    """Whether a path belongs to the OpenAI-compatible API."""
    return path.startswith(_COMPATIBLE)


def body_of(refused: Refused, *, compatible: bool = False) -> dict[str, Any]:
    """The JSON object that says why: problem details, or OpenAI's error object."""
    kind = _KINDS[refused.code]
    if compatible:
        error = {"message": refused.detail, "type": _openai_type(kind.status), "param": refused.field or None}
        return {"error": {**error, "code": refused.code}}
    body: dict[str, Any] = {
        "type": f"urn:coarse2fine:{refused.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": refused.detail,
    }
    return {**body, "field": refused.field} if refused.field else body


def headers_of(refused: Refused) -> dict[str, str]:
    """The headers that say what to do next."""
    headers = {} if refused.retry_after is None else {"Retry-After": str(max(1, math.ceil(refused.retry_after)))}
    return {**headers, "WWW-Authenticate": "Bearer"} if refused.code == "unauthorized" else headers


def answer(refused: Refused, path: str) -> Response:
    """The response, in the form of the API that `path` belongs to."""
    compatible = is_compatible(path)
    return Response(
        json.dumps(body_of(refused, compatible=compatible)),
        status_of(refused, compatible=compatible),
        headers_of(refused),
        media_type="application/json" if compatible else "application/problem+json",
    )


def refused_from(error: Exception) -> Refused:
    """What a failure is to a client; one that nobody foresaw tells nothing, as its text may be a report's."""
    match error:
        case Refused():
            return error
        case ReportError():
            return Refused("invalid", error.message, field=f"report.{error.field}" if error.field else "report")
        case InputError() | PromptError():
            return Refused("invalid", str(error))
        case ModelError():
            return Refused("model_failed", str(error))
        case GraphDrained():
            return Refused("stopping", "the run was stopped; try again", retry_after=5)
        case sqlite3.Error() | OSError():
            return Refused("store_failed", "a file of the server cannot be read or written; its log says more")
        case Coarse2FineError():
            return Refused("failed", str(error))
        case _:
            return Refused("failed", f"{HTTPStatus(500).phrase}; the server's log says where")


def _openai_type(status: int) -> str:
    if status >= 500:
        return "server_error"
    return {401: "authentication_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
