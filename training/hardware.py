"""What a machine can train with, and what is used instead of what it lacks."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, NamedTuple

from coarse2fine.training.sft_recipe import TrainingRecipe

__all__ = ["Machine", "Means", "means", "this_machine"]

Precision = Literal["bf16", "fp16", "float32"]


class Machine(NamedTuple):
    """What there is: a GPU, bfloat16 in hardware, an 8-bit optimiser."""

    gpu: bool
    bfloat16: bool
    eight_bit: bool


class Means(NamedTuple):
    """What a run uses; `note` says what the recipe asks for and the machine lacks, "" for nothing."""

    gpu: bool
    precision: Precision
    optimiser: str
    note: str = ""


def this_machine() -> Machine:
    """What this machine has. Emulated bfloat16 does not count: on a T4 it is slower than float16."""
    import torch

    gpu = torch.cuda.is_available()
    if gpu:
        return Machine(True, torch.cuda.is_bf16_supported(including_emulation=False), _eight_bit())
    bfloat16 = torch._C._has_mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return Machine(False, bool(bfloat16), False)


def _eight_bit() -> bool:
    return find_spec("bitsandbytes") is not None


def means(training: TrainingRecipe, machine: Machine) -> Means:
    """What a recipe comes to on a machine."""
    optimiser = training.optimiser if machine.eight_bit else "adamw_torch"
    precision = _precision(training, machine)
    lacks = [] if machine.gpu else ["a GPU (trains on the CPU)"]
    if optimiser != training.optimiser:
        why = "bitsandbytes" if machine.gpu else "what the 8-bit optimiser needs"
        lacks.append(f"{why} (plain AdamW, which takes more memory)")
    if training.precision == "mixed" and not machine.bfloat16:
        lacks.append(f"bfloat16 ({'float16' if precision == 'fp16' else 'float32'})")
    return Means(machine.gpu, precision, optimiser, f"this machine lacks {', '.join(lacks)}" if lacks else "")


def _precision(training: TrainingRecipe, machine: Machine) -> Precision:
    if training.precision == "float32":
        return "float32"
    if machine.bfloat16:
        return "bf16"
    return "fp16" if machine.gpu else "float32"
