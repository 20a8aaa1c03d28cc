"""The recipe of supervised fine-tuning: a strict, typed YAML file (recipes/openi.yaml, recipes/paper-*.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coarse2fine.reports import InputError

__all__ = ["DataRecipe", "LoraRecipe", "Recipe", "TrainingRecipe", "load_recipe"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoraRecipe(_Strict):
    """The adapter (paper, section 4.3).

    Args:
        target_modules: names of the layers that are adapted, or "all-linear": all linear ones but the output.
    """

    r: int = Field(gt=0)
    alpha: int = Field(gt=0)
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    bias: Literal["none", "all", "lora_only"] = "none"
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class DataRecipe(_Strict):
    """What is learnt: JSON lines of reports with findings and impression, as `data split` writes them.

    Args:
        train, validation: the files; the command line beats them.
        longest: tokens of prompt and impression together; longer reports are left out, and counted.
        packing: several reports to a row of `longest` tokens, where the model keeps them apart.
        cases: so many of the nearest other reports of the training file stand in each prompt, as case memory puts them
            there: an adapter that is used with a memory is trained with one.
    """

    train: Path | None = None
    validation: Path | None = None
    longest: int = Field(gt=0)
    packing: bool = False
    cases: int = Field(default=0, ge=0)


class TrainingRecipe(_Strict):
    """The optimiser. Training ends after `epochs`, or after `max_updates` where that comes first.

    Args:
        batch_size: rows at once; accumulation: so many of them make an update.
        warmup_updates: updates in which the rate rises.
        optimiser: the 8-bit one needs a GPU and bitsandbytes; without them it is plain AdamW.
        precision: "mixed" is bfloat16 where the hardware has it, else float16 on a GPU, else float32.
        log_every, save_every: updates.
        threads: of the CPU; 0 leaves it to torch.
        report_to: nobody: a run is reported on this machine only.
    """

    batch_size: int = Field(gt=0)
    accumulation: int = Field(gt=0)
    epochs: int = Field(gt=0)
    max_updates: int | None = Field(default=None, gt=0)
    learning_rate: float = Field(gt=0)
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    warmup_updates: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    optimiser: Literal["adamw_8bit", "adamw_torch"]
    precision: Literal["mixed", "float32"] = "mixed"
    gradient_checkpointing: bool = True
    log_every: int = Field(default=1, gt=0)
    save_every: int = Field(gt=0)
    threads: int = Field(default=0, ge=0)
    report_to: Literal["none"] = "none"


class Recipe(_Strict):
    """A whole run.

    Args:
        output: the adapter's folder.
        base: "nano", the folder of a model, or the id of one on a hub.
    """

    seed: int
    output: Path
    base: str = Field(min_length=1)
    lora: LoraRecipe
    data: DataRecipe
    training: TrainingRecipe

    def on(self, train: Path | None, validation: Path | None) -> Recipe:
        """The recipe with other files; None leaves what it says.

        Raises:
            InputError: nobody says what to train on.
        """
        data = self.data.model_copy(
            update={"train": train or self.data.train, "validation": validation or self.data.validation}
        )
        if data.train is None:
            raise InputError("there is nothing to train on: give --train FILE, or data.train in the recipe")
        return self.model_copy(update={"data": data})

    def described(self) -> dict[str, Any]:
        """What decides the result, as plain data: no files (they have hashes), no threads."""
        return self.model_dump(
            mode="json", exclude={"output": True, "data": {"train", "validation"}, "training": {"threads"}}
        )


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        InputError: it cannot be read, or a field is missing, unknown or of the wrong type.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"{path}: {error}") from error
