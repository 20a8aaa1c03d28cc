"""The recipes of preference training: strict, typed YAML files (recipes/dpo.yaml, kto.yaml, grpo.yaml, reward.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from coarse2fine.reports import InputError
from coarse2fine.training.guards import Limits
from coarse2fine.training.rewards import REWARDS
from coarse2fine.training.sft_recipe import LoraRecipe, TrainingRecipe

__all__ = [
    "DpoRecipe", "FeedbackRecipe", "GrpoRecipe", "GuardRecipe", "KtoRecipe", "Method", "PolicyRecipe", "Recipe",
    "RewardRecipe", "load_recipe",
]  # fmt: skip

Method = Literal["dpo", "kto", "grpo", "reward"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FeedbackRecipe(_Strict):
    """What is learnt from.

    Args:
        feedback: JSON lines, as `feedback export` writes them; None takes what is kept on this machine. The command
            line beats it.
        radiologist: only theirs; None for all.
        held_out: share of the findings whose feedback is not learnt from but measured on.
        longest: tokens of prompt and text together; longer ones are left out, and counted.
    """

    feedback: Path | None = None
    radiologist: str | None = None
    held_out: float = Field(default=0.2, ge=0.0, lt=1.0)
    longest: int = Field(gt=0)


class GuardRecipe(_Strict):
    """What is measured before and after, on held-out prompts.

    Args:
        prompts: at most so many.
        longest_answer: of the policy, in tokens.
    """

    prompts: int = Field(default=20, gt=0)
    longest_answer: int = Field(default=160, gt=0)
    limits: Limits = Limits()


class _Common(_Strict):
    """What all four say.

    Args:
        output: the adapter's folder.
        start: "nano" or "hf:PATH_OR_ID", each also with "#ADAPTER_FOLDER": then this adapter is trained further, with
            its own rank and layers, and it is also what the policy must not go far from.
        lora: of a new adapter.
        critic: an NLI model's name.
    """

    seed: int
    output: Path
    start: str = Field(min_length=1)
    critic: str = "nano-critic"
    lora: LoraRecipe
    data: FeedbackRecipe
    training: TrainingRecipe

    def on(self, feedback: Path | None, radiologist: str | None, start: str | None = None) -> Any:
        """The recipe with another file, radiologist or start; None leaves what it says."""
        given = {"feedback": feedback, "radiologist": radiologist}
        data = self.data.model_copy(update={name: value for name, value in given.items() if value is not None})
        return self.model_copy(update={"data": data, "start": start or self.start})

    def described(self) -> dict[str, Any]:
        """What decides the result, as plain data: no files (they have hashes), no threads."""
        return self.model_dump(mode="json", exclude={"output": True, "data": {"feedback"}, "training": {"threads"}})


class DpoSettings(_Strict):
    """Direct preference optimisation (Rafailov et al., 2023): beta holds the policy near where it started.

    Args:
        sft_weight: of the loss of writing the preferred text, beside that of preferring it: without it both texts may
            become unlikely (Pang et al., 2024).
    """

    beta: float = Field(default=0.1, gt=0)
    sft_weight: float = Field(default=0.0, ge=0)
    loss: Literal["sigmoid", "ipo", "hinge"] = "sigmoid"
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)


class KtoSettings(_Strict):
    """Kahneman-Tversky optimisation (Ethayarajh et al., 2024): wanted and unwanted texts, which need no partner."""

    beta: float = Field(default=0.1, gt=0)
    desirable_weight: float = Field(default=1.0, gt=0)
    undesirable_weight: float = Field(default=1.0, gt=0)


class GrpoSettings(_Strict):
    """Group relative policy optimisation (Shao et al., 2024).

    Args:
        generations: texts that are drawn for each prompt and held against each other.
        beta: of the divergence from where the policy started.
        longest_answer: in tokens.
        rewards: weights of `coarse2fine.training.rewards`, by name.
    """

    generations: int = Field(default=4, ge=2)
    beta: float = Field(default=0.04, ge=0)
    temperature: float = Field(default=1.0, gt=0)
    longest_answer: int = Field(default=120, gt=0)
    rewards: dict[str, float] = {"support": 1.0, "coverage": 1.0, "length": 0.5, "style": 0.5}

    @model_validator(mode="after")
    def _known(self) -> GrpoSettings:
        unknown = [name for name in self.rewards if name not in REWARDS]
        if unknown or not self.rewards:
            raise ValueError(
                f"there is no {unknown[0] if unknown else 'reward at all'}; there are {', '.join(REWARDS)}"
            )
        return self


class DpoRecipe(_Common):
    """A run of `train dpo`."""

    method: Literal["dpo"]
    dpo: DpoSettings = DpoSettings()
    guards: GuardRecipe = GuardRecipe()


class KtoRecipe(_Common):
    """A run of `train kto`: batches of at least two, for texts are held against those of their batch."""

    method: Literal["kto"]
    kto: KtoSettings = KtoSettings()
    guards: GuardRecipe = GuardRecipe()

    @model_validator(mode="after")
    def _batches(self) -> KtoRecipe:
        if self.training.batch_size < 2:
            raise ValueError("training.batch_size: KTO needs batches of at least 2")
        return self


class GrpoRecipe(_Common):
    """A run of `train grpo`: an update draws batch_size x accumulation texts, whole groups of `generations`."""

    method: Literal["grpo"]
    grpo: GrpoSettings = GrpoSettings()
    guards: GuardRecipe = GuardRecipe()

    @model_validator(mode="after")
    def _groups(self) -> GrpoRecipe:
        texts = self.training.batch_size * self.training.accumulation
        if texts % self.grpo.generations:
            raise ValueError(
                f"grpo.generations: {texts} texts an update (batch_size x accumulation) make no whole groups of "
                f"{self.grpo.generations}"
            )
        return self

    @property
    def prompts_per_update(self) -> int:
        """How many prompts an update draws texts for."""
        return self.training.batch_size * self.training.accumulation // self.grpo.generations


class RewardRecipe(_Common):
    """A run of `train reward`."""

    method: Literal["reward"]


PolicyRecipe = DpoRecipe | KtoRecipe | GrpoRecipe
Recipe = PolicyRecipe | RewardRecipe

_RECIPE: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="method")])


def load_recipe(path: Path, method: Method | None = None) -> Recipe:
    """Read a recipe.

    Raises:
        InputError: it cannot be read, is for another method, or a field is missing, unknown or of the wrong type.
    """
    try:
        recipe = _RECIPE.validate_python(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"{path}: {error}") from error
    if method is not None and recipe.method != method:
        raise InputError(f"{path} is a recipe of `train {recipe.method}`, not of `train {method}`")
    return recipe
