"""LoRA adapters on a base model: where their folder is, which base they were trained on, and putting them on it."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple

from coarse2fine.reports import ModelError

__all__ = ["BASE_FILE", "Named", "adapter_base", "adapter_rank", "check_base", "put_on", "split_name", "weights_sha256"]

BASE_FILE = "base.json"
"""Beside an adapter of nano: the base's name and the sha256 of its weights."""


class Named(NamedTuple):
    """A model's path and the folder of the adapter that its name asks for."""

    path: str
    adapter: Path | None


def split_name(rest: str) -> Named:
    """PATH#ADAPTER_FOLDER cut in two; a path that exists with its "#" is a path."""
    path, mark, adapter = rest.partition("#")
    if not mark or Path(rest).exists():
        return Named(rest, None)
    return Named(path, Path(adapter))


def adapter_base(folder: Path) -> str:
    """The base model that an adapter names.

    Raises:
        ModelError: the folder holds no adapter.
    """
    return str(_config(folder)["base_model_name_or_path"])


def adapter_rank(folder: Path) -> int:
    """The rank of a LoRA adapter, the largest of its layers.

    Raises:
        ModelError: the folder holds no adapter.
    """
    config = _config(folder)
    return max(int(rank) for rank in (config["r"] or 1, *config["rank_pattern"].values()))


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        return {
            "base_model_name_or_path": config["base_model_name_or_path"],
            "task_type": config.get("task_type"),
            "r": config.get("r"),
            "rank_pattern": config.get("rank_pattern") or {},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder} holds no adapter that can be read: {error}") from error


def weights_sha256(folder: Path) -> str:
    """One hash over all weights of a model's folder, by file name."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        found.update(path.read_bytes())
    return found.hexdigest()


def check_base(adapter: Path, base: Path) -> None:
    """Refuse an adapter whose base has other weights than it was trained on.

    Raises:
        ModelError: they differ, or the record cannot be read. An adapter without a record is taken as it is.
    """
    record = adapter / BASE_FILE
    if not record.exists():
        return
    try:
        wanted = json.loads(record.read_text("utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{record} cannot be read: {error}") from error
    if wanted != weights_sha256(base):
        raise ModelError(f"the adapter {adapter} was trained on other weights than {base} holds: train it again")


def put_on(model: Any, adapter: Path, task: Literal["CAUSAL_LM", "SEQ_CLS"] = "CAUSAL_LM") -> Any:
    """The model with the adapter on it.

    Args:
        task: what the adapter must be for: writing, or scoring (`train reward`).

    Raises:
        ModelError: the folder holds no adapter, or one of another model or for another task.
    """
    kind = _config(adapter)["task_type"]
    if kind not in (None, task):
        raise ModelError(f"the adapter {adapter} is one for {kind}, not for {task}: a reward model writes no text")
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft calls transformers by names that it will drop
            return PeftModel.from_pretrained(model, adapter)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise ModelError(f"the adapter {adapter} does not fit its base model: {error}") from error
