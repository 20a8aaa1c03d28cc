"""`coarse2fine trace`: what each run did, round by round."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, output, print_json, write_file
from coarse2fine.commands.otlp import OtlpContentOption, OtlpOption, exporter_of

__all__ = ["app", "parse_age"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="What each run did, round by round.")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help='A run trace\'s id, the beginning of one, or "last".')]
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command("list")
def list_traces(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """List the newest runs."""
    from rich.table import Table

    from coarse2fine.graph import TraceStore

    found = TraceStore().list(limit)
    if as_json:
        for trace in found:
            print_json(trace._asdict())
        return
    table = Table("id", "created (UTC)", "report", "status", "seconds", box=None, padding=(0, 2, 0, 0))
    for trace in found:
        table.add_row(
            trace.id, trace.created[:19], trace.report_id, trace.status.replace("_", " "), f"{trace.seconds:.2f}"
        )
    output.print(table if found else "no run has been recorded yet")


@app.command()
def show(trace_id: IdArgument, as_json: Annotated[bool, JsonFlag] = False) -> None:
    """Show a run: each round's text, verdicts with their evidence, what was sent back, why it stopped."""
    from coarse2fine.graph import TraceStore
    from coarse2fine.graph.trace_text import trace_text

    trace = TraceStore().get(trace_id)
    if as_json:
        typer.echo(trace.model_dump_json())
    else:
        output.print(trace_text(trace))


@app.command()
def html(
    trace_id: IdArgument,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="[default: standard output]")] = None,
) -> None:
    """Write a run as one HTML page that needs nothing else."""
    from coarse2fine.graph import TraceStore
    from coarse2fine.graph.trace_html import trace_html

    page = trace_html(TraceStore().get(trace_id))
    if out is None:
        typer.echo(page)
    else:
        write_file(out, page)


@app.command()
def export(trace_id: IdArgument, otlp: OtlpOption = "", otlp_content: OtlpContentOption = False) -> None:
    """Send a run to an OTLP/HTTP collector as spans with GenAI conventions; without texts unless they are asked for."""
    from coarse2fine.graph import TraceStore
    from coarse2fine.reports import InputError

    trace = TraceStore().get(trace_id)
    exporter = exporter_of(otlp, otlp_content)
    if exporter is None:
        raise InputError("name a collector: --otlp URL, such as http://127.0.0.1:4318, or OTEL_EXPORTER_OTLP_ENDPOINT")
    try:
        exporter.export([trace])
    finally:
        exporter.close()
    output.print(f"sent run {trace.id}", markup=False)


@app.command()
def purge(
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="Such as 12h, 30d or 8w.")],
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Delete old run traces for good: they hold report text."""
    from coarse2fine.graph import TraceStore

    deleted = TraceStore().purge(parse_age(older_than))
    if as_json:
        print_json({"deleted": deleted})
    else:
        output.print(f"deleted {deleted} run trace{'s' if deleted != 1 else ''}")


def parse_age(text: str) -> timedelta:
    """An age such as "30d".

    Raises:
        InputError: it has another form.
    """
    from coarse2fine.reports import InputError

    match = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    if match is None:
        raise InputError(f"--older-than {text!r} must be a number with m, h, d or w, such as 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
