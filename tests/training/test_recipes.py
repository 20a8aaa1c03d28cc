"""Every recipe that ships is one that its trainer reads."""

from pathlib import Path

import pytest
import yaml

from coarse2fine.reports import InputError
from coarse2fine.training import critic, nano, preference_recipe, sft_recipe

FOLDER = Path(__file__).parents[2] / "recipes"
METHODS = ("dpo", "kto", "grpo", "reward")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_a_shipped_recipe_is_read(path: Path) -> None:
    trainers = {"nano": nano, "critic": critic, **dict.fromkeys(METHODS, preference_recipe)}
    trainer = trainers.get(path.stem.partition("-")[0], sft_recipe)
    recipe = trainer.load_recipe(path)
    assert recipe.output.parts[0] == "outputs"


@pytest.mark.parametrize("method", METHODS)
def test_preference_recipes_are_for_their_own_method(method: preference_recipe.Method) -> None:
    recipe = preference_recipe.load_recipe(FOLDER / f"{method}.yaml", method)
    assert (recipe.method, recipe.start, recipe.critic) == (method, "nano", "nano-critic")


@pytest.mark.parametrize(
    ("method", "part", "values", "fault"),
    [
        ("kto", "training", {"batch_size": 1}, "batches of at least 2"),
        ("grpo", "grpo", {"generations": 3}, "no whole groups of 3"),
        ("grpo", "grpo", {"rewards": {"beauty": 1.0}}, "there is no beauty"),
        ("dpo", "dpo", {"bta": 1}, "bta"),
        ("dpo", "guards", {"limits": {"support_drop": -1}}, "support_drop"),
    ],
)
def test_what_a_preference_recipe_may_not_say(
    tmp_path: Path, method: str, part: str, values: dict[str, object], fault: str
) -> None:
    data = yaml.safe_load((FOLDER / f"{method}.yaml").read_text("utf-8"))
    data[part] |= values
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(InputError, match=fault):
        preference_recipe.load_recipe(path)


@pytest.mark.parametrize("name", ["nano-continue", "critic-continue"])
def test_what_a_recipe_goes_on_from_ships(name: str) -> None:
    load = nano.load_recipe if name.startswith("nano") else critic.load_recipe
    recipe = load(FOLDER / f"{name}.yaml")
    start = recipe.start if isinstance(recipe, critic.Recipe) else recipe.model.start
    assert start is not None
    assert (FOLDER.parent / start / "config.json").is_file()
