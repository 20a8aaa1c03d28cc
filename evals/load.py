"""Many clients at once against the HTTP API: `python -m coarse2fine.evals.load --clients 16 --requests 200`.

Without `--url` a scripted model answers in this process, so that the figures are those of server, graph and critic's
checks; with it, a server that runs is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from coarse2fine.graph import FeedbackStore, TraceStore, build_graph
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

__all__ = ["Load", "load", "scripted_app"]

_TEXT = "Small left pleural effusion."
_BODY: Mapping[str, Any] = {"report": {"findings": f"{_TEXT} No pneumothorax. The heart is normal in size."}}


class Load(NamedTuple):
    """Answers by status, requests a second, and seconds of those that were answered with 200."""

    statuses: Mapping[int, int]
    per_second: float
    median: float
    percentile_95: float


async def load(client: httpx.AsyncClient, clients: int, requests: int, body: Mapping[str, Any] = _BODY) -> Load:
    """Send requests from so many clients, each its next one when the last is answered."""
    jobs = iter(range(requests))
    statuses: Counter[int] = Counter()
    seconds: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_client(client, jobs, body, statuses, seconds) for _ in range(clients)))
    taken = time.perf_counter() - started
    middle, late = (float(np.percentile(seconds, q)) if seconds else float("nan") for q in (50, 95))
    return Load(dict(statuses), requests / taken, middle, late)


async def _client(
    client: httpx.AsyncClient,
    jobs: Iterator[int],
    body: Mapping[str, Any],
    statuses: Counter[int],
    seconds: list[float],
) -> None:
    for _ in jobs:
        begun = time.perf_counter()
        answer = await client.post("/v1/impressions", json=dict(body), timeout=300)
        statuses[answer.status_code] += 1
        if answer.status_code == 200:
            seconds.append(time.perf_counter() - begun)


def scripted_app(folder: Path, in_flight: int, waiting: int) -> FastAPI:
    """An app whose model always says the same; traces go to the folder."""
    from coarse2fine.agents import Critic
    from coarse2fine.app.server import create_app
    from coarse2fine.app.service import Options, Service

    traces = TraceStore(folder / "traces.sqlite")
    model = ScriptedChatModel(replies=[_TEXT])
    graph = build_graph(model, Critic(ScriptedNLI(0.0)), trace_store=traces, memory=None)
    options = Options(in_flight=in_flight, waiting=waiting)
    return create_app(Service(graph, options, traces, FeedbackStore(folder / "feedback.sqlite")))


async def _measure(wanted: argparse.Namespace, folder: Path) -> Load:
    import httpx

    app = None if wanted.url else scripted_app(folder, wanted.in_flight, wanted.waiting)
    transport = httpx.ASGITransport(app) if app else None
    headers = {"Authorization": f"Bearer {wanted.key}"} if wanted.key else {}
    async with httpx.AsyncClient(
        transport=transport, base_url=wanted.url or "http://localhost", headers=headers
    ) as client:
        await load(client, 1, 1)
        return await load(client, wanted.clients, wanted.requests)


def main(arguments: list[str]) -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m coarse2fine.evals.load", description=__doc__)
    parser.add_argument("--url", default="", help="a server that runs, such as http://127.0.0.1:8000")
    parser.add_argument("--key", default="", help="its API key")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=4, help="without --url: runs at once")
    parser.add_argument("--waiting", type=int, default=16, help="without --url: runs that may wait")
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_measure(parser.parse_args(arguments), Path(folder)))
    sys.stdout.write(json.dumps(found._asdict()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
