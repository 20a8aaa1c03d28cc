"""trl's DPO, KTO and GRPO trainers over rows that are token ids already."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from coarse2fine.agents.critic import Critic, CritiqueJob
from coarse2fine.reports import InputError
from coarse2fine.training.hardware import Means
from coarse2fine.training.preference_data import PairRow, RatedRow, Start
from coarse2fine.training.preference_recipe import DpoRecipe, GrpoRecipe, KtoRecipe, PolicyRecipe
from coarse2fine.training.preferences import Asked
from coarse2fine.training.rewards import REWARDS, StyleTarget
from coarse2fine.training.rollout import Request, write
from coarse2fine.training.trainers import (
    load_base,
    load_tokenizer,
    lora_config,
    prepare,
    quiet,
    say_updates,
    shared_arguments,
    updates,
)

__all__ = ["Drawn", "build_dpo", "build_grpo", "build_kto", "load_policy"]


def load_policy(start: Start, found: Means) -> Any:
    """The model that a policy starts from: the base, or the base with a trainable adapter on it.

    Raises:
        ModelError: it cannot be loaded.
    """
    model = load_base(start.base, found)
    if start.adapter is None:
        return model
    from peft import PeftModel

    policy = PeftModel.from_pretrained(model, start.adapter, is_trainable=True)
    policy.peft_config["default"].base_model_name_or_path = start.base.path  # peft would ask a hub for one named "nano"
    return policy


def build_dpo(
    recipe: DpoRecipe, start: Start, found: Means, rows: Sequence[PairRow], report: Callable[[str], None]
) -> Any:
    """A DPO trainer that is ready to train or to resume; the policy that it starts from is the reference."""
    prepare(recipe)
    from trl import DPOConfig, DPOTrainer

    settings = recipe.dpo
    arguments = DPOConfig(
        **shared_arguments(recipe, found),
        max_length=None,
        beta=settings.beta,
        loss_type=[settings.loss, *(["sft"] if settings.sft_weight else [])],
        loss_weights=[1.0, settings.sft_weight] if settings.sft_weight else None,
        label_smoothing=settings.label_smoothing,
    )
    return _built(_of_ids(DPOTrainer), arguments, recipe, start, found, rows, report)


def build_kto(
    recipe: KtoRecipe, start: Start, found: Means, rows: Sequence[RatedRow], report: Callable[[str], None]
) -> Any:
    """A KTO trainer that is ready to train or to resume; rows come in an order that the seed draws."""
    prepare(recipe)
    from trl import KTOConfig, KTOTrainer

    settings = recipe.kto
    arguments = KTOConfig(
        **shared_arguments(recipe, found),
        max_length=None,
        beta=settings.beta,
        desirable_weight=settings.desirable_weight,
        undesirable_weight=settings.undesirable_weight,
    )
    return _built(_of_ids(KTOTrainer), arguments, recipe, start, found, _mismatched(recipe, rows), report)


class _KtoRow(NamedTuple):
    prompt_ids: list[int]
    completion_ids: list[int]
    label: bool
    KL_completion_ids: list[int]


def _mismatched(recipe: KtoRecipe, rows: Sequence[RatedRow]) -> list[_KtoRow]:
    """Each prompt also with another one's text of its batch: from these trl estimates how far the policy has gone."""
    size = recipe.training.batch_size
    order = list(rows)
    random.Random(recipe.seed).shuffle(order)
    if len(order) % size == 1:
        order.append(order[0])  # alone in its batch a row would be held against itself
    batches = [order[at : at + size] for at in range(0, len(order), size)]
    return [
        _KtoRow(*row, KL_completion_ids=batch[at - 1].completion_ids)
        for batch in batches
        for at, row in enumerate(batch)
    ]


