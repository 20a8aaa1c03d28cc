"""`coarse2fine train`: train the models that ship, or adapt any model to one's own reports, from recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, errors, output, print_json

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="Train models, from recipes.")

RecipeOption = Annotated[Path, typer.Option("--recipe", metavar="FILE", help="A recipe, such as those in recipes/.")]


@app.command()
def nano(recipe: RecipeOption, as_json: Annotated[bool, JsonFlag] = False) -> None:
    """Train the embedded drafter, reviser and stylist from nothing, on composed reports. A killed run resumes."""
    from coarse2fine.training import nano as trainer

    _say(trainer.train(trainer.load_recipe(recipe), report=_progress), as_json)


@app.command()
def critic(recipe: RecipeOption, as_json: Annotated[bool, JsonFlag] = False) -> None:
    """Fine-tune the embedded NLI critic on composed claims. A killed run resumes."""
    from coarse2fine.training import critic as trainer

    _say(trainer.train(trainer.load_recipe(recipe), report=_progress), as_json)


@app.command()
def sft(
    recipe: RecipeOption,
    train: Annotated[
        Path | None, typer.Option("--train", metavar="FILE", help="JSON lines of reports, as `data split` writes them.")
    ] = None,
    validate: Annotated[
        Path | None, typer.Option("--validate", metavar="FILE", help="The same, to measure the loss on.")
    ] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Fine-tune a LoRA adapter of nano or of any model on your own reports. A killed run resumes."""
    from coarse2fine.training import sft as trainer

    chosen = trainer.load_recipe(recipe).on(train, validate)
    _say(trainer.train(chosen, report=_progress), as_json)


def _progress(line: str) -> None:
    errors.print(line, markup=False, soft_wrap=True)


def _say(folder: Path, as_json: bool) -> None:
    if as_json:
        print_json({"folder": str(folder)})
    else:
        output.print(str(folder), markup=False, soft_wrap=True)
