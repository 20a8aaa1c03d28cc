"""Server-sent events of one run, in whatever form a route gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from coarse2fine.app.runs import Run

__all__ = ["IDLE", "RunStream", "event"]

IDLE = ": waiting\n\n"
"""A comment, which clients pass over: it keeps the connection open."""


def event(data: str, name: str = "") -> str:
    """One event; `data` is one line of JSON."""
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"


class RunStream(StreamingResponse):
    """Events of a run. However the answer ends, the run does not go on without it."""

    media_type = "text/event-stream"

    def __init__(self, run: Run, events: AsyncIterator[str], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no", **(headers or {})})
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and stop the run where the client leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._run.stop("the client left")
