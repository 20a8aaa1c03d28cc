"""`coarse2fine serve`: the workbench and the HTTP API, our own and the OpenAI-compatible one."""

from __future__ import annotations

import copy
import importlib
import ipaddress
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coarse2fine.commands.options import CriticOption, ModelOption
from coarse2fine.commands.otlp import OtlpContentOption, OtlpOption, exporting

if TYPE_CHECKING:
    from coarse2fine.app.service import Options
    from coarse2fine.graph import TraceStore

__all__ = ["keys_of", "serve", "service_for"]

_VARIABLE = "COARSE2FINE_API_KEY"


def serve(
    host: Annotated[str, typer.Option(metavar="HOST", help="Another than this machine's own needs an API key.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8_000,
    model: ModelOption = "nano",
    critic: CriticOption = "nano-critic",
    api_key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"API keys, one a line; else the variable {_VARIABLE} holds one."),
    ] = None,
    max_body: Annotated[int, typer.Option(min=1_024, metavar="BYTES", help="Longest body.")] = 1 << 20,
    rate: Annotated[int, typer.Option(min=0, help="Requests a minute and client; 0: any number.")] = 0,
    workers_in_flight: Annotated[int, typer.Option(min=1, metavar="RUNS", help="Runs at once.")] = 4,
    queue: Annotated[int, typer.Option(min=0, metavar="RUNS", help="Runs that may wait; more get 503.")] = 16,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Longest run, waiting included.")] = 120.0,
    study: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A reader study (`study create`) to rate in the workbench.")
    ] = None,
    otlp: OtlpOption = "",
    otlp_content: OtlpContentOption = False,
) -> None:
    """Serve impressions: the workbench for a browser at /, POST /v1/impressions, the OpenAI-compatible API.

    Stops with Ctrl-C or SIGTERM once the runs under way are answered. Exit code 3: a model cannot be loaded.
    """
    uvicorn = _need("uvicorn")
    _need("fastapi")
    _need("prometheus_client")
    from coarse2fine.app.limits import KEEP_ALIVE_SECONDS
    from coarse2fine.app.server import create_app
    from coarse2fine.app.service import Options
    from coarse2fine.reports import InputError

    options = Options(keys_of(api_key_file, host), rate, max_body, workers_in_flight, queue, timeout)
    failures: list[Exception] = []

    def broken(error: Exception) -> None:
        failures.append(error)
        server.should_exit = True

    with exporting(otlp, otlp_content) as traces:
        app = create_app(service_for(model, critic, options, broken, traces), study)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                access_log=False,
                server_header=False,
                log_config=_logging(uvicorn),
                timeout_graceful_shutdown=max(1, round(timeout)),
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )
        with suppress(SystemExit):  # uvicorn's code for a port that is taken is ours for a broken model
            server.run()
    if failures:
        raise failures[0]
    if not server.started:
        raise InputError(f"--host {host} --port {port}: cannot listen there, see above; --port 0 takes a free port")


def service_for(
    model: str, critic: str, options: Options, broken: Callable[[Exception], None], traces: TraceStore
) -> Any:
    """The service of a model and a critic by name; a second graph, that records nothing, loads them.

    Raises:
        ModelError, MissingExtra: they cannot be found.
    """
    from coarse2fine import Report, build_graph
    from coarse2fine.agents import Critic
    from coarse2fine.app.residents import settle
    from coarse2fine.app.service import Service
    from coarse2fine.graph import FeedbackStore
    from coarse2fine.serving import load_nli

    judge = Critic(load_nli(critic))
    graph = build_graph(model, judge, trace_store=traces)
    first = build_graph(model, judge, trace_store=None, memory=None)

    async def warm() -> None:
        await first.ainvoke({"report": Report(findings="Small left pleural effusion. No pneumothorax.")})
        settle()

    return Service(graph, options, traces, FeedbackStore(), warm, broken, judge)


def keys_of(file: Path | None, host: str, variable: str = _VARIABLE) -> tuple[str, ...]:
    """The API keys of a file, else of a variable of the environment.

    Raises:
        InputError: the file cannot be read or is empty, or there is no key and the host is not this machine alone.
    """
    from coarse2fine.reports.errors import InputError

    if file is not None:
        try:
            lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--api-key-file {file}: cannot be read: {error}") from error
        keys = tuple(line for line in lines if line and not line.startswith("#"))
        if not keys:
            raise InputError(f"--api-key-file {file}: holds no key; write one a line")
        return keys
    key = os.environ.get(variable, "")
    if not key and not _is_loopback(host):
        raise InputError(
            f"--host {host}: other machines can reach it, so an API key is needed: --api-key-file FILE, or {variable}"
        )
    return (key,) if key else ()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _logging(uvicorn: Any) -> dict[str, Any]:
    """uvicorn's logging, with our lines beside its own on standard error."""
    config: dict[str, Any] = copy.deepcopy(uvicorn.config.LOGGING_CONFIG)
    config["loggers"]["coarse2fine"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config


def _need(module: str) -> Any:
    from coarse2fine.reports.errors import MissingExtra

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra("`coarse2fine serve` needs the extra `app`: pip install 'coarse2fine[app]'") from error
