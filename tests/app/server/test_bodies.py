"""Whatever JSON comes, the server answers, and never with a failure of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coarse2fine.agents import Critic
from coarse2fine.app.server import create_app
from coarse2fine.app.service import Options, Service
from coarse2fine.graph import FeedbackStore, TraceStore, build_graph
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["FINDINGS: Clear.", "Small left pleural effusion.", "{}", '{"findings": "Clear."}', "\ud800", "r17"]
    ),
)
LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT)
ANY = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
NAMES = [
    "findings",
    "exam",
    "clinical history",
    "age",
    "sex",
    "id",
    "patient",
    "radiologist",
    "idx",
    "inputs",
    "colour",
]
REPORT = st.dictionaries(st.sampled_from(NAMES), LEAF | TEXT, max_size=5)
AUDIENCES = st.lists(st.sampled_from(["brief", "bullet", "comprehensive", "draft"]), max_size=3)


def some(required: dict[str, Any], others: dict[str, Any]) -> Any:
    """Objects that are nearly right: each field may be as it should be, or anything."""
    return st.fixed_dictionaries(
        {name: strategy | ANY if name != "model" else strategy for name, strategy in required.items()},
        optional={name: strategy | ANY for name, strategy in others.items()},
    )


COMMON = {"radiologist": TEXT, "style": TEXT, "words": st.integers(-1, 50)}
IMPRESSION = some({"report": REPORT | TEXT}, {"audiences": AUDIENCES, **COMMON})
FEEDBACK = some(
    {"report": REPORT, "text": TEXT},
    {
        "rating": st.sampled_from(["positive", "bad"]),
        "created": st.datetimes().map(lambda at: f"{at.isoformat()}+14:00"),
        "edited": TEXT,
        "id": TEXT,
        "words": st.integers(),
    },
)
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": TEXT | ANY})
CHAT = some(
    {
        "model": st.sampled_from(["coarse2fine", "coarse2fine-brief", "gpt-4o"]),
        "messages": st.lists(MESSAGE, max_size=2),
    },
    {"stream": st.booleans(), "n": st.integers(0, 2), "stream_options": ANY, "tools": ANY, **COMMON},
)
CASES = st.one_of(
    st.tuples(st.just("/v1/impressions"), IMPRESSION | ANY),
    st.tuples(st.just("/v1/feedback"), FEEDBACK | ANY),
    st.tuples(st.just("/v1/chat/completions"), CHAT | ANY),
)


@pytest.fixture
def app() -> Any:
    traces = TraceStore()
    graph = build_graph(
        ScriptedChatModel(replies=["Small left pleural effusion."]), Critic(ScriptedNLI(0.0)), trace_store=traces
    )
    return create_app(Service(graph, Options(), traces, FeedbackStore()))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(case=CASES)
def test_no_json_body_is_a_failure_of_the_server(app: Any, case: tuple[str, Any]) -> None:
    path, body = case

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            return await http.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})

    got = asyncio.run(post())
    assert got.status_code < 500, (path, body, got.text)
    if "event-stream" not in got.headers["content-type"]:
        json.loads(got.text)
    else:
        assert '"server_error"' not in got.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(["/v1/impressions", "/v1/feedback", "/v1/chat/completions"]), body=st.binary(max_size=60))
def test_no_bytes_are_a_failure_of_the_server(app: Any, path: str, body: bytes) -> None:
    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            return await http.post(path, content=body, headers={"Content-Type": "application/json"})

    assert asyncio.run(post()).status_code in (400, 422)
