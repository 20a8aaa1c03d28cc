"""`coarse2fine train sft`: LoRA on any causal language model with trl's SFTTrainer (paper, sections 4.3 and 5.1).

The model learns to write a report's impression after exactly the prompt that the drafter sends it. A killed run resumes
from the last whole checkpoint under `OUTPUT/checkpoints`, which goes once the adapter is written.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from coarse2fine.reports import InputError
from coarse2fine.serving.adapters import weights_sha256
from coarse2fine.training.hardware import Means, means, this_machine
from coarse2fine.training.sft_card import Facts, Used, write_adapter_card
from coarse2fine.training.sft_data import (
    Base,
    Example,
    Examples,
    Part,
    Recall,
    encode,
    find_base,
    read_part,
    remembering,
)
from coarse2fine.training.sft_recipe import Recipe, load_recipe
from coarse2fine.training.sft_resume import last_checkpoint, same_run
from coarse2fine.training.sft_trainer import build_trainer, packs
from coarse2fine.training.trainers import fit, load_base, require, save_adapter

__all__ = ["Recipe", "load_recipe", "train"]


class _Data(NamedTuple):
    part: Part
    examples: Examples

    @property
    def used(self) -> Used:
        return Used(self.part.name, self.part.sha256, len(self.examples.kept), self.examples.too_long)


def train(recipe: Recipe, *, report: Callable[[str], None] = print) -> Path:
    """Train, write the adapter and its card to `recipe.output`, and return that folder.

    Raises:
        MissingExtra: trl or what it needs is not installed.
        InputError: there is nothing to train on, a line cannot be learnt from, or the folder holds another run.
        ModelError: the base cannot be loaded.
    """
    require("sft")
    recipe = recipe.on(None, None)
    base = find_base(recipe.base)
    train_part, validation_part = _parts(recipe)
    base_sha256 = weights_sha256(Path(base.path)) if base.is_nano else ""
    same_run(recipe, [base_sha256, *(part.sha256 for part in (train_part, validation_part) if part)])
    with remembering(train_part, recipe.data.cases) as recall:
        learnt = _data(base, train_part, recipe, recall, report)
        measured = _data(base, validation_part, recipe, recall, report) if validation_part else None
    found = means(recipe.training, this_machine())
    if found.note:
        report(found.note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # trl and peft call transformers by names that it will drop
        run = _run(base, recipe, found, learnt.examples.kept, measured.examples.kept if measured else (), report)
        save_adapter(run.trainer, base, base_sha256, recipe.output)
    facts = _facts(base, base_sha256, recipe, found, learnt, measured, run)
    write_adapter_card(recipe.output, recipe, facts)
    shutil.rmtree(recipe.output / "checkpoints")
    report(f"use it with --model '{facts.name}'")
    return recipe.output


def _parts(recipe: Recipe) -> tuple[Part, Part | None]:
    if recipe.data.train is None:
        raise InputError("there is nothing to train on")
    return read_part(recipe.data.train), read_part(recipe.data.validation) if recipe.data.validation else None


def _data(base: Base, part: Part, recipe: Recipe, recall: Recall, report: Callable[[str], None]) -> _Data:
    examples = encode(base, part.reports, recipe.data.longest, recall)
    if not examples.kept:
        raise InputError(f"no report of {part.name} fits {recipe.data.longest:,} tokens: raise data.longest")
    tokens = sum(len(example.ids) for example in examples.kept)
    learnt = sum(label >= 0 for example in examples.kept for label in example.labels)
    left = f"; {examples.too_long:,} longer than {recipe.data.longest:,} left out" if examples.too_long else ""
    report(f"{part.name}: {len(examples.kept):,} reports, {tokens:,} tokens, {learnt:,} of them learnt{left}")
    return _Data(part, examples)


class _Run(NamedTuple):
    trainer: Any
    packed: bool
    before: float | None
    after: float | None


def _run(
    base: Base,
    recipe: Recipe,
    found: Means,
    learnt: Sequence[Example],
    measured: Sequence[Example],
    report: Callable[[str], None],
) -> _Run:
    model = load_base(base, found)
    packed = recipe.data.packing and packs(model)
    if recipe.data.packing and not packed:
        report(f"{base.name} does not keep packed reports apart: one report a row")
    trainer = build_trainer(model, base, recipe, found, learnt, measured, packed, report)
    checkpoint = last_checkpoint(recipe.output)
    if checkpoint is not None:
        report(f"resumes from {checkpoint.name}")
    fit(trainer, checkpoint)
    if not measured:
        return _Run(trainer, packed, None, None)
    after = float(trainer.evaluate()["eval_loss"])
    with trainer.model.disable_adapter():
        before = float(trainer.evaluate()["eval_loss"])
    report(f"validation loss {before:.4f} without the adapter, {after:.4f} with it")
    return _Run(trainer, packed, before, after)


def _facts(
    base: Base, base_sha256: str, recipe: Recipe, found: Means, learnt: _Data, measured: _Data | None, run: _Run
) -> Facts:
    logged = run.trainer.state.log_history
    losses = [float(entry["loss"]) for entry in logged if "loss" in entry]
    losses = losses or [float(entry["train_loss"]) for entry in logged if "train_loss" in entry]  # shorter than a log
    model = run.trainer.model
    return Facts(
        name=f"{'nano' if base.name == 'nano' else f'hf:{base.name}'}#{recipe.output}",
        base_sha256=base_sha256,
        train=learnt.used,
        validation=measured.used if measured else None,
        means=found,
        packed=run.packed,
        rows=len(run.trainer.train_dataset),
        updates=run.trainer.state.global_step,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        first_loss=losses[0],
        last_loss=losses[-1],
        before=run.before,
        after=run.after,
    )
