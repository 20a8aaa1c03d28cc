"""A server with a scripted model in a process of its own, for load tests: `python -m coarse2fine.evals.load_server`."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from coarse2fine.graph import FeedbackStore, RunGraph, TraceStore, build_graph
from coarse2fine.reports import Coarse2FineError, Report
from coarse2fine.serving.nli import NLIScores, Pair

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["FINDINGS", "SteadyModel", "scripted_app", "scripted_server"]

_TEXT = "Small left pleural effusion."
FINDINGS = f"{_TEXT} No pneumothorax. The heart is normal in size."


class SteadyModel(BaseChatModel):
    """Always says the same after the same time, holds no thread meanwhile, and remembers nothing.

    Args:
        seconds: that each call takes.
    """

    seconds: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "coarse2fine-steady"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        tokens = UsageMetadata(input_tokens=len(messages), output_tokens=1, total_tokens=len(messages) + 1)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(_TEXT, usage_metadata=tokens))])

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        await asyncio.sleep(self.seconds)
        return self._generate(messages)


class _Neutral:
    """An NLI model that finds nothing entailed and remembers nothing."""

    name = "scripted"

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        return [NLIScores(0.0, 1.0, 0.0) for _ in pairs]


def scripted_app(
    folder: Path,
    in_flight: int,
    waiting: int,
    delay: float = 0.0,
    warm: Callable[[RunGraph], Awaitable[object]] | None = None,
) -> FastAPI:
    """An app whose model always says the same; traces go to the folder.

    Args:
        in_flight: runs at once; waiting: runs that wait, at most.
        delay: seconds that a call of the model takes.
        warm: is called with the graph before the first request is answered.
    """
    from coarse2fine.agents import Critic
    from coarse2fine.app.server import create_app
    from coarse2fine.app.service import Options, Service

    traces = TraceStore(folder / "traces.sqlite")
    graph = build_graph(SteadyModel(seconds=delay), Critic(_Neutral()), trace_store=traces, memory=None)
    options = Options(in_flight=in_flight, waiting=waiting)
    feedback = FeedbackStore(folder / "feedback.sqlite")
    return create_app(Service(graph, options, traces, feedback, warm and (lambda: warm(graph))))


@contextmanager
def scripted_server(in_flight: int, waiting: int, delay: float) -> Iterator[str]:
    """A server of `scripted_app` on loopback, in a process of its own; gives its URL, and stops it at the end.

    Raises:
        Coarse2FineError: it did not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [folder, str(in_flight), str(waiting), str(delay)]
        process = subprocess.Popen(
            [sys.executable, "-m", "coarse2fine.evals.load_server", *arguments], stdout=subprocess.PIPE, text=True
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise Coarse2FineError("the server with a scripted model did not start; it says why above")
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            process.communicate(timeout=30)


async def _warm(graph: RunGraph) -> None:
    """As `coarse2fine serve` does it."""
    from coarse2fine.app.residents import settle

    await graph.ainvoke({"report": Report(findings=FINDINGS)})
    settle()


async def _serve(wanted: argparse.Namespace) -> None:
    import uvicorn

    from coarse2fine.app.limits import KEEP_ALIVE_SECONDS

    app = scripted_app(Path(wanted.folder), wanted.in_flight, wanted.waiting, wanted.delay, _warm)
    config = uvicorn.Config(
        app, port=0, access_log=False, log_level="error", server_header=False, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    await serving


def main(arguments: list[str]) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m coarse2fine.evals.load_server", description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("in_flight", type=int)
    parser.add_argument("waiting", type=int)
    parser.add_argument("delay", type=float)
    asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
