"""`coarse2fine eval bench`: what the graph adds to the time that a vLLM server needs for the same calls.

The graph runs over reports, and every request to the server is recorded. Then exactly these requests go to the server
from a bare client, as many at once. Each pass salts the server's prefix cache, so that none finds what another left.
The passes are made with the NLI model, whose own time is a part of them, and with its recorded scores in its place.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, ConfigDict

from coarse2fine.agents import Critic
from coarse2fine.agents.critique import Audience
from coarse2fine.graph import build_graph
from coarse2fine.reports import ModelError, Report
from coarse2fine.serving import NLIModel, NLIScores, Pair, SharedNLI, load_chat_model
from coarse2fine.serving.vllm import server_clients

if TYPE_CHECKING:
    from coarse2fine.graph import RunGraph

__all__ = ["AUDIENCES", "BenchFigures", "Call", "Pass", "RecalledNLI", "RecordingNLI", "Seconds", "bench", "replay"]

AUDIENCES: Sequence[Audience] = ("brief", "bullet", "comprehensive")


class Call(NamedTuple):
    """A request as it went to the server."""

    path: str
    body: dict[str, Any]


class Seconds(NamedTuple):
    """Wall time, and this process's own processor time."""

    wall: float
    cpu: float


class Pass(BaseModel):
    """The graph over all reports, and its requests alone.

    Args:
        audiences: how many; calls: requests to the server; most: of them at once.
        nli_seconds: time in which the NLI model was under way, calls side by side counted once each.
        graph_seconds, alone_seconds: wall time of the graph, and of the bare client with the same requests.
        graph_cpu, alone_cpu: this process's own processor seconds in them, the NLI model's included: what other work on
            the machine does not change.
    """

    model_config = ConfigDict(frozen=True)

    audiences: int
    calls: int
    most: int
    nli_seconds: float
    graph_seconds: float
    alone_seconds: float
    graph_cpu: float
    alone_cpu: float

    @property
    def ratio(self) -> float:
        """Wall time of the graph over that of its requests alone."""
        return self.graph_seconds / self.alone_seconds


class BenchFigures(BaseModel):
    """All passes.

    Args:
        reports: how many; concurrency: of them at once.
        real: three audiences with the NLI model; scripted: with its recorded scores; one: the first audience alone,
            with recorded scores.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    models: tuple[str, ...]
    reports: int
    concurrency: int
    real: Pass
    scripted: Pass
    one: Pass

    @property
    def three_to_one(self) -> float:
        """Wall time of three audiences over that of one."""
        return self.scripted.graph_seconds / self.one.graph_seconds


class RecordingNLI:
    """An NLI model whose scores are remembered.

    Args:
        inner: the model.
    """

    def __init__(self, inner: NLIModel) -> None:
        self.inner, self.name = inner, inner.name
        self.known: dict[Pair, NLIScores] = {}
        self.seconds = 0.0

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """Scores in the order of `pairs`."""
        began = time.perf_counter()
        scores = self.inner.score(pairs)
        self.seconds += time.perf_counter() - began
        self.known.update(zip(pairs, scores, strict=True))
        return scores


class RecalledNLI:
    """Answers with remembered scores, at once; what was never asked is neutral.

    Args:
        known: scores by pair.
    """

    name = "recalled"

    def __init__(self, known: dict[Pair, NLIScores]) -> None:
        self.known, self.seconds = known, 0.0

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """Scores in the order of `pairs`."""
        return [self.known.get(pair, NLIScores(0.0, 1.0, 0.0)) for pair in pairs]


class _Recorded:
    """Requests of a client, and how many were under way at once."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.most = self._now = 0

    async def sent(self, request: httpx.Request) -> None:
        self._now += 1
        self.most = max(self.most, self._now)
        self.calls.append(Call(request.url.path.rpartition("/v1/")[2], json.loads(request.content)))

    async def answered(self, _: httpx.Response) -> None:
        self._now -= 1


