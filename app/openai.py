"""The OpenAI-compatible API: any client that chats with OpenAI's models gets impressions.

The last user message holds the report; the model's name picks the audience. Messages before it, system messages
included, are not read: findings are data, and nothing is followed as an instruction.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from coarse2fine.agents.critique import Audience
from coarse2fine.app.bodies import checked, read_json, report_of
from coarse2fine.app.errors import Refused, body_of, refused_from
from coarse2fine.app.openai_bodies import MODELS, ChatCompletion, ChatRequest, ModelCard, ModelList, TextPart, known
from coarse2fine.app.runs import Finished, Run, TextDone
from coarse2fine.app.runs import Waiting as StillWaiting
from coarse2fine.app.schema import COMPATIBLE_PROBLEMS, events_of, takes
from coarse2fine.app.service import Service
from coarse2fine.app.sse import IDLE, RunStream, event
from coarse2fine.graph import RunTrace, TextResult
from coarse2fine.reports import InputError, Report, ReportError

__all__ = ["openai_routes"]

_ANSWER = {"content": events_of(), "description": "The texts, or chunks."}


class _Chat(NamedTuple):
    """One answer in the making."""

    id: str
    model: str
    created: int
    audiences: Sequence[Audience]
    usage: bool

    def chunk(self, delta: Mapping[str, Any] | None, end: str | None = None, **more: object) -> str:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": end, "logprobs": None}]
        head = {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
        return event(json.dumps({**head, "choices": choices, **more}))

    def whole(self, done: Finished) -> dict[str, Any]:
        texts = [(audience, done.result.impressions[audience]) for audience in self.audiences]
        content = "".join(_shown(text, audience, n, len(texts)) for n, (audience, text) in enumerate(texts))
        message = {"role": "assistant", "content": content, "refusal": None}
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": _usage(done.trace),
        }


def openai_routes(service: Service) -> APIRouter:
    """The routes of the OpenAI-compatible API."""
    router = APIRouter(tags=["OpenAI-compatible"], responses=COMPATIBLE_PROBLEMS)

    @router.get("/v1/models")
    async def models() -> ModelList:
        """The models: one for all audiences, one for each."""
        return ModelList(data=[ModelCard(id=name) for name in MODELS])

    @router.get("/v1/models/{name}")
    async def model(name: str) -> ModelCard:
        """A model."""
        _check_model(name)
        return ModelCard(id=name)

    @router.post(
        "/v1/chat/completions",
        response_model=ChatCompletion,
        responses={200: _ANSWER},
        openapi_extra=takes(ChatRequest),
    )
    async def completions(request: Request) -> Response:
        """Write the impressions of the report in the last user message (raw text with headings, or a JSON object).

        A text that a person must see ends with a note that says why. `usage` counts the tokens of all model calls of
        the run, as far as the models count them.
        """
        body = checked(ChatRequest, known(await read_json(request, service.options.max_body)))
        _check_model(body.model)
        if body.response_format is not None and body.response_format.get("type") != "text":
            raise Refused("invalid", "response_format: only text is written", field="response_format")
        audiences = MODELS[body.model]
        run = service.begin(_report(body), body.context(audiences))
        usage = body.stream_options is not None and body.stream_options.include_usage
        chat = _Chat(f"chatcmpl-{time.time_ns():x}", body.model, int(time.time()), audiences, usage)
        if body.stream:
            return RunStream(run, _events(run, chat))
        done = await run.finished(request)
        return JSONResponse(chat.whole(done), headers={"X-Coarse2fine-Trace": done.result.trace_id})

    return router


def _check_model(name: str) -> None:
    if name not in MODELS:
        raise Refused("model_not_found", f"there is no such model; there are {', '.join(MODELS)}", field="model")


def _report(body: ChatRequest) -> Report:
    content = next((message.content for message in reversed(body.messages) if message.role == "user"), None)
    if isinstance(content, list):
        if not all(isinstance(part, TextPart) for part in content):
            raise Refused("invalid", "messages: only parts of the type text are read", field="messages")
        content = "\n".join(part.text for part in content if isinstance(part, TextPart))
    if not content or not content.strip():
        raise Refused("invalid", "messages: the last user message must hold a report", field="messages")
    try:
        return report_of(_record(content) or content, body.radiologist)
    except ReportError as error:
        raise Refused("invalid", f"the report in the last user message: {error}", field="messages") from None
    except Refused as refused:
        raise Refused(refused.code, refused.detail, field="messages") from None


def _record(content: str) -> dict[str, Any] | None:
    """The object that a message holds; None where it is no JSON, so raw text."""
    if not content.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError("the last user message begins like a JSON object and is none") from None
    return found if isinstance(found, dict) else None


def _shown(text: TextResult, audience: Audience, place: int, count: int) -> str:
    """A text as it stands in an answer: named where there are several, with a note where a person must see it."""
    said = text.text
    if text.status != "passed":
        note = f"[Needs review: {'; '.join(text.reasons) or text.stop_reason}]"
        said = f"{said}\n\n{note}" if said else note
    if count == 1:
        return said
    return ("\n\n" if place else "") + f"{audience.upper()}\n{said}"


def _usage(trace: RunTrace) -> dict[str, int]:
    written = [call for call in trace.calls if call.agent != "critic"]
    prompt = sum(call.input_tokens or 0 for call in written)
    answer = sum(call.output_tokens or 0 for call in written)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


async def _events(run: Run, chat: _Chat) -> AsyncIterator[str]:
    yield chat.chunk({"role": "assistant", "content": ""})
    ready: dict[Audience, TextResult] = {}
    told = 0
    try:
        async for found in run.events():
            if isinstance(found, StillWaiting):
                yield IDLE
            elif isinstance(found, TextDone):
                ready[found.audience] = found.text
                while told < len(chat.audiences) and chat.audiences[told] in ready:
                    audience = chat.audiences[told]
                    yield chat.chunk({"content": _shown(ready[audience], audience, told, len(chat.audiences))})
                    told += 1
            elif isinstance(found, Finished):
                yield chat.chunk({}, "stop")
                if chat.usage:
                    yield chat.chunk(None, usage=_usage(found.trace))
        yield event("[DONE]")
    except Exception as error:  # noqa: BLE001 - the answer has begun: the client is told within it
        yield event(json.dumps(body_of(refused_from(error), compatible=True)))
