"""A trained Llama made deeper and its layers wider, so that it still says just what it said before.

New layers and new columns feed nothing on at first: what they write to the residual stream starts at zero (compare
Net2Net, Chen et al. 2016, and the depth expansion of LLaMA Pro, Wu et al. 2024).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["grow", "origins"]

_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
_WRITES = ("self_attn.o_proj.weight", "mlp.down_proj.weight")
_SPREAD = 0.02
"""Standard deviation of new rows of weights that nothing reads yet."""


def origins(layers: int, wanted: int) -> list[tuple[int, bool]]:
    """Where each of `wanted` layers comes from: the number of an earlier layer, and whether it is a second copy of it.

    Copies stand behind their originals, spread evenly. At most twice as many layers are made.

    Raises:
        ValueError: fewer layers are wanted than there are, or more than twice as many.
    """
    if not layers <= wanted <= 2 * layers:
        raise ValueError(f"{layers} layers can become {layers} to {2 * layers}, not {wanted}")
    more = wanted - layers
    doubled = {layers * (2 * i + 1) // (2 * more) for i in range(more)} if more else set[int]()
    return [(i, copy) for i in range(layers) for copy in ([False, True] if i in doubled else [False])]


def grow(
    state: Mapping[str, torch.Tensor], layers: int, wanted: int, intermediate: int, seed: int = 0
) -> dict[str, torch.Tensor]:
    """The weights of a deeper and wider Llama with the same answers.

    Args:
        state: the state of a LlamaForCausalLM with `layers` layers.
        wanted: how many layers it gets, `layers` to twice as many.
        intermediate: width of its feed-forward layers, not less than before.
        seed: of the new rows, which nothing reads at first.

    Raises:
        ValueError: fewer or more than can be made of it.
    """
    grown = {name: tensor for name, tensor in state.items() if not _LAYER.match(name)}
    for new, (old, copied) in enumerate(origins(layers, wanted)):
        prefix = f"model.layers.{old}."
        for name, tensor in state.items():
            if name.startswith(prefix):
                part = name.removeprefix(prefix)
                wide = _widened(part, tensor, intermediate, seed + new)
                grown[f"model.layers.{new}.{part}"] = wide.new_zeros(wide.shape) if copied and part in _WRITES else wide
    return grown


def _widened(part: str, tensor: torch.Tensor, intermediate: int, seed: int) -> torch.Tensor:
    import torch

    axis = {"mlp.gate_proj.weight": 0, "mlp.up_proj.weight": 0, "mlp.down_proj.weight": 1}.get(part)
    if axis is None or tensor.shape[axis] == intermediate:
        return tensor.clone()
    more = intermediate - tensor.shape[axis]
    if more < 0:
        raise ValueError(f"feed-forward layers {tensor.shape[axis]} wide cannot become {intermediate}")
    shape = (more, tensor.shape[1]) if axis == 0 else (tensor.shape[0], more)
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed + (part == "mlp.up_proj.weight") * 1000))
    new = drawn * _SPREAD if axis == 0 else torch.zeros(shape)
    return torch.cat([tensor, new.to(tensor.dtype)], dim=axis)
