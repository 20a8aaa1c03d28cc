"""`coarse2fine train reward`: a model that scores texts as radiologists do (paper, section 4.2, RLHF).

Of two texts for one report the preferred one shall score higher (Bradley-Terry). It also learns from edits of facts,
which train no style: there the proven text is the preferred one.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from coarse2fine.agents.critic import Critic
from coarse2fine.reports import InputError, ModelError
from coarse2fine.serving import load_nli
from coarse2fine.serving.adapters import check_base, put_on, weights_sha256
from coarse2fine.training.hardware import Means, means, this_machine
from coarse2fine.training.preference_data import (
    Encoder,
    PairRow,
    Start,
    find_start,
    hash_of,
    pair_rows,
    records_of,
)
from coarse2fine.training.preference_recipe import RewardRecipe
from coarse2fine.training.preference_recipe import load_recipe as load_any
from coarse2fine.training.preferences import Asked, preferences, split_feedback
from coarse2fine.training.reward_card import RewardFacts, write_reward_card
from coarse2fine.training.sft_data import Base, find_base
from coarse2fine.training.sft_resume import last_checkpoint, same_run
from coarse2fine.training.trainers import (
    base_dtype,
    fit,
    load_tokenizer,
    lora_config,
    prepare,
    quiet,
    require,
    save_adapter,
    say_updates,
    shared_arguments,
    updates,
)

__all__ = ["RewardModel", "load_recipe", "train"]


def load_recipe(path: Path) -> RewardRecipe:
    """The recipe of a reward model.

    Raises:
        InputError: it cannot be read, is for another method, or a field is missing, unknown or of the wrong type.
    """
    recipe = load_any(path, "reward")
    if not isinstance(recipe, RewardRecipe):
        raise InputError(f"{path} is no recipe of `train reward`")
    return recipe


class _Rows(NamedTuple):
    learnt: list[PairRow]
    held: list[PairRow]


def train(recipe: RewardRecipe, *, critic: Critic | None = None, report: Callable[[str], None] = print) -> Path:
    """Train, write the adapter and its card to `recipe.output`, and return that folder.

    Args:
        critic: in place of the recipe's.

    Raises:
        MissingExtra: trl or what it needs is not installed.
        InputError: there is nothing to train on, the start is an adapter, or the folder holds another run.
        ModelError: the base or the critic cannot be loaded.
    """
    require("reward")
    start, records = find_start(recipe.start), records_of(recipe.data)
    if start.adapter is not None:
        raise InputError(f"a reward model starts from a base model, not from the adapter {start.adapter}")
    judge = critic or Critic(load_nli(recipe.critic))
    learnt, held = split_feedback(records, recipe.data.held_out, recipe.seed)
    found, kept = preferences(learnt, judge), preferences(held, judge)
    encode = Encoder(start.base, recipe.data.longest)
    rows = _Rows(pair_rows(encode, found.pairs, written=False), pair_rows(encode, kept.pairs, written=False))
    if not rows.learnt:
        raise InputError("the feedback holds no pair of texts to learn from: edits, or ratings of texts for one report")
    report(f"{len(rows.learnt):,} pairs to learn from, {len(rows.held):,} held out")
    base_sha256 = weights_sha256(Path(start.base.path)) if start.base.is_nano else ""
    same_run(recipe, [base_sha256, hash_of(records)])
    chosen = means(recipe.training, this_machine())
    if chosen.note:
        report(chosen.note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # trl and peft call transformers by names that it will drop
        trainer = _build(recipe, start, chosen, rows.learnt, report)
        before = _ordered(trainer.model, rows.held)
        checkpoint = last_checkpoint(recipe.output)
        if checkpoint is not None:
            report(f"resumes from {checkpoint.name}")
        fit(trainer, checkpoint)
        after = _ordered(trainer.model, rows.held)
        save_adapter(trainer, start.base, base_sha256, recipe.output)
    if rows.held:
        report(f"held-out pairs in the right order: {before:.1%} before, {after:.1%} after")
    facts = RewardFacts(
        base=start.base.name,
        base_sha256=base_sha256,
        feedback_sha256=hash_of(records),
        pairs=len(rows.learnt),
        held=len(rows.held),
        counts=found.counts(),
        left_out=dict(encode.left_out),
        means=chosen,
        updates=trainer.state.global_step,
        before=before,
        after=after,
    )
    write_reward_card(recipe.output, recipe, facts)
    shutil.rmtree(recipe.output / "checkpoints")
    return recipe.output


def _load(base: Base, dtype: Any) -> Any:
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        model = AutoModelForSequenceClassification.from_pretrained(base.path, dtype=dtype, num_labels=1)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the base model {base.name}: {error}") from error
    tokenizer = load_tokenizer(base)
    model.config.pad_token_id = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return model


def _build(
    recipe: RewardRecipe, start: Start, chosen: Means, rows: Sequence[PairRow], report: Callable[[str], None]
) -> Any:
    prepare(recipe)
    import torch
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    torch.manual_seed(recipe.seed)
    whole = [
        {"chosen_ids": [*row.prompt_ids, *row.chosen_ids], "rejected_ids": [*row.prompt_ids, *row.rejected_ids]}
        for row in rows
    ]
    trainer = quiet(RewardTrainer)(
        model=_load(start.base, base_dtype(chosen)),
        args=RewardConfig(**shared_arguments(recipe, chosen), max_length=None),
        train_dataset=Dataset.from_list(whole),
        processing_class=load_tokenizer(start.base),
        peft_config=lora_config(recipe.lora, "SEQ_CLS"),
    )
    trainer.args.max_steps = updates(recipe.training, len(rows))
    say_updates(trainer, report)
    return trainer


def _ordered(model: Any, rows: Sequence[PairRow]) -> float:
    """The share of pairs whose preferred text scores higher; 0 without any pair."""
    whole = [[*row.prompt_ids, *text] for row in rows for text in (row.chosen_ids, row.rejected_ids)]
    scores = _scores(model, whole)
    right = [one > other for one, other in zip(scores[::2], scores[1::2], strict=True)]
    return sum(right) / len(right) if right else 0.0


def _scores(model: Any, rows: Sequence[Sequence[int]]) -> list[float]:
    import torch

    training = model.training
    model.eval()
    with torch.inference_mode():
        found = [model(input_ids=torch.tensor([list(ids)], device=model.device)).logits[0, 0].item() for ids in rows]
    model.train(training)
    return found


class RewardModel:
    """What `train reward` wrote, ready to score texts.

    Args:
        folder: of the adapter.

    Raises:
        ModelError: it holds no reward model, or nano's weights have changed since.
    """

    def __init__(self, folder: Path) -> None:
        import torch

        try:
            config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
            name, kind = str(config["base_model_name_or_path"]), config["task_type"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder} holds no reward model that can be read: {error}") from error
        if kind != "SEQ_CLS":
            raise ModelError(f"{folder} holds an adapter that writes, not a reward model")
        base = find_base(name)
        check_base(folder, Path(base.path))
        self._encode = Encoder(base, longest=0)
        self._model = put_on(_load(base, torch.float32), folder, "SEQ_CLS").eval()

    def score(self, asked: Asked, texts: Sequence[str]) -> list[float]:
        """A score for each text that answers a request; higher is better, only differences mean something."""
        encoded = [self._encode(asked, text) for text in texts]
        return _scores(self._model, [[*row.prompt, *row.text] for row in encoded])
