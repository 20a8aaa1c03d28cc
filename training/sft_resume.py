"""Where a run of LoRA training stands: whose checkpoints lie in its folder, and which of them is whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from coarse2fine.reports import InputError

__all__ = ["last_checkpoint", "same_run"]


class _Described(Protocol):
    @property
    def output(self) -> Path: ...

    def described(self) -> dict[str, Any]: ...


def same_run(recipe: _Described, hashes: Sequence[str]) -> None:
    """Claim `OUTPUT/checkpoints` for this recipe, base and data.

    Args:
        hashes: sha256 of the base (where it has one) and of the files.

    Raises:
        InputError: an unfinished run of another recipe or other data lies there.
    """
    folder = recipe.output / "checkpoints"
    record = folder / "run.json"
    run = json.dumps({"recipe": recipe.described(), "sha256": list(hashes)}, indent=2)
    if record.exists() and record.read_text("utf-8") != run:
        raise InputError(
            f"{folder} holds an unfinished run of another recipe, base or data: name another output, or delete it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    part = record.with_suffix(".part")
    part.write_text(run, "utf-8")
    part.replace(record)


def last_checkpoint(output: Path) -> Path | None:
    """The last checkpoint that was written whole: its state comes last. None to begin at the beginning."""
    whole = [path for path in (output / "checkpoints").glob("checkpoint-*") if _is_whole(path)]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _is_whole(folder: Path) -> bool:
    try:
        json.loads((folder / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True
