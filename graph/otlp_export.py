"""Sending run traces to a collector that speaks OTLP over HTTP, beside the runs or by hand."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from coarse2fine.graph.otlp import spans_of
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.graph.trace_store import TraceStore
from coarse2fine.reports import Coarse2FineError, InputError, MissingExtra

__all__ = ["ENDPOINTS", "ExportingStore", "OtlpExporter", "endpoint_of"]

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Environment variables that name a collector: the first one whole, the second without `/v1/traces`."""

_LOG = logging.getLogger("coarse2fine.otlp")
_PATH = "/v1/traces"
_WAITING = 1_000
"""Traces that wait to be sent; more are dropped, and said to be."""

_TOGETHER = 32
_CLOSE_SECONDS = 15.0


def endpoint_of(url: str = "") -> str:
    """Where a collector takes traces: by its URL, with or without `/v1/traces`, else by the environment; "" for none.

    Raises:
        InputError: it is no http or https URL.
    """
    whole, base = (os.environ.get(name, "") for name in ENDPOINTS)
    given = url or whole or base
    if not given:
        return ""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError("the OTLP collector must be an http or https URL, such as http://127.0.0.1:4318")
    if whole and not url:
        return whole
    return given if given.rstrip("/").endswith(_PATH) else given.rstrip("/") + _PATH


class OtlpExporter:
    """Sends traces to one collector. Headers, certificates and timeout come from OpenTelemetry's own variables.

    Args:
        endpoint: of `endpoint_of`.
        content: send texts of reports, too.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """

    def __init__(self, endpoint: str, content: bool = False) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        except ImportError as error:
            raise MissingExtra("to export traces install the extra `otlp`: pip install 'coarse2fine[otlp]'") from error
        self._exporter, self._content = OTLPSpanExporter(endpoint), content

    def export(self, traces: Sequence[RunTrace]) -> None:
        """Send traces, and wait until they are taken.

        Raises:
            Coarse2FineError: the collector did not take them.
        """
        from opentelemetry.sdk.trace.export import SpanExportResult

        spans = [span for trace in traces for span in spans_of(trace, self._content)]
        if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
            raise Coarse2FineError(f"the OTLP collector did not take {len(traces)} run trace{'s' * (len(traces) > 1)}")

    def close(self) -> None:
        """Close the connection; nothing can be sent any more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class ExportingStore(TraceStore):
    """A trace store that sends what it keeps on to a collector, beside the runs: one that is away costs no run.

    Args:
        exporter: sends.
        path: see `TraceStore`.
        told: called with what went wrong.
    """

    def __init__(
        self, exporter: OtlpExporter, path: str | Path | None = None, told: Callable[[str], None] = _LOG.warning
    ) -> None:
        super().__init__(path)
        self._exporter, self._told = exporter, told
        self._waiting: queue.Queue[RunTrace | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, trace: RunTrace) -> None:
        """Keep a trace, and have it sent."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="coarse2fine-otlp", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(trace)
        except queue.Full:
            self._told(f"run trace {trace.id} was not exported: {_WAITING} wait for the collector")
        super().put(trace)

    def close(self) -> None:
        """Send what waits, a quarter of a minute at most, and close the file."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with suppress(queue.Full):
                self._waiting.put(None, timeout=_CLOSE_SECONDS)
            thread.join(_CLOSE_SECONDS)
            if thread.is_alive():
                self._told(f"{self._waiting.qsize()} run traces were not exported: the collector takes too long")
        self._exporter.close()
        super().close()

    def _work(self) -> None:
        over = False
        while not over:
            batch = [self._waiting.get()]
            while len(batch) < _TOGETHER and not self._waiting.empty():
                batch.append(self._waiting.get())
            over = None in batch
            traces = [trace for trace in batch if trace is not None]
            try:
                if traces:
                    self._exporter.export(traces)
            except Exception as error:  # noqa: BLE001 - the thread must go on; a trace's text may be in the error
                said = str(error) if isinstance(error, Coarse2FineError) else type(error).__name__
                self._told(f"{said} ({', '.join(trace.id for trace in traces[:3])}{', …' * (len(traces) > 3)})")
