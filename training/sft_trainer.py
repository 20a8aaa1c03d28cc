"""trl's SFTTrainer as `train sft` uses it: rows that are tokens already, quiet, and telling nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coarse2fine.training.hardware import Means
from coarse2fine.training.sft_data import Base, Example
from coarse2fine.training.sft_recipe import Recipe
from coarse2fine.training.trainers import (
    load_tokenizer,
    lora_config,
    prepare,
    quiet,
    say_updates,
    shared_arguments,
    updates,
)

__all__ = ["build_trainer", "packs"]


def packs(model: Any) -> bool:
    """Whether reports packed into one row stay unseen by each other: measured, not looked up by name.

    Two texts are read in one row, positions beginning anew, and the second one alone.
    """
    import torch

    ids = torch.arange(1, 17, device=model.device)[None]
    restarted = torch.arange(8, device=model.device).repeat(2)[None]
    try:
        with torch.inference_mode():
            together = model(input_ids=ids, position_ids=restarted, use_cache=False).logits[0, 8:].float()
            alone = model(input_ids=ids[:, 8:], use_cache=False).logits[0].float()
    except (TypeError, ValueError, RuntimeError):
        return False
    near = 1e-3 if model.dtype == torch.float32 else 5e-2
    return bool((together - alone).abs().max() <= near * alone.abs().max())


def build_trainer(
    model: Any,
    base: Base,
    recipe: Recipe,
    found: Means,
    learnt: Sequence[Example],
    measured: Sequence[Example],
    packed: bool,
    report: Callable[[str], None],
) -> Any:
    """A trainer that is ready to train or to resume."""
    prepare(recipe)
    from trl import SFTTrainer

    trainer = quiet(SFTTrainer)(
        model=model,
        args=_arguments(recipe, found, packed),
        train_dataset=_dataset(learnt),
        eval_dataset=_dataset(measured) if measured else None,
        processing_class=load_tokenizer(base),
        peft_config=lora_config(recipe.lora),
    )
    trainer.args.max_steps = updates(recipe.training, len(trainer.train_dataset))
    say_updates(trainer, report)
    return trainer


def _arguments(recipe: Recipe, found: Means, packed: bool) -> Any:
    from trl import SFTConfig

    return SFTConfig(
        **shared_arguments(recipe, found),
        max_length=recipe.data.longest,
        packing=packed,
        eval_packing=False,
    )


def _dataset(examples: Sequence[Example]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict({"input_ids": [e.ids for e in examples], "labels": [e.labels for e in examples]})
