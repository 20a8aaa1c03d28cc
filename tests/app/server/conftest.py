from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from coarse2fine.agents import Critic
from coarse2fine.app.server import create_app
from coarse2fine.app.service import Options, Service
from coarse2fine.graph import FeedbackStore, TraceStore, build_graph
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

FINDINGS = "Small left pleural effusion. No pneumothorax."
TEXT = "Small left pleural effusion."
KEY = "a-key-of-sixteen-and-more"


class SlowModel(ScriptedChatModel):
    """Answers after a while, without holding a thread; counts its tokens."""

    seconds: float = 0.0

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(self.seconds)
        found = self._generate(messages)
        text = found.generations[0].message.content
        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=usage))])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COARSE2FINE_API_KEY", raising=False)
    return tmp_path / "home"


@pytest.fixture
def model() -> SlowModel:
    return SlowModel(replies=[TEXT])


@pytest.fixture
def service(model: SlowModel) -> Callable[..., Service]:
    def make(warm: Any = None, broken: Any = None, replies: Any = None, nli: float = 0.0, **options: Any) -> Service:
        if replies is not None:
            model.replies = replies
        traces = TraceStore()
        critic = Critic(ScriptedNLI(nli))
        graph = build_graph(model, critic, trace_store=traces)
        return Service(graph, Options(**options), traces, FeedbackStore(), warm, broken, critic)

    return make


@pytest.fixture
async def client(service: Callable[..., Service]) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Clients of apps, without a socket."""
    opened: list[httpx.AsyncClient] = []

    def make(app: FastAPI | None = None, host: str = "localhost", **options: Any) -> httpx.AsyncClient:
        chosen = app or create_app(service(**options))
        made = httpx.AsyncClient(transport=httpx.ASGITransport(chosen), base_url=f"http://{host}")
        opened.append(made)
        return made

    yield make
    for one in opened:
        await one.aclose()


class Served:
    """A server on loopback, in a thread of its own."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=5)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait_for(lambda: self.server.started)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def serving(service: Callable[..., Service]) -> Callable[..., Any]:
    @contextmanager
    def serve(**options: Any) -> Iterator[Served]:
        served = Served(create_app(service(**options)))
        try:
            yield served
        finally:
            served.stop()

    return serve


def wait_for(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_for


@pytest.fixture
def body() -> dict[str, Any]:
    return {"report": {"findings": FINDINGS, "id": "r1"}, "audiences": ["brief"]}
