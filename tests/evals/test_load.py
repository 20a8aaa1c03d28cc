"""The load test: what it counts, and what it does not let pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typer.testing import CliRunner

from coarse2fine.cli import app as cli
from coarse2fine.evals.load import Load, Memory, Plan, load
from coarse2fine.evals.load_server import scripted_app
from coarse2fine.reports import InputError


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., httpx.AsyncClient]:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))

    def make(app: ASGIApp | None = None, in_flight: int = 8, waiting: int = 8, delay: float = 0.0) -> httpx.AsyncClient:
        chosen = app or scripted_app(tmp_path, in_flight, waiting, delay)
        return httpx.AsyncClient(transport=httpx.ASGITransport(chosen), base_url="http://localhost")

    return make


class Breaks:
    """Answers every third impression with 500, so that some requests fail."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.asked = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += scope["path"] == "/v1/impressions"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["path"] == "/v1/impressions" and not self.asked % 3:
                message = {**message, "status": 500}
            await send(message)

        await self.app(scope, receive, sending)


NONE = Plan(clients=2, seconds=0.01, delay=0.01, openai=0, streams=0, leaving=0, bad=0)
KINDS = {"whole": {}, "openai": {"openai": 1}, "stream": {"streams": 1}, "leaves": {"leaving": 1}, "bad": {"bad": 1}}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_request_is_sent_and_answered(client: Callable[..., httpx.AsyncClient], kind: str) -> None:
    async with client(delay=0.01) as http:
        found = await load(http, NONE._replace(**KINDS[kind]))
    assert set(found.requests) == {kind}
    assert found.failures == {}
    assert found.left == 0
    if kind in ("whole", "openai", "stream"):
        assert 0.02 < found.p50 <= found.p95 <= found.p99
        assert found.overhead_p99 == pytest.approx(found.p99 - 0.02)
    assert len(found.memory) == 3
    assert found.cpu is not None


async def test_a_server_that_refuses_or_fails_does_not_hold(
    client: Callable[..., httpx.AsyncClient], tmp_path: Path
) -> None:
    async with client(in_flight=1, waiting=0, delay=0.02) as http:
        busy = await load(http, NONE._replace(clients=4))
    assert set(busy.failures) == {"whole: status 503"}
    assert not busy.held
    async with client(Breaks(scripted_app(tmp_path, 8, 8))) as http:
        broken = await load(http, NONE._replace(clients=3))
    assert set(broken.failures) == {"whole: status 500"}


async def test_a_run_that_goes_on_after_its_client_left_is_seen(
    client: Callable[..., httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    from coarse2fine.app.runs import Run
    from coarse2fine.evals import load as module

    monkeypatch.setattr(module, "_SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(Run, "stop", lambda *_: None)
    async with client(in_flight=50, delay=1.0) as http:
        found = await load(http, NONE._replace(leaving=1, delay=0.0))
    assert found.left > 0
    assert not found.held


@pytest.mark.parametrize(("growth", "held"), [(None, True), (9.0, True), (-50.0, True), (11.0, False)])
def test_memory_that_grows_does_not_hold(growth: float | None, held: bool) -> None:
    found = Load(
        clients=1, seconds=1, requests={"whole": 1}, failures={}, per_second=1, p50=1, p95=1, p99=1, model=0,
        overhead_p50=1, overhead_p99=1, cpu=None, memory=[Memory(1, 100)], growth=growth, left=0,
    )  # fmt: skip
    assert found.held is held


async def test_what_is_no_server_of_ours_is_told(client: Callable[..., httpx.AsyncClient]) -> None:
    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    async with client(other) as http:
        with pytest.raises(InputError, match="no coarse2fine"):
            await load(http, Plan(clients=1, seconds=1))
        with pytest.raises(InputError, match="more than all"):
            await load(http, Plan(openai=0.6, streams=0.6))


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_command_starts_a_server_of_its_own_and_prints_the_figures() -> None:
    arguments = ["eval", "load", "--clients", "4", "--seconds", "1", "--delay", "0", "--json"]
    result = CliRunner().invoke(cli, arguments)
    found: dict[str, Any] = json.loads(result.stdout)
    assert (found["failures"], found["left"]) == ({}, 0)
    assert sum(found["requests"].values()) > 0
    assert result.exit_code == (0 if found["held"] else 1)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_no_server_at_an_address_is_told() -> None:
    result = CliRunner().invoke(cli, ["eval", "load", "--url", "http://127.0.0.1:9", "--seconds", "1"])
    assert result.exit_code == 2
    assert "no server answers" in result.stderr
