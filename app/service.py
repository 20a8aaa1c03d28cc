"""What one server is made of, shared by its routes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from coarse2fine.agents.critic import Critic
from coarse2fine.app.edits import Edits
from coarse2fine.app.errors import Refused
from coarse2fine.app.keys import Keys
from coarse2fine.app.metrics import Metrics
from coarse2fine.app.runs import Run, Runs
from coarse2fine.graph import Context, FeedbackStore, RunGraph, TraceStore
from coarse2fine.reports import Coarse2FineError, InputError, Report

__all__ = ["Options", "Service"]

_LOG = logging.getLogger("coarse2fine.app")


@dataclass(frozen=True)
class Options:
    """How a server is run.

    Args:
        keys: API keys that are taken; none: no key is asked for, and only this machine's own names are answered.
        rate: requests a minute and client; 0: any number.
        max_body: bytes of a body, at most.
        in_flight: runs at once; waiting: runs that wait for a seat, at most.
        timeout: seconds that a run may take, waiting included.

    Raises:
        InputError: one cannot be.
    """

    keys: tuple[str, ...] = ()
    rate: int = 0
    max_body: int = 1 << 20
    in_flight: int = 4
    waiting: int = 16
    timeout: float = 120.0

    def __post_init__(self) -> None:
        lowest = {"rate": 0, "max_body": 1_024, "in_flight": 1, "waiting": 0, "timeout": 1}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; it is {least} at least")
        Keys(self.keys)


class Service:
    """A graph behind limits, with its stores and counts.

    Args:
        graph: compiled once.
        options: how it is run.
        traces, feedback: where they are kept.
        warm: loads the models; until it is done, no run begins.
        broken: called where `warm` fails.
        critic: judges what people make of texts; None: their edits stay without a critique.
    """

    def __init__(
        self,
        graph: RunGraph,
        options: Options,
        traces: TraceStore,
        feedback: FeedbackStore,
        warm: Callable[[], Awaitable[object]] | None = None,
        broken: Callable[[Exception], None] | None = None,
        critic: Critic | None = None,
    ) -> None:
        self.options, self.traces, self.feedback = options, traces, feedback
        self.metrics = Metrics()
        self.runs = Runs(graph, options.in_flight, options.waiting, options.timeout, self.metrics)
        self.state: Literal["loading", "ready", "broken", "stopping"] = "ready" if warm is None else "loading"
        self._warm, self._broken = warm, broken
        most = options.in_flight + options.waiting
        self.edits = Edits(critic, feedback, lambda: self.state == "ready", most, options.timeout)

    async def warm_up(self) -> None:
        """Load the models."""
        if self._warm is None:
            return
        try:
            await self._warm()
        except Coarse2FineError as error:
            self.state = "broken"
            _LOG.error("the models cannot be loaded: %s", error)
            if self._broken is not None:
                self._broken(error)
            return
        self.state = "ready"
        _LOG.info("ready")

    def check_ready(self) -> None:
        """Nothing, where runs may begin.

        Raises:
            Refused: they may not, yet or any more.
        """
        if self.state == "stopping":
            raise Refused("stopping", "the server is stopping; try another", retry_after=5)
        if self.state != "ready":
            raise Refused("not_ready", f"the models are {self.state}; try again later", retry_after=5)

    def begin(self, report: Report, context: Context) -> Run:
        """Start a run.

        Raises:
            Refused: the models are not loaded, too many runs go on, or the server is stopping.
        """
        self.check_ready()
        return self.runs.begin(report, context)

    async def close(self) -> None:
        """Stop what still runs."""
        self.state = "stopping"
        await self.runs.close()
