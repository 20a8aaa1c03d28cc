"""`coarse2fine mcp`: impressions for assistants that speak the Model Context Protocol."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from coarse2fine.commands.options import CriticOption, ModelOption
from coarse2fine.commands.serve import keys_of

__all__ = ["mcp"]


def mcp(
    transport: Annotated[
        Literal["stdio", "http"], typer.Option(help="stdio: the assistant starts this command; http: at /mcp.")
    ] = "stdio",
    host: Annotated[str, typer.Option(metavar="HOST", help="Another than this machine's own needs an API key.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8_001,
    api_key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="API keys for http, one a line; else COARSE2FINE_API_KEY holds one."),
    ] = None,
    max_body: Annotated[int, typer.Option(min=1_024, metavar="BYTES", help="Longest body over http.")] = 1 << 20,
    rate: Annotated[int, typer.Option(min=0, help="Requests a minute and client over http; 0: any number.")] = 0,
    model: ModelOption = "nano",
    critic: CriticOption = "nano-critic",
) -> None:
    """Serve write_impressions, explain_claim, list_omissions and get_trace to assistants, on this machine.

    Runs are kept as traces; `coarse2fine trace purge` deletes them. Needs the extra `clinic`.
    """
    _need("mcp")
    import coarse2fine
    from coarse2fine.app.mcp import mcp_server
    from coarse2fine.graph import HOME_STORE

    keys = keys_of(api_key_file, host) if transport == "http" else ()
    server = mcp_server(coarse2fine.build_graph(model, critic, trace_store=HOME_STORE), HOME_STORE)
    if transport == "stdio":
        server.run("stdio")
        return
    from coarse2fine.app.mcp_http import http_app

    uvicorn = _need("uvicorn")
    config = uvicorn.Config(
        http_app(server, keys, rate, max_body),
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        log_level="info",
    )
    listening = uvicorn.Server(config)
    listening.run()
    if not listening.started:
        raise typer.Exit(1)


def _need(module: str) -> Any:
    from coarse2fine.reports.errors import MissingExtra

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra("`coarse2fine mcp` needs the extra `clinic`: pip install 'coarse2fine[clinic]'") from error
