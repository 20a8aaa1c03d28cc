"""`coarse2fine eval load`: many clients at once against the HTTP API."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import JsonFlag, errors, output, print_json

if TYPE_CHECKING:
    from coarse2fine.evals.load import Load, Plan

__all__ = ["load"]

_FAILED = 1
_VARIABLE = "COARSE2FINE_API_KEY"


def load(
    url: Annotated[
        str, typer.Option(metavar="URL", help="A server that runs; by default one with a scripted model is started.")
    ] = "",
    clients: Annotated[int, typer.Option(min=1, help="Clients at once.")] = 200,
    seconds: Annotated[float, typer.Option(min=1, help="For so long they ask.")] = 60.0,
    delay: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="That the scripted model takes for a call.")
    ] = 0.5,
    in_flight: Annotated[int, typer.Option(min=1, metavar="RUNS", help="Without --url: runs at once.")] = 200,
    waiting: Annotated[int, typer.Option(min=0, metavar="RUNS", help="Without --url: runs that may wait.")] = 200,
    openai: Annotated[float, typer.Option(min=0, max=1, help="Share of requests in OpenAI's form.")] = 0.2,
    streams: Annotated[float, typer.Option(min=0, max=1, help="Share that asks for events.")] = 0.2,
    leaving: Annotated[float, typer.Option(min=0, max=1, help="Share that hangs up before the answer.")] = 0.05,
    bad: Annotated[float, typer.Option(min=0, max=1, help="Share that cannot be used.")] = 0.05,
    seed: Annotated[int, typer.Option(help="The same seed draws the same requests.")] = 7,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Load a server: failures, latency, what it adds to the model's own time, memory, runs that were left behind.

    With --url, COARSE2FINE_API_KEY holds its key. Exit code 1: a request failed, memory grew, or a run was left.
    """
    import asyncio

    from coarse2fine.evals.load import Plan

    plan = Plan(clients, seconds, 0.0 if url else delay, openai, streams, leaving, bad, seed)
    with errors.status(f"{clients} clients, {seconds:g} seconds"):
        found = asyncio.run(_measure(url, plan, in_flight, waiting))
    if as_json:
        print_json({**found.model_dump(), "held": found.held}, indent=2)
    else:
        _show(found)
    if not found.held:
        raise typer.Exit(_FAILED)


async def _measure(url: str, plan: Plan, in_flight: int, waiting: int) -> Load:
    from contextlib import nullcontext

    import httpx

    from coarse2fine.evals.load import load
    from coarse2fine.evals.load_server import scripted_server

    key = os.environ.get(_VARIABLE, "")
    headers = {"Authorization": f"Bearer {key}"} if key and url else {}
    with nullcontext(url) if url else scripted_server(in_flight, waiting, plan.delay) as base:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=300) as http:
            return await load(http, plan)


def _show(found: Load) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    kinds = ", ".join(f"{name} {count}" for name, count in found.requests.items())
    table.add_row(
        "requests", f"{sum(found.requests.values())} ({kinds}) of {found.clients} clients in {found.seconds} s"
    )
    table.add_row("failures", ", ".join(f"{name} {count}" for name, count in found.failures.items()) or "none")
    table.add_row("answers a second", f"{found.per_second}")
    table.add_row("p50, p95, p99", ", ".join(f"{value:.3f} s" for value in (found.p50, found.p95, found.p99)))
    table.add_row("the model's own", f"{found.model:.3f} s")
    table.add_row("overhead p50, p99", f"{found.overhead_p50:.3f} s, {found.overhead_p99:.3f} s")
    table.add_row("server CPU", "not told" if found.cpu is None else f"{found.cpu * 1000:.1f} ms a request")
    told = ", ".join(f"{one.mib} MiB at {one.second:g} s" for one in found.memory) or "not told"
    table.add_row("resident memory", told + ("" if found.growth is None else f"; {found.growth:+} MiB a minute"))
    table.add_row("runs left", f"{found.left}")
    table.add_row("held", "yes" if found.held else "no")
    output.print(table)
