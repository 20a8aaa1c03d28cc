"""`coarse2fine train dpo`, `train kto` and `train grpo`: a style learnt from radiologists' feedback (paper, 4.2, RLHF).

A killed run resumes from the last whole checkpoint under `OUTPUT/checkpoints`, which goes once the adapter is written.
"""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from coarse2fine.agents.critic import Critic, CritiqueJob
from coarse2fine.agents.writer import Wish
from coarse2fine.reports import Feedback, InputError
from coarse2fine.serving import load_nli
from coarse2fine.serving.adapters import weights_sha256
from coarse2fine.training.guards import Figures, figures, table, worsened
from coarse2fine.training.hardware import Means, means, this_machine
from coarse2fine.training.preference_card import Facts, Measured, write_preference_card
from coarse2fine.training.preference_data import (
    Encoder,
    Start,
    find_start,
    hash_of,
    pair_rows,
    rated_rows,
    records_of,
)
from coarse2fine.training.preference_recipe import DpoRecipe, KtoRecipe, Method, PolicyRecipe, RewardRecipe, load_recipe
from coarse2fine.training.preference_trainers import Drawn, build_dpo, build_grpo, build_kto
from coarse2fine.training.preferences import Asked, Preferences, preferences, split_feedback
from coarse2fine.training.rewards import StyleTarget, style_target
from coarse2fine.training.rollout import requests, write
from coarse2fine.training.sft_resume import last_checkpoint, same_run
from coarse2fine.training.trainers import fit, load_tokenizer, require, save_adapter

__all__ = ["Outcome", "load_policy_recipe", "train"]


class Outcome(NamedTuple):
    """What a run comes to: the adapter's folder, and the guards that it failed, in words."""

    folder: Path
    failures: tuple[str, ...]


def load_policy_recipe(path: Path, method: Method | None = None) -> PolicyRecipe:
    """The recipe of a policy.

    Raises:
        InputError: it cannot be read, is for another method, or a field is missing, unknown or of the wrong type.
    """
    recipe = load_recipe(path, method)
    if isinstance(recipe, RewardRecipe):
        raise InputError(f"{path} is a recipe of `train reward`, which trains no policy")
    return recipe


def train(recipe: PolicyRecipe, *, critic: Critic | None = None, report: Callable[[str], None] = print) -> Outcome:
    """Train, write the adapter and its card to `recipe.output`. A run that fails its guards keeps its adapter.

    Args:
        critic: in place of the recipe's.

    Raises:
        MissingExtra: trl or what it needs is not installed.
        InputError: there is nothing to train on, a line is no feedback, or the folder holds another run.
        ModelError: the start or the critic cannot be loaded.
    """
    require(recipe.method)
    start, records = find_start(recipe.start), records_of(recipe.data)
    judge = critic or Critic(load_nli(recipe.critic))
    learnt, held = split_feedback(records, recipe.data.held_out, recipe.seed)
    found = preferences(learnt, judge)
    report(f"{len(learnt):,} records to learn from, {len(held):,} held out; {_listed(found.counts())}")
    hashes = Hashes(weights_sha256(Path(start.base.path)) if start.base.is_nano else "", hash_of(records))
    same_run(recipe, [*hashes, weights_sha256(start.adapter) if start.adapter else ""])
    chosen = means(recipe.training, this_machine())
    if chosen.note:
        report(chosen.note)
    if start.adapter is not None:
        report(f"goes on with the adapter {start.adapter}: its rank and layers, not the recipe's")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # trl and peft call transformers by names that it will drop
        run = _run(recipe, start, chosen, found, held, judge, report)
        save_adapter(run.trainer, start.base, hashes.base, recipe.output)
    facts = _facts(recipe, start, hashes, chosen, found, (len(learnt), len(held)), run)
    write_preference_card(recipe.output, recipe, facts)
    shutil.rmtree(recipe.output / "checkpoints")
    for failure in facts.measured.failures:
        report(f"FAILED: {failure}")
    report(f"use it with --model '{facts.name}'")
    return Outcome(recipe.output, facts.measured.failures)


class Hashes(NamedTuple):
    """sha256 of nano's weights, "" for other bases, and of the feedback."""

    base: str
    feedback: str


class _Built(NamedTuple):
    trainer: Any
    rows: int
    left_out: Counter[str]


class _Run(NamedTuple):
    trainer: Any
    rows: int
    left_out: Counter[str]
    measured: Measured


def _run(
    recipe: PolicyRecipe,
    start: Start,
    chosen: Means,
    found: Preferences,
    held: Sequence[Feedback],
    critic: Critic,
    report: Callable[[str], None],
) -> _Run:
    built = _build(recipe, start, chosen, found, critic, report)
    trainer = built.trainer
    asked = _held_prompts(recipe, start, held)
    before = _measure(recipe, start, trainer, asked, critic)
    checkpoint = last_checkpoint(recipe.output)
    if checkpoint is not None:
        report(f"resumes from {checkpoint.name}")
    fit(trainer, checkpoint)
    after = _measure(recipe, start, trainer, asked, critic)
    measured = Measured(len(asked), before, after, _failures(recipe, len(asked), before, after))
    if asked:
        report(table(before, after))
    return _Run(trainer, built.rows, built.left_out, measured)