def _of_ids(trainer: Any) -> Any:
    class OfIds(quiet(trainer)):  # type: ignore[misc]
        """Takes rows as they are: they hold token ids, which trl would make of texts itself."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            """The rows."""
            return dataset

    return OfIds


def _built(
    trainer: Any,
    arguments: Any,
    recipe: PolicyRecipe,
    start: Start,
    found: Means,
    rows: Sequence[Any],
    report: Callable[[str], None],
    **settings: Any,
) -> Any:
    from datasets import Dataset

    built = trainer(
        model=load_policy(start, found),
        args=arguments,
        train_dataset=Dataset.from_list([row._asdict() for row in rows]),
        processing_class=load_tokenizer(start.base),
        peft_config=None if start.adapter else lora_config(recipe.lora),
        **settings,
    )
    built.args.max_steps = _updates(recipe, len(rows))
    say_updates(built, report)
    return built


def _updates(recipe: PolicyRecipe, rows: int) -> int:
    training = recipe.training
    if not isinstance(recipe, GrpoRecipe):
        return updates(training, rows)
    epoch = rows // recipe.prompts_per_update
    return min(training.epochs * epoch, training.max_updates or training.epochs * epoch)


# -------------------------------------------------------------------------------------------------------------- GRPO
class Drawn(NamedTuple):
    """A prompt that texts are drawn for."""

    asked: Asked
    request: Request
    target: StyleTarget


class _PromptRow(NamedTuple):
    prompt: str


def build_grpo(
    recipe: GrpoRecipe,
    start: Start,
    found: Means,
    prompts: Sequence[Drawn],
    critic: Critic,
    report: Callable[[str], None],
) -> Any:
    """A GRPO trainer that is ready to train or to resume. Rewards see texts as nano's codec decodes them.

    Raises:
        InputError: there are fewer prompts than an update takes.
    """
    if len(prompts) < recipe.prompts_per_update:
        raise InputError(
            f"an update takes {recipe.prompts_per_update} prompts, and there are {len(prompts)}: "
            "lower training.batch_size or training.accumulation, or raise grpo.generations"
        )
    prepare(recipe)
    from trl import GRPOConfig, GRPOTrainer

    settings = recipe.grpo
    arguments = GRPOConfig(
        **shared_arguments(recipe, found),
        beta=settings.beta,
        num_generations=settings.generations,
        temperature=settings.temperature,
        max_completion_length=settings.longest_answer,
        reward_weights=list(settings.rewards.values()),
    )
    rows = [_PromptRow(str(at)) for at in range(len(prompts))]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*rollout_func.*", category=UserWarning)  # experimental in trl
        return _built(
            quiet(GRPOTrainer),
            arguments,
            recipe,
            start,
            found,
            rows,
            report,
            reward_funcs=[_of_texts(name) for name in settings.rewards],
            rollout_func=_rollout(recipe, prompts, critic),
        )


def _rollout(
    recipe: GrpoRecipe, prompts: Sequence[Drawn], critic: Critic
) -> Callable[[list[str], Any], dict[str, Any]]:
    def draw(rows: list[str], trainer: Any) -> dict[str, Any]:
        chosen = [prompts[int(row)] for row in rows]
        model = trainer.accelerator.unwrap_model(trainer.model)
        asked = [drawn.request for drawn in chosen]
        made = write(model, trainer.processing_class, asked, recipe.grpo.longest_answer, recipe.grpo.temperature)
        texts = [written.text for written in made]
        jobs = [CritiqueJob(d.asked.report, text, d.asked.audience) for d, text in zip(chosen, texts, strict=True)]
        return {
            "prompt_ids": [request.ids for request in asked],
            "completion_ids": [written.ids for written in made],
            "logprobs": None,
            "texts": texts,
            "critiques": critic.critique_many(jobs),
            "reports": [drawn.asked.report for drawn in chosen],
            "targets": [drawn.target for drawn in chosen],
        }

    return draw


def _of_texts(name: str) -> Callable[..., list[float]]:
    """A reward function that trl calls with what the rollout decoded."""

    def reward(texts: Sequence[str], **known: Any) -> list[float]:
        return REWARDS[name](**{**known, "completions": texts})

    reward.__name__ = name
    return reward
