"""The recipe of supervised fine-tuning, and what it comes to on a machine; nothing here needs trl."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from coarse2fine.reports import InputError
from coarse2fine.training.hardware import Machine, Means, means
from coarse2fine.training.sft_recipe import load_recipe

FOLDER = Path(__file__).parents[2] / "recipes"
PAPER = sorted(FOLDER.glob("paper-*.yaml"))


def test_the_papers_three_models_have_recipes() -> None:
    assert [path.stem for path in PAPER] == ["paper-gemma-2-9b", "paper-llama-3.1-8b", "paper-mistral-7b"]


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_a_paper_recipe_has_the_papers_hyperparameters(path: Path) -> None:
    recipe = load_recipe(path)
    lora, training = recipe.lora, recipe.training
    assert (lora.r, lora.alpha, lora.dropout, lora.bias) == (16, 16, 0.0, "none")
    assert (recipe.seed, training.gradient_checkpointing) == (3407, True)
    assert (training.batch_size, training.accumulation) == (1, 2)
    assert (training.epochs, training.max_updates) == (50, 60)
    assert (training.learning_rate, training.schedule, training.warmup_updates) == (1e-4, "linear", 5)
    assert (training.weight_decay, training.optimiser, training.precision) == (0.01, "adamw_8bit", "mixed")
    assert (training.log_every, training.report_to, recipe.output.parts[0]) == (1, "none", "outputs")


@pytest.mark.parametrize(("field", "value"), [("learning_rat", 1), ("report_to", "wandb"), ("batch_size", 0)])
def test_what_a_recipe_may_not_say(tmp_path: Path, field: str, value: object) -> None:
    data = yaml.safe_load(PAPER[0].read_text("utf-8"))
    data["training"][field] = value
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(InputError, match=field):
        load_recipe(path)


def test_the_command_line_beats_the_recipe() -> None:
    recipe = load_recipe(FOLDER / "openi.yaml")
    with pytest.raises(InputError, match="--train"):
        recipe.on(None, None)
    first = recipe.on(Path("a"), Path("b"))
    again = first.on(Path("c"), None)
    assert (again.data.train, again.data.validation) == (Path("c"), Path("b"))
    assert again.described() == recipe.described()


@pytest.mark.parametrize(
    ("machine", "found"),
    [
        (Machine(True, True, True), Means(True, "bf16", "adamw_8bit")),
        (Machine(True, False, True), Means(True, "fp16", "adamw_8bit", "this machine lacks bfloat16 (float16)")),
    ],
)
def test_a_gpu_gets_what_the_recipe_says(machine: Machine, found: Means) -> None:
    assert means(load_recipe(PAPER[0]).training, machine) == found


def test_what_is_lacking_is_said_in_one_line() -> None:
    training = load_recipe(PAPER[0]).training
    found = means(training, Machine(False, False, False))
    assert (found.gpu, found.precision, found.optimiser) == (False, "float32", "adamw_torch")
    assert "\n" not in found.note
    for part in ("a GPU", "8-bit", "plain AdamW", "bfloat16 (float32)"):
        assert part in found.note
    assert "bitsandbytes (plain AdamW" in means(training, Machine(True, True, False)).note
    plain = training.model_copy(update={"optimiser": "adamw_torch", "precision": "float32"})
    assert means(plain, Machine(True, False, False)) == Means(True, "float32", "adamw_torch")
