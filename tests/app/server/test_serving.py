"""A server on loopback: events as they happen, clients that leave, stopping."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect

from coarse2fine.app.sse import RunStream

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
Serving = Callable[..., Any]
Until = Callable[..., None]


def gauge(url: str, name: str) -> float:
    page = httpx.get(f"{url}/metrics").text
    return float(next(line.split()[1] for line in page.splitlines() if line.startswith(f"{name} ")))


def test_a_round_is_told_before_the_run_is_over(serving: Serving, model: Any, body: dict[str, Any]) -> None:
    going = threading.Event()

    def reply(_: Any) -> str:
        if len(model.asked) > 1:
            assert going.wait(10)
        return "Small left pleural effusion."

    with serving(replies=reply) as served, httpx.Client(base_url=served.url) as http:
        model.__class__ = type("Threaded", (type(model).__mro__[1],), {})  # waits in a thread, not in the event loop
        with http.stream("POST", "/v1/impressions", params={"stream": "true"}, json=body) as got:
            lines = (line for line in got.iter_lines() if line)
            assert next(lines) == "event: round"
            assert json.loads(next(lines).removeprefix("data: "))["audience"] == "draft"
            going.set()
            assert [line for line in lines if line.startswith("event: ")] == ["event: round", "event: result"]


@pytest.mark.parametrize("path", ["/v1/impressions", "/v1/impressions?stream=true", "/v1/chat/completions"])
def test_a_client_that_leaves_stops_its_run(
    serving: Serving, model: Any, body: dict[str, Any], until: Until, path: str
) -> None:
    model.seconds = 0.3
    if "chat" in path:
        body = {"model": "coarse2fine", "messages": [{"role": "user", "content": body["report"]["findings"]}]}
        body["stream"] = True
    with serving() as served:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(served.url + path, json=body, timeout=0.15)
        until(lambda: gauge(served.url, "coarse2fine_runs_in_flight") == 0)
        assert len(model.asked) <= 1, "only the call that was under way was finished"
        assert 'coarse2fine_runs_total{status="passed"}' not in httpx.get(f"{served.url}/metrics").text
        model.seconds = 0.0
        whole = httpx.post(f"{served.url}/v1/impressions", json={"report": "FINDINGS: Small left pleural effusion."})
        assert whole.status_code == 200, "the server goes on"


async def test_an_answer_that_cannot_be_sent_stops_its_run() -> None:
    class Recorded:
        why = ""

        def stop(self, why: str) -> None:
            self.why = why

    async def events() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        yield "data: 2\n\n"

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the client left")

    async def receive() -> Any:
        await asyncio.sleep(5)

    run = Recorded()
    kept = events()
    with pytest.raises((OSError, ClientDisconnect)):
        await RunStream(run, kept)({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)  # type: ignore[arg-type]
    assert run.why == "the client left"
    await kept.aclose()


def test_a_run_that_waits_for_a_seat_gives_its_place_up(
    serving: Serving, model: Any, body: dict[str, Any], until: Until
) -> None:
    model.seconds = 1.0
    body = {**body, "audiences": []}
    with serving(in_flight=1, waiting=1) as served:
        first: list[int] = []
        thread = threading.Thread(
            target=lambda: first.append(httpx.post(f"{served.url}/v1/impressions", json=body).status_code)
        )
        thread.start()
        until(lambda: gauge(served.url, "coarse2fine_runs_in_flight") == 1)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{served.url}/v1/impressions", json=body, timeout=0.05)
        until(lambda: gauge(served.url, "coarse2fine_runs_waiting") == 0)
        assert gauge(served.url, "coarse2fine_runs_in_flight") == 1
        thread.join()
        assert (first, len(model.asked)) == ([200], 1)


def test_stopping_answers_what_is_under_way(serving: Serving, model: Any, body: dict[str, Any], until: Until) -> None:
    model.seconds = 0.3
    answers: list[int] = []
    with serving() as served:
        thread = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{served.url}/v1/impressions", json=body).status_code)
        )
        thread.start()
        until(lambda: gauge(served.url, "coarse2fine_runs_in_flight") == 1)
        started = time.monotonic()
    thread.join()
    assert answers == [200]
    assert time.monotonic() - started > 0.2


def test_a_large_body_is_refused_while_it_is_sent(serving: Serving) -> None:
    with serving() as served:
        got = httpx.post(f"{served.url}/v1/impressions", json={"report": "x" * 10_000_000})
        assert got.status_code == 413
        assert got.json()["type"] == "urn:coarse2fine:too_large"
