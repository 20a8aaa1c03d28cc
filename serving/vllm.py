"""What a vLLM server serves, found by name: `vllm:URL#NAME`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from langchain_core.messages import BaseMessage

from coarse2fine.reports import ModelError
from coarse2fine.serving.adapters import weights_sha256
from coarse2fine.serving.transport import Clients, clients_of

__all__ = ["KEY_VARIABLE", "Served", "find", "nano_folder", "server_clients", "short_hash", "versioned"]

KEY_VARIABLE = "VLLM_API_KEY"
"""Holds the key that a server asks for; vLLM itself reads it, too."""

_ANSWER = 1_024
_CHARACTERS = 3
"""What a token has at least in English prose, in the mean over a prompt."""


class Served(NamedTuple):
    """A model that a server serves.

    Args:
        name: as the server knows it; base: of the base model, the same where it is no adapter.
        root: where the base model lies on the server's machine, "" where the server does not say.
        window: tokens of prompt and answer together; None where the server does not say.
        names: all that it serves.
    """

    name: str
    base: str
    root: str
    window: int | None
    names: tuple[str, ...]

    def reads(self, messages: Sequence[BaseMessage]) -> bool:
        """Whether these messages leave room for an answer, by their length."""
        room = _CHARACTERS * ((self.window or 0) - _ANSWER)
        return sum(len(str(m.content)) for m in messages) <= room


def server_clients(url: str) -> Clients:
    """The clients of a server, with the key of the environment."""
    return clients_of(url.rstrip("/"), os.environ.get(KEY_VARIABLE, ""))


def find(url: str, wanted: str = "") -> Served:
    """A model of a server: by its name, by its name without the version, or the base model.

    Raises:
        ModelError: the server does not answer, or serves no such model, or several versions of it.
    """
    cards = _cards(url)
    names = tuple(str(card["id"]) for card in cards)
    name = _name(url, wanted, names) if wanted else names[0]
    by_name = {str(card["id"]): card for card in cards}
    card = by_name[name]
    base = by_name.get(str(card.get("parent") or name), card)
    window = base.get("max_model_len")
    return Served(
        name, str(base["id"]), str(base.get("root") or ""), window if isinstance(window, int) else None, names
    )


def _cards(url: str) -> Sequence[Mapping[str, Any]]:
    try:
        cards = server_clients(url).blocking.get("models", timeout=10).raise_for_status().json()["data"]
        if not cards or not all(isinstance(card["id"], str) for card in cards):
            raise ValueError("it serves none")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as error:
        hint = f"; its key goes into {KEY_VARIABLE}" if "401" in str(error) else "; is it running?"
        raise ModelError(f"the server {url} does not list its models: {error}{hint}") from error
    return list(cards)


def _name(url: str, wanted: str, names: Sequence[str]) -> str:
    if wanted in names:
        return wanted
    versions = [name for name in names if name.rpartition("@")[0] == wanted]
    if len(versions) == 1:
        return versions[0]
    told = ", ".join(versions or names)
    what = f"serves several versions of {wanted!r}, name one" if versions else f"serves no model {wanted!r}, but"
    raise ModelError(f"the server {url} {what}: {told}")


def short_hash(folder: Path) -> str:
    """Eight digits that tell the weights of a model's or an adapter's folder from others."""
    return weights_sha256(folder)[:8]


def versioned(name: str, folder: Path) -> str:
    """A name with the version of its weights: "dr-a@1f2e3d4c"."""
    return f"{name}@{short_hash(folder)}"


def nano_folder(served: Served, shipped: Callable[[], Path]) -> Path | None:
    """The folder whose codec the served model speaks; None where its base is no nano.

    A base is a nano where its folder, which this machine has, too, holds a codec, or where it is called "nano".

    Args:
        shipped: finds the folder of the nano that ships in this installation.

    Raises:
        ModelError: the server says which weights its nano has, and they are others.
    """
    root = Path(served.root)
    if served.root and (root / "codec.json").exists():
        return root
    if served.base.partition("@")[0] != "nano":
        return None
    folder = shipped()
    ours, versions = versioned("nano", folder), [name for name in served.names if name.startswith("nano@")]
    if versions and ours not in versions:
        raise ModelError(
            f"the server's nano is {versions[0]}, this installation's {ours}: their words may differ; "
            "serve the nano of this installation"
        )
    return folder