def _failures(recipe: PolicyRecipe, prompts: int, before: Figures, after: Figures) -> tuple[str, ...]:
    if not prompts:
        return ("nothing was held out: the guards could not be run (data.held_out)",)
    return tuple(worsened(before, after, recipe.guards.limits))


def _build(
    recipe: PolicyRecipe,
    start: Start,
    chosen: Means,
    found: Preferences,
    critic: Critic,
    report: Callable[[str], None],
) -> _Built:
    encode = Encoder(start.base, recipe.data.longest)
    if isinstance(recipe, DpoRecipe):
        pairs = pair_rows(encode, found.style_pairs)
        _see_to(pairs, "pair of texts", found, encode)
        return _Built(build_dpo(recipe, start, chosen, pairs, report), len(pairs), encode.left_out)
    if isinstance(recipe, KtoRecipe):
        rated = rated_rows(encode, found.rated)
        _see_to(rated, "rated text", found, encode)
        return _Built(build_kto(recipe, start, chosen, rated, report), len(rated), encode.left_out)
    prompts = _drawn(found, start, encode, recipe.grpo.longest_answer)
    _see_to(prompts, "prompt", found, encode)
    return _Built(build_grpo(recipe, start, chosen, prompts, critic, report), len(prompts), encode.left_out)


def _see_to(rows: Sequence[object], what: str, found: Preferences, encode: Encoder) -> None:
    if not rows:
        refused = {name: n for name, n in found.counts().items() if name.startswith("refused")} | dict(encode.left_out)
        raise InputError(f"the feedback holds no {what} to learn from ({_listed(refused) or 'nothing was refused'})")


def _drawn(found: Preferences, start: Start, encode: Encoder, longest: int) -> list[Drawn]:
    """Prompts that fit, each with the style that is wanted for its audience."""
    wanted = {
        audience: style_target(row.text for row in found.rated if row.desirable and row.asked.audience == audience)
        for audience in {asked.audience for asked in found.asked}
    }
    made = [
        Drawn(asked, request, wanted.get(asked.audience, StyleTarget()))
        for asked, request in zip(found.asked, requests(start.base, found.asked), strict=True)
    ]
    kept = [drawn for drawn in made if len(drawn.request.ids) + longest <= encode.longest]
    if len(kept) < len(made):
        encode.left_out[f"prompt and answer longer than {encode.longest:,} tokens"] = len(made) - len(kept)
    return kept


def _held_prompts(recipe: PolicyRecipe, start: Start, held: Sequence[Feedback]) -> list[Asked]:
    askable = [r for r in held if r.audience == "draft" or r.draft.strip()]
    asked = list(dict.fromkeys(Asked(r.report, r.audience, r.draft, Wish(r.style, r.words)) for r in askable))
    longest = recipe.data.longest - recipe.guards.longest_answer
    fitting = zip(asked, requests(start.base, asked), strict=True)
    return [one for one, request in fitting if len(request.ids) <= longest][: recipe.guards.prompts]


def _measure(recipe: PolicyRecipe, start: Start, trainer: Any, asked: Sequence[Asked], critic: Critic) -> Figures:
    model = trainer.accelerator.unwrap_model(trainer.model)
    made = write(model, load_tokenizer(start.base), requests(start.base, asked), recipe.guards.longest_answer)
    texts = [written.text for written in made]
    jobs = [CritiqueJob(one.report, text, one.audience) for one, text in zip(asked, texts, strict=True)]
    return figures([one.report for one in asked], texts, critic.critique_many(jobs))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} {number:,}" for what, number in counts.items() if number)


def _facts(
    recipe: PolicyRecipe,
    start: Start,
    hashes: Hashes,
    chosen: Means,
    found: Preferences,
    records: tuple[int, int],
    run: _Run,
) -> Facts:
    base, state = start.base, run.trainer.state
    return Facts(
        name=f"{'nano' if base.name == 'nano' else f'hf:{base.name}'}#{recipe.output}",
        base=base.name,
        base_sha256=hashes.base,
        feedback_sha256=hashes.feedback,
        learnt=records[0],
        held=records[1],
        counts=found.counts(),
        left_out=dict(run.left_out),
        means=chosen,
        rows=run.rows,
        updates=state.global_step,
        parameters=sum(p.numel() for p in run.trainer.model.parameters() if p.requires_grad),
        log=tuple(entry for entry in state.log_history if "loss" in entry),
        measured=run.measured,
    )
