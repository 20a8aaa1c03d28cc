"""Checkpoints of a training run: written whole or not at all, so that a killed run resumes from the last one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["resume", "save_checkpoint"]


def save_checkpoint(path: Path, model: torch.nn.Module, optimisers: Sequence[torch.optim.Optimizer], step: int) -> None:
    """Write the state after `step` steps beside `path`, then move it into place."""
    import torch

    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimisers": [o.state_dict() for o in optimisers], "step": step}, part)
    part.replace(path)


def resume(path: Path, model: torch.nn.Module, optimisers: Sequence[torch.optim.Optimizer]) -> int:
    """Load a checkpoint into model and optimisers; the number of steps done, 0 where there is none."""
    import torch

    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return int(state["step"])
