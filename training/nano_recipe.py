"""The recipe of a nano run: a strict, typed YAML file (recipes/nano.yaml)."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coarse2fine.reports import InputError

__all__ = ["DataRecipe", "ModelRecipe", "Recipe", "TrainingRecipe", "load_recipe"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(_Strict):
    """How much is composed, and which words the model may know.

    Args:
        written_share: share of the conversations that are of reports written by hand, each of which comes many times.
        cases_share: share of the conversations that draft beside the nearest past reports (case memory).
        vocabulary: folder of a trained nano whose vocabulary is taken over; None learns one.
    """

    vocabulary_conversations: int
    min_count: int
    tokens: int
    held_tokens: int = 60_000
    longest: int = 1024
    workers: int = 1
    written_share: float = Field(default=0.0, ge=0.0, le=1.0)
    cases_share: float = Field(default=0.0, ge=0.0, le=1.0)
    vocabulary: Path | None = None


class ModelRecipe(_Strict):
    """The size of the Llama.

    Args:
        start: folder of a model of the same size to go on from; None: from nothing.
        origin: for the model card: where that model came from, in words.
    """

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    max_positions: int = 4096
    start: Path | None = None
    origin: str = ""


class TrainingRecipe(_Strict):
    """The optimiser: Muon for matrices, AdamW for the rest; constant rate, then a linear fall to zero.

    Because the rate is constant until the fall, a run may be stopped and resumed with another number of `steps`
    (None: all that the data has). `prompt_weight` is the weight of a prompt's token in the loss; an answer's is 1.
    """

    tokens_per_step: int
    steps: int | None = None
    learning_rate: float
    muon_learning_rate: float
    weight_decay: float
    warmup_steps: int
    cooldown: float
    clip: float
    prompt_weight: float = Field(default=0.0, ge=0.0, le=1.0)
    save_every: int
    threads: int = 0
    compile: bool = False


class Recipe(_Strict):
    """A whole run (recipes/nano.yaml)."""

    seed: int
    output: Path
    data: DataRecipe
    model: ModelRecipe
    training: TrainingRecipe


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        InputError: it cannot be read, or a field is missing, unknown or of the wrong type.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"{path}: {error}") from error
