"""Many clients at once against the HTTP API: is every request answered, how much does the server add to the models' own
time, does its memory stay, and does work stop where a client leaves (`coarse2fine eval load`).

Each client sends its next request when the last is done. Of the requests some are for events as they happen, some leave
before the answer, some cannot be used and have to be refused.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.load_server import FINDINGS
from coarse2fine.reports import InputError

if TYPE_CHECKING:
    import httpx

__all__ = ["Load", "Memory", "Plan", "load"]

Kind = Literal["whole", "openai", "stream", "leaves", "bad"]

FLAT_MIB = 10.0
"""Growth of the server's memory, MiB a minute, that still counts as flat."""

_MODEL = "coarse2fine"
_SETTLE_SECONDS = 30.0
_BAD: Sequence[tuple[bytes, int]] = (
    (b"{", 400),
    (b'{"report": "\xff"}', 400),
    (b"[" * 100_000, 400),
    (b"[]", 422),
    (b'{"report": " "}', 422),
    (b'{"report": {"findings": "Clear."}, "audiences": ["poet"]}', 422),
    (b'{"report": "' + b"x" * (1 << 20) + b'"}', 413),
)
"""Bodies that cannot be used, and with which status each is refused."""


class Plan(NamedTuple):
    """What is asked of a server.

    Args:
        clients: how many at once; seconds: for how long they begin new requests.
        delay: seconds that the model takes for a call, 0.0 where that is not known. Draft and audiences follow each
            other, so a run takes two calls at least.
        openai, streams, leaving, bad: shares of the requests; the rest are whole answers of our own API.
        seed: draws the kinds.
    """

    clients: int = 200
    seconds: float = 60.0
    delay: float = 0.0
    openai: float = 0.2
    streams: float = 0.2
    leaving: float = 0.05
    bad: float = 0.05
    seed: int = 7


class Memory(NamedTuple):
    """Resident memory of the server, MiB, so many seconds after the start."""

    second: float
    mib: float


class Load(BaseModel):
    """What a load came to; times in seconds.

    Args:
        requests: by kind; failures: by what went wrong.
        per_second: whole and streamed answers.
        p50, p95, p99: from a request to the end of its answer, of whole and streamed answers; NaN where there is none.
        model: seconds that the model takes of each; overhead_p50, overhead_p99: what the server adds to them, waiting
            for a seat included.
        cpu: seconds of the server's CPU for each request; None where it does not tell.
        memory: at a sixth, at half and at the end; growth: MiB a minute in the second half, once all clients have been
            answered. None where the server does not tell.
        left: runs that went on or waited half a minute after the last client had gone.
    """

    model_config = ConfigDict(frozen=True)

    clients: int
    seconds: float
    requests: Mapping[str, int]
    failures: Mapping[str, int]
    per_second: float
    p50: float
    p95: float
    p99: float
    model: float
    overhead_p50: float
    overhead_p99: float
    cpu: float | None
    memory: Sequence[Memory]
    growth: float | None
    left: int

    @property
    def held(self) -> bool:
        """No request failed, no run was left behind, and memory is flat."""
        flat = self.growth is None or self.growth <= FLAT_MIB
        return not self.failures and not self.left and flat and sum(self.requests.values()) > 0


async def load(http: httpx.AsyncClient, plan: Plan) -> Load:
    """Load a server and say how it went.

    Raises:
        InputError: the server is not ready, or the shares are more than all.
    """
    if plan.openai + plan.streams + plan.leaving + plan.bad > 1:
        raise InputError("the shares of the requests are more than all of them")
    await _ready(http)
    tally = _Tally(http, plan)
    before = await _gauges(http)
    watching = asyncio.create_task(tally.watch())
    await asyncio.gather(*(tally.client(number) for number in range(plan.clients)))
    taken = time.perf_counter() - tally.started
    watching.cancel()
    left = await tally.settle()
    cpu = [gauges.get("process_cpu_seconds_total", 0.0) for gauges in (before, await _gauges(http))]
    return tally.found(taken, left, cpu[1] - cpu[0])


