"""Our own API: impressions, traces, feedback, health, counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from coarse2fine.app.bodies import ImpressionRequest, checked, read_json, refuse, report_of
from coarse2fine.app.errors import Refused, body_of, refused_from
from coarse2fine.app.metrics import CONTENT_TYPE_LATEST
from coarse2fine.app.runs import Finished, RoundDone, Run, Waiting
from coarse2fine.app.schema import PROBLEMS, events_of, takes
from coarse2fine.app.service import Service
from coarse2fine.app.sse import IDLE, RunStream, event
from coarse2fine.graph import Result, RunTrace, TextResult, TraceSummary
from coarse2fine.graph.result import text_result
from coarse2fine.reports import Feedback, InputError

__all__ = ["api_routes", "run_events"]

_STREAM = {"content": events_of("round", "result", "error"), "description": "The result, or events."}


class TraceList(BaseModel):
    """The newest traces, newest first."""

    traces: list[dict[str, Any]]


class Kept(BaseModel):
    """What became of a feedback record, and what the critic says of its edit, which is kept whatever that is.

    Args:
        edit: the edit, sentence by sentence; null where the record has none, or where it could not be judged.
        unjudged: why the edit could not be judged, in words.
    """

    id: str
    new: bool
    edit: TextResult | None = None
    unjudged: str | None = None


class Health(BaseModel):
    """How the server is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready"}]})

    status: str


def api_routes(service: Service) -> APIRouter:
    """The routes of our own API."""
    router = APIRouter(responses=PROBLEMS)

    @router.post(
        "/v1/impressions", response_model=Result, responses={200: _STREAM}, openapi_extra=takes(ImpressionRequest)
    )
    async def impressions(
        request: Request,
        stream: Annotated[bool, Query(description="Send rounds as they happen, as server-sent events.")] = False,
    ) -> Response:
        """Write the impressions of a report, each sentence proven against its findings.

        With `Accept: text/event-stream`, or `?stream=true`: an event `round` for each round of each text, then the
        event `result`, or `error` with a problem object.
        """
        body = checked(ImpressionRequest, await read_json(request, service.options.max_body))
        report = report_of(body.report, body.radiologist)
        run = service.begin(report, body.context(body.audiences))
        if stream or "text/event-stream" in request.headers.get("accept", ""):
            return RunStream(run, run_events(run))
        return JSONResponse((await run.finished(request)).result.to_dict())

    @router.get("/v1/traces", response_model=TraceList)
    async def traces(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
        """List the newest runs. No text."""
        found = await asyncio.to_thread(service.traces.list, limit)
        return JSONResponse({"traces": [_summary(one) for one in found]})

    @router.get("/v1/traces/{trace_id}", response_model=RunTrace)
    async def trace(trace_id: str) -> Response:
        """What a run did, round by round: by its id, by the beginning of one, or by `last`. Holds report text."""
        try:
            found = await asyncio.to_thread(service.traces.get, trace_id)
        except InputError:
            raise Refused(
                "not_found", "there is no such trace, or several ids begin so; GET /v1/traces lists them"
            ) from None
        return Response(found.model_dump_json(), media_type="application/json")

    @router.post("/v1/feedback", response_model=Kept, status_code=201, openapi_extra=takes(Feedback))
    async def feedback(request: Request) -> Response:
        """Keep what a radiologist says of a text, or made of it. The same record again changes nothing (200).

        An edit goes through the critic; one that the critic refuses is kept, too, and the answer says so.
        """
        record = _feedback(await read_json(request, service.options.max_body))
        added = await asyncio.to_thread(service.feedback.add, [record])
        if added.conflicts:
            raise Refused("conflict", "the id stands for another record already, which stays", field="id")
        judged = (await service.edits.judged([record])).get(record.id)
        edit = text_result(judged.run) if judged and judged.run else None
        kept = Kept(id=record.id, new=bool(added.new), edit=edit, unjudged=(judged and judged.why_not) or None)
        return JSONResponse(kept.model_dump(mode="json"), 201 if added.new else 200)

    @router.get("/healthz", response_model=Health)
    async def healthz() -> Health:
        """The process answers."""
        return Health(status="alive")

    @router.get("/readyz", response_model=Health)
    async def readyz() -> Health:
        """The models are loaded; 503 before, and while the server stops."""
        service.check_ready()
        return Health(status=service.state)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Counts for Prometheus."""
        return Response(service.metrics.page(), media_type=CONTENT_TYPE_LATEST)

    return router


async def run_events(run: Run) -> AsyncIterator[str]:
    """The rounds of a run, then its result or an error, as server-sent events."""
    try:
        async for found in run.events():
            if isinstance(found, Waiting):
                yield IDLE
            elif isinstance(found, RoundDone):
                yield event(json.dumps(_round(found)), "round")
            elif isinstance(found, Finished):
                yield event(json.dumps(found.result.to_dict()), "result")
    except Exception as error:  # noqa: BLE001 - the answer has begun: the client is told within it
        yield event(json.dumps(body_of(refused_from(error))), "error")


def _round(done: RoundDone) -> dict[str, Any]:
    made = done.round
    critique = made.critique.model_dump(mode="json")
    return {
        "audience": done.audience,
        "round": made.number,
        "step": made.step,
        "text": made.text,
        "passed": made.critique.passed,
        **critique,
    }


def _summary(trace: TraceSummary) -> dict[str, Any]:
    return trace._asdict()


def _feedback(document: dict[str, Any]) -> Feedback:
    try:
        return Feedback.model_validate_json(json.dumps(document))
    except ValidationError as error:
        refuse(error)
    except OverflowError:
        raise Refused("invalid", "created: is no date that can be kept", field="created") from None
