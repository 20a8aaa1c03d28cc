"""Every recipe that ships is one that its trainer reads."""

from pathlib import Path

import pytest

from coarse2fine.training import critic, nano, sft_recipe

FOLDER = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_a_shipped_recipe_is_read(path: Path) -> None:
    trainers = {"nano": nano, "critic": critic}
    trainer = trainers.get(path.stem.partition("-")[0], sft_recipe)
    recipe = trainer.load_recipe(path)
    assert recipe.output.parts[0] == "outputs"


@pytest.mark.parametrize("name", ["nano-continue", "critic-continue"])
def test_what_a_recipe_goes_on_from_ships(name: str) -> None:
    load = nano.load_recipe if name.startswith("nano") else critic.load_recipe
    recipe = load(FOLDER / f"{name}.yaml")
    start = recipe.start if isinstance(recipe, critic.Recipe) else recipe.model.start
    assert start is not None
    assert (FOLDER.parent / start / "config.json").is_file()
