"""Exporting run traces: what `impress`, `serve` and `trace export` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import errors

if TYPE_CHECKING:
    from coarse2fine.graph import TraceStore
    from coarse2fine.graph.otlp_export import OtlpExporter

__all__ = ["OtlpContentOption", "OtlpOption", "exporter_of", "exporting"]

OtlpOption = Annotated[
    str,
    typer.Option(
        "--otlp", metavar="URL", help="Send run traces to this OTLP/HTTP collector; else OTEL_EXPORTER_OTLP_ENDPOINT."
    ),
]
OtlpContentOption = Annotated[
    bool, typer.Option("--otlp-content", help="Send texts of reports, too; without it, counts and times only.")
]


@contextmanager
def exporting(url: str, content: bool) -> Iterator[TraceStore]:
    """The store of this machine, which sends on what it keeps where a collector is named; sends the rest at the end.

    Raises:
        InputError: the URL is none, or content is asked for and there is no collector.
        MissingExtra: a URL is given and OpenTelemetry is not installed.
    """
    from coarse2fine.graph import HOME_STORE
    from coarse2fine.graph.otlp_export import ExportingStore
    from coarse2fine.reports import MissingExtra

    try:
        exporter = exporter_of(url, content)
    except MissingExtra as error:
        if url:
            raise
        _warn(str(error))  # the variable may be there for another program: no run is lost for it
        exporter = None
    if exporter is None:
        yield HOME_STORE
        return
    store = ExportingStore(exporter, told=_warn)
    try:
        yield store
    finally:
        store.close()


def exporter_of(url: str, content: bool) -> OtlpExporter | None:
    """The exporter to a collector by its URL, else by the environment; None where neither names one.

    Raises:
        InputError: the URL is none, or content is asked for and there is no collector.
        MissingExtra: OpenTelemetry is not installed.
    """
    from coarse2fine.graph.otlp_export import OtlpExporter, endpoint_of
    from coarse2fine.reports import InputError

    endpoint = endpoint_of(url)
    if endpoint:
        return OtlpExporter(endpoint, content)
    if content:
        raise InputError("--otlp-content needs a collector: --otlp URL, or OTEL_EXPORTER_OTLP_ENDPOINT")
    return None


def _warn(what: str) -> None:
    errors.print(f"warning: {what}", style="yellow", markup=False, soft_wrap=True)