@contextmanager
def _recorded(client: httpx.AsyncClient) -> Iterator[_Recorded]:
    found, before = _Recorded(), client.event_hooks
    client.event_hooks = {"request": [found.sent], "response": [found.answered]}
    try:
        yield found
    finally:
        client.event_hooks = before


async def bench(
    url: str, adapters: Sequence[str], reports: Sequence[Report], nli: NLIModel, concurrency: int
) -> BenchFigures:
    """Measure a server.

    Args:
        url: its base URL, ending in /v1.
        adapters: names of models there, which share the reports among them; none for the base model.
        nli: the critic's model.
        concurrency: reports at once, and requests at once of the bare client.

    Raises:
        ModelError: the server breaks.
    """
    models = [load_chat_model(f"vllm:{url}#{name}" if name else f"vllm:{url}") for name in adapters or [""]]
    chats = [model.chat for model in models]
    recording = RecordingNLI(nli)
    await _pass(url, chats, reports[: len(chats)], recording, AUDIENCES, concurrency)  # loads what is loaded once
    recording.seconds = 0.0
    real = await _pass(url, chats, reports, recording, AUDIENCES, concurrency)
    recalled = RecalledNLI(recording.known)
    scripted = await _pass(url, chats, reports, recalled, AUDIENCES, concurrency)
    one = await _pass(url, chats, reports, recalled, AUDIENCES[:1], concurrency)
    return BenchFigures(
        url=url,
        models=tuple(model.name for model in models),
        reports=len(reports),
        concurrency=concurrency,
        real=real,
        scripted=scripted,
        one=one,
    )


async def _pass(
    url: str,
    chats: Sequence[BaseChatModel],
    reports: Sequence[Report],
    nli: RecordingNLI | RecalledNLI,
    audiences: Sequence[Audience],
    concurrency: int,
) -> Pass:
    salt = {"cache_salt": uuid.uuid4().hex}
    critic = Critic(SharedNLI(nli))
    graphs = [
        build_graph(
            chat.model_copy(update={"extra_body": salt}), critic, audiences=audiences, trace_store=None, memory=None
        )
        for chat in chats
    ]
    with _recorded(server_clients(url).awaiting) as found:
        began, worked = time.perf_counter(), time.process_time()
        await _run(graphs, reports, concurrency)
        taken, work = time.perf_counter() - began, time.process_time() - worked
    alone = await replay(url, found.calls, concurrency)
    return Pass(
        audiences=len(audiences),
        calls=len(found.calls),
        most=found.most,
        nli_seconds=nli.seconds,
        graph_seconds=taken,
        alone_seconds=alone.wall,
        graph_cpu=work,
        alone_cpu=alone.cpu,
    )


async def _run(graphs: Sequence[RunGraph], reports: Sequence[Report], concurrency: int) -> None:
    jobs = iter(list(enumerate(reports)))

    async def work() -> None:
        for number, report in jobs:
            result = (await graphs[number % len(graphs)].ainvoke({"report": report}))["result"]
            broken = next((text for text in result.impressions.values() if text.status == "error"), None)
            if broken is not None:
                raise ModelError(f"report {report.id}: {'; '.join(broken.reasons)}")

    await asyncio.gather(*(work() for _ in range(concurrency)))


async def replay(url: str, calls: Sequence[Call], concurrency: int) -> Seconds:
    """Send requests from a bare client, so many at once.

    Raises:
        ModelError: the server refuses one.
    """
    salt = {"cache_salt": uuid.uuid4().hex}
    jobs = iter([(call.path, json.dumps({**call.body, **salt}).encode()) for call in calls])
    headers = {**server_clients(url).awaiting.headers, "Content-Type": "application/json"}
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=600) as client:

        async def work() -> None:
            for path, body in jobs:
                response = await client.post(path, content=body)
                if response.is_error:
                    raise ModelError(f"the server {url} answered {response.status_code} to a request sent again")

        began, worked = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(concurrency)))
        return Seconds(time.perf_counter() - began, time.process_time() - worked)
