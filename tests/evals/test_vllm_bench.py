"""`eval bench`: what is recorded, what is sent again, and what the figures say."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from coarse2fine.cli import app
from coarse2fine.commands.bench import _own
from coarse2fine.evals import vllm_bench
from coarse2fine.evals.vllm_bench import BenchFigures, Call, Pass, RecalledNLI, RecordingNLI, bench, replay
from coarse2fine.reports import ModelError, Report
from coarse2fine.serving import NLIScores, Pair, ScriptedNLI, factory, transport
from coarse2fine.serving.transport import Clients

URL = "http://server/v1"
CARDS = [{"id": "llama", "parent": None}, {"id": "a@1", "parent": "llama"}]
REPORTS = [
    Report(findings=f"Small left pleural effusion. {number} mm nodule. No pneumothorax.") for number in range(3, 9)
]


class Server:
    """Answers each chat after a moment."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.now = self.most = 0
        self.status = 200

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"data": CARDS})
        self.bodies.append(json.loads(request.content))
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        message = {"role": "assistant", "content": "Small left pleural effusion."}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        document = {"id": "x", "object": "chat.completion", "created": 0, "model": "llama", "choices": choices}
        return httpx.Response(self.status, json=document)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    running = Server()
    factory._load.cache_clear()
    listing = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": CARDS}))
    answering = httpx.MockTransport(running.answer)
    real = httpx.AsyncClient
    clients = Clients(httpx.Client(base_url=URL, transport=listing), real(base_url=URL, transport=answering))
    monkeypatch.setattr(transport, "_CLIENTS", {(URL, ""): clients})
    monkeypatch.delenv("VLLM_API_KEY", raising=False)

    def bare(**settings: Any) -> httpx.AsyncClient:
        return real(**{**settings, "transport": answering})

    monkeypatch.setattr(vllm_bench, "httpx", SimpleNamespace(AsyncClient=bare, Limits=httpx.Limits))
    return running


async def test_the_calls_of_the_graph_are_sent_again_as_they_were(server: Server) -> None:
    found = await bench(URL, ["llama", "a"], REPORTS, ScriptedNLI(0.9), concurrency=3)
    assert found.models == (f"vllm:{URL}#llama", f"vllm:{URL}#a@1")
    assert (found.reports, found.concurrency) == (6, 3)
    assert (found.real.audiences, found.one.audiences) == (3, 1)
    assert found.real.calls == found.scripted.calls >= 6 * 4
    assert 6 * 2 <= found.one.calls < found.real.calls
    by_salt: dict[str, list[str]] = {}
    for body in server.bodies:
        by_salt.setdefault(body.pop("cache_salt"), []).append(json.dumps(body, sort_keys=True))
    passes = list(by_salt.values())
    assert len(passes) == 8, "a graph and a bare client, for the warm pass and three more"
    for graph, alone in zip(passes[::2], passes[1::2], strict=True):
        assert Counter(graph) == Counter(alone)
    assert {json.loads(body)["model"] for body in passes[2]} == {"llama", "a@1"}
    assert found.real.graph_seconds > 0
    assert found.real.alone_seconds > 0


async def test_the_bare_client_holds_to_its_bound(server: Server) -> None:
    await replay(URL, [Call("chat/completions", {"model": "llama"})] * 12, 4)
    assert (len(server.bodies), server.most) == (12, 4)


async def test_a_call_that_is_refused_is_no_figure(server: Server) -> None:
    server.status = 400
    with pytest.raises(ModelError, match="answered 400"):
        await replay(URL, [Call("chat/completions", {"model": "llama"})], 1)
    with pytest.raises(ModelError):
        await bench(URL, [], REPORTS, ScriptedNLI(0.9), concurrency=2)


def test_recorded_scores_are_recalled() -> None:
    recording = RecordingNLI(ScriptedNLI(0.7))
    known = Pair("a", "b")
    scores = recording.score([known])
    recalled = RecalledNLI(recording.known)
    assert recalled.score([Pair("c", "d"), known]) == [NLIScores(0.0, 1.0, 0.0), scores[0]]


def test_ratios() -> None:
    same = {"most": 4, "nli_seconds": 0.0, "graph_cpu": 0.0, "alone_cpu": 0.0}
    three = Pass(audiences=3, calls=8, graph_seconds=4.4, alone_seconds=4.0, **same)
    one = Pass(audiences=1, calls=4, graph_seconds=2.75, alone_seconds=2.5, **same)
    found = BenchFigures(url=URL, models=("x",), reports=1, concurrency=1, real=three, scripted=three, one=one)
    assert three.ratio == pytest.approx(1.1)
    assert found.three_to_one == pytest.approx(1.6)


def test_the_command_prints_walls_and_ratios(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coarse2fine.serving.load_nli", lambda _: ScriptedNLI(0.9))
    shown = CliRunner().invoke(app, ["eval", "bench", "--vllm", URL, "--adapters", "llama", "a", "--reports", "3"])
    assert shown.exit_code == 0, shown.stderr
    assert "three audiences against one" in shown.stdout
    as_json = CliRunner().invoke(app, ["eval", "bench", "--vllm", URL, "--reports", "2", "--json"])
    assert set(json.loads(as_json.stdout)["ratios"]) == {"real", "scripted", "three_to_one"}


def test_reports_of_the_package_are_of_many_examinations() -> None:
    chosen = _own(40)
    assert len({one.findings for one in chosen}) == 40
    assert len({one.exam for one in chosen}) > 10
