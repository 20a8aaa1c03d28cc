"""The one place that runs the graph: seats, deadlines, events as they happen, and stopping.

A run is stopped by draining: it ends at the next step of its loop, after the model call that is under way, and keeps
its seat until then, as the model is busy until then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from langgraph.runtime import RunControl
from starlette.requests import Request

from coarse2fine.agents.critique import Audience
from coarse2fine.app.errors import Refused
from coarse2fine.app.limits import Seats
from coarse2fine.app.metrics import Metrics
from coarse2fine.graph import Context, Result, Round, RunGraph, RunTrace, TextResult
from coarse2fine.graph.result import text_result
from coarse2fine.reports import Report

__all__ = ["Event", "Finished", "RoundDone", "Run", "Runs", "TextDone", "Waiting"]

IDLE_SECONDS = 10.0
"""After so many seconds without news a reader is told that it still waits."""

_STOP_SECONDS = 30.0


class RoundDone(NamedTuple):
    """A round of a text: what was written and what the critic says of it."""

    audience: Audience
    round: Round


class TextDone(NamedTuple):
    """An audience's text is final."""

    audience: Audience
    text: TextResult


class Finished(NamedTuple):
    """A run is over."""

    result: Result
    trace: RunTrace


class Waiting(NamedTuple):
    """Nothing new."""


Event = RoundDone | TextDone | Finished | Waiting


class Runs:
    """Runs of one graph.

    Args:
        graph: compiled once, shared by all.
        in_flight: runs at once; waiting: most that wait for a seat.
        timeout: seconds that a run may take, waiting included.
        metrics: where finished runs are counted.
    """

    def __init__(self, graph: RunGraph, in_flight: int, waiting: int, timeout: float, metrics: Metrics) -> None:
        self.graph, self.timeout, self.metrics = graph, timeout, metrics
        self.seats = Seats(in_flight, waiting)
        self._going: set[Run] = set()
        self._closed = False
        metrics.watch(lambda: self.seats.seated, lambda: self.seats.waiting)

    def begin(self, report: Report, context: Context) -> Run:
        """Start a run, or let it wait for a seat.

        Raises:
            Refused: too many are there, or the server is stopping.
        """
        if self._closed:
            raise Refused("stopping", "the server is stopping; try another", retry_after=5)
        self.seats.admit()
        run = Run(self, report, context)
        self._going.add(run)
        run.task.add_done_callback(lambda _: self._over(run))
        return run

    async def close(self) -> None:
        """Stop all runs and wait until they have ended, half a minute at most."""
        self._closed = True
        tasks = [run.task for run in self._going]
        for run in tuple(self._going):
            run.stop("the server is stopping")
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)

    def _over(self, run: Run) -> None:
        self._going.discard(run)
        self.seats.leave()


class Run:
    """One run, begun by `Runs.begin`."""

    def __init__(self, runs: Runs, report: Report, context: Context) -> None:
        self._runs, self._report, self._context = runs, report, context
        self._control = RunControl()
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self._deadline = time.monotonic() + runs.timeout
        self._seated = False
        self.task = asyncio.create_task(self._work())

    def stop(self, why: str) -> None:
        """Stop it; one that is over stays as it is."""
        if self.task.done():
            return
        self._control.request_drain(why)
        if not self._seated:
            self.task.cancel()
            self._events.put_nowait(Refused("stopping", "the run was stopped; try again", retry_after=5))

    async def events(self) -> AsyncIterator[Event]:
        """What happens, as it happens; the last event is `Finished`. A reader who leaves stops the run.

        Raises:
            Refused: it took too long.
            Coarse2FineError: the drafter's model broke.
            GraphDrained: it was stopped.
        """
        try:
            while True:
                event = await self._next()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self.stop("nobody waits for it")

    async def finished(self, request: Request) -> Finished:
        """Its end. A client that leaves stops it.

        Raises:
            Refused, Coarse2FineError, GraphDrained: see `events`.
        """
        work, gone = asyncio.create_task(self._end()), asyncio.create_task(_gone(request))
        work.add_done_callback(lambda task: task.cancelled() or task.exception())  # who has left hears of no failure
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise Refused("client_left", "the client left")
        finally:
            work.cancel()
            gone.cancel()
            self.stop("the client left")

    async def _end(self) -> Finished:
        async for event in self.events():
            if isinstance(event, Finished):
                return event
        raise AssertionError("a run ends with Finished or an error")

    async def _next(self) -> Event | Exception:
        left = self._deadline - time.monotonic()
        try:
            return await asyncio.wait_for(self._events.get(), max(0.0, min(left, IDLE_SECONDS)))
        except TimeoutError:
            if left > IDLE_SECONDS:
                return Waiting()
            return Refused("timeout", f"the run took longer than {self._runs.timeout:g} seconds")

    async def _work(self) -> None:
        try:
            async with self._runs.seats.seat():
                self._seated = True
                async for event in self._stream():
                    self._events.put_nowait(event)
        except Exception as error:  # noqa: BLE001 - handed to whoever reads the events
            self._events.put_nowait(error)

    async def _stream(self) -> AsyncIterator[Event]:
        seen: dict[str, int] = {}
        parts: AsyncIterator[Any] = self._runs.graph.astream(
            {"report": self._report},
            context=self._context,
            stream_mode=["values", "updates"],
            subgraphs=True,
            version="v2",
            control=self._control,
        )
        async for part in parts:
            kind, inside, data = part["type"], bool(part["ns"]), part["data"]
            if kind == "values" and inside and len(data["rounds"]) > seen.get(data["audience"], 0):
                seen[data["audience"]] = len(data["rounds"])
                yield RoundDone(data["audience"], data["rounds"][-1])
            elif kind == "updates" and not inside:
                for text in (data.get("stylist") or {}).get("texts", ()):
                    yield TextDone(text.audience, text_result(text))
            elif kind == "values" and not inside and "result" in data:
                self._runs.metrics.run(data["result"])
                yield Finished(data["result"], data["trace"])


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
