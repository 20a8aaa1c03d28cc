"""Counts for Prometheus. Labels are routes, audiences and states: never an id, never text."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from coarse2fine.graph import Result

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_REQUEST_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
_RUN_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # memory, open files, CPU seconds; on Linux
        self._requests = Counter(
            "coarse2fine_requests", "Requests answered.", ["route", "method", "status"], registry=self._registry
        )
        self._latency = Histogram(
            "coarse2fine_request_seconds",
            "Seconds from a request to the end of its answer.",
            ["route"],
            buckets=_REQUEST_BUCKETS,
            registry=self._registry,
        )
        self._runs = Counter("coarse2fine_runs", "Runs finished, by status.", ["status"], registry=self._registry)
        self._run_seconds = Histogram(
            "coarse2fine_run_seconds", "Seconds of a run.", buckets=_RUN_BUCKETS, registry=self._registry
        )
        self._rounds = Counter("coarse2fine_rounds", "Rounds of finished texts.", ["audience"], registry=self._registry)
        self._review = Counter(
            "coarse2fine_needs_review", "Finished texts that a person must see.", ["audience"], registry=self._registry
        )

    def watch(self, seated: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Show how many runs go on and wait."""
        going = Gauge("coarse2fine_runs_in_flight", "Runs that go on.", registry=self._registry)
        going.set_function(lambda: float(seated()))
        queue = Gauge("coarse2fine_runs_waiting", "Runs that wait for a seat.", registry=self._registry)
        queue.set_function(lambda: float(waiting()))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, method, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def run(self, result: Result) -> None:
        """Count a finished run and its texts."""
        self._runs.labels(result.status).inc()
        self._run_seconds.observe(result.seconds)
        for audience, text in {"draft": result.draft, **result.impressions}.items():
            self._rounds.labels(audience).inc(text.rounds)
            if text.status != "passed":
                self._review.labels(audience).inc()

    def page(self) -> bytes:
        """All counts in Prometheus' text form."""
        return generate_latest(self._registry)