class _Tally:
    """What is counted while clients ask."""

    def __init__(self, http: httpx.AsyncClient, plan: Plan) -> None:
        self._http, self._plan = http, plan
        self.started = time.perf_counter()
        self._requests: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._seconds: list[float] = []
        self._memory: list[Memory] = []
        self._asks: Mapping[Kind, Callable[[random.Random], Awaitable[str]]] = {
            "whole": self._whole, "openai": self._openai, "stream": self._stream, "leaves": self._leaves,
            "bad": self._refused,
        }  # fmt: skip

    async def client(self, number: int) -> None:
        """One client, until the time is over; it asks once at least."""
        import httpx

        draw, plan = random.Random(plan_seed(self._plan, number)), self._plan
        shares = (plan.openai, plan.streams, plan.leaving, plan.bad)
        weights = [1 - sum(shares), *shares]
        over = False
        while not over:
            (kind,) = draw.choices(list(self._asks), weights)
            begun = time.perf_counter()
            try:
                fault = await self._asks[kind](draw)
            except httpx.HTTPError as error:
                fault = type(error).__name__
            self._requests[kind] += 1
            if fault:
                self._failures[f"{kind}: {fault}"] += 1
            elif kind not in ("leaves", "bad"):
                self._seconds.append(time.perf_counter() - begun)
            over = time.perf_counter() - self.started >= plan.seconds

    async def _whole(self, draw: random.Random) -> str:
        got = await self._http.post("/v1/impressions", json=_body(draw))
        return "" if got.status_code == 200 and got.json()["status"] == "passed" else _status(got)

    async def _openai(self, draw: random.Random) -> str:
        said = f"HISTORY: Case {draw.random()}.\nFINDINGS: {FINDINGS}"
        body = {"model": _MODEL, "messages": [{"role": "user", "content": said}]}
        got = await self._http.post("/v1/chat/completions", json=body)
        return "" if got.status_code == 200 and got.json()["choices"] else _status(got)

    async def _stream(self, draw: random.Random) -> str:
        names = []
        async with self._http.stream("POST", "/v1/impressions?stream=true", json=_body(draw)) as got:
            async for line in got.aiter_lines():
                names += [line] if line.startswith("event: ") else []
        if got.status_code != 200:
            return _status(got)
        return "" if names and names[-1] == "event: result" else f"ended with {names[-1] if names else 'nothing'}"

    async def _leaves(self, draw: random.Random) -> str:
        path = draw.choice(["/v1/impressions", "/v1/impressions?stream=true"])
        try:
            async with asyncio.timeout(draw.random() * max(0.1, 2 * self._plan.delay)):
                await self._http.post(path, json=_body(draw))
        except TimeoutError:
            pass
        return ""

    async def _refused(self, draw: random.Random) -> str:
        content, status = draw.choice(_BAD)
        got = await self._http.post("/v1/impressions", content=content, headers={"Content-Type": "application/json"})
        return "" if got.status_code == status else f"{_status(got)} in place of {status}"

    async def watch(self) -> None:
        """Note the server's memory each second."""
        while True:
            gauges = await _gauges(self._http)
            if "process_resident_memory_bytes" in gauges:
                mib = gauges["process_resident_memory_bytes"] / (1 << 20)
                self._memory.append(Memory(round(time.perf_counter() - self.started, 1), round(mib, 1)))
            await asyncio.sleep(1)

    async def settle(self) -> int:
        """Wait until no run goes on, half a minute at most; how many still do."""
        end = time.perf_counter() + _SETTLE_SECONDS
        while True:
            gauges = await _gauges(self._http)
            left = int(gauges["coarse2fine_runs_in_flight"] + gauges["coarse2fine_runs_waiting"])
            if not left or time.perf_counter() > end:
                return left
            await asyncio.sleep(0.2)

    def found(self, taken: float, left: int, cpu: float) -> Load:
        """The figures."""
        p50, p95, p99 = (
            float(np.percentile(self._seconds, q)) if self._seconds else float("nan") for q in (50, 95, 99)
        )
        model = 2 * self._plan.delay
        marks = [self._at(share * self._plan.seconds) for share in (1 / 6, 1 / 2, 1)] if self._memory else []
        return Load(
            clients=self._plan.clients,
            seconds=round(taken, 2),
            requests=dict(self._requests),
            failures=dict(self._failures),
            per_second=round(len(self._seconds) / taken, 2),
            p50=p50,
            p95=p95,
            p99=p99,
            model=model,
            overhead_p50=p50 - model,
            overhead_p99=p99 - model,
            cpu=cpu / self._requests.total() if cpu and self._requests else None,
            memory=marks,
            growth=self._growth(),
            left=left,
        )

    def _at(self, second: float) -> Memory:
        return min(self._memory, key=lambda one: abs(one.second - second))

    def _growth(self) -> float | None:
        """The slope of a straight line through memory in the second half, MiB a minute."""
        held = [one for one in self._memory if one.second >= self._plan.seconds / 2]
        if len(held) < 3:
            return None
        slope, _ = np.polyfit([one.second / 60 for one in held], [one.mib for one in held], 1)
        return round(float(slope), 2)


def plan_seed(plan: Plan, client: int) -> int:
    """What a client's kinds are drawn with."""
    return plan.seed * 1_000_003 + client


def _body(draw: random.Random) -> dict[str, Any]:
    """A report that no other request has, so that nothing is answered from what was read lately."""
    return {"report": {"findings": FINDINGS, "clinical_information": f"Case {draw.random()}."}}


def _status(got: httpx.Response) -> str:
    return f"status {got.status_code}"


async def _ready(http: httpx.AsyncClient) -> None:
    import httpx

    end = time.perf_counter() + _SETTLE_SECONDS
    try:
        while (got := await http.get("/readyz")).status_code != 200 and time.perf_counter() < end:
            await asyncio.sleep(0.2)
    except httpx.HTTPError as error:
        raise InputError(f"no server answers at {http.base_url}: {type(error).__name__}") from error
    if got.status_code != 200:
        raise InputError(f"the server at {http.base_url} is not ready: status {got.status_code}")
    if "coarse2fine_runs_in_flight" not in await _gauges(http):
        raise InputError(f"{http.base_url}/metrics tells no runs: it is no coarse2fine, or needs its key")


async def _gauges(http: httpx.AsyncClient) -> dict[str, float]:
    """The plain gauges of a metrics page."""
    page = (await http.get("/metrics")).text
    pairs = (line.split() for line in page.splitlines() if not line.startswith("#") and "{" not in line)
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}
