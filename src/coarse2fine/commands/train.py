"""`coarse2fine train`: train the models that ship, or adapt any model to one's own reports, from recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, errors, output, print_json

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="Train models, from recipes.")

_GUARDS_FAILED = 1
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


FeedbackOption = Annotated[
    Path | None,
    typer.Option("--feedback", metavar="FILE", help="JSON lines, as `feedback export` writes them; else what is kept."),
]
WhoseOption = Annotated[str | None, typer.Option("--radiologist", metavar="ID", help="Only their feedback.")]
StartOption = Annotated[
    str | None, typer.Option("--start", metavar="NAME", help="nano or hf:PATH_OR_ID, each also with #ADAPTER_FOLDER.")
]


@app.command()
def dpo(
    recipe: RecipeOption,
    feedback: FeedbackOption = None,
    radiologist: WhoseOption = None,
    start: StartOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Learn a style from pairs of texts: edits and ratings. Exit code 1 where the guards fail. A killed run resumes."""
    _policy("dpo", recipe, feedback, radiologist, start, as_json)


@app.command()
def kto(
    recipe: RecipeOption,
    feedback: FeedbackOption = None,
    radiologist: WhoseOption = None,
    start: StartOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Learn a style from texts that were wanted or not. Exit code 1 where the guards fail. A killed run resumes."""
    _policy("kto", recipe, feedback, radiologist, start, as_json)


@app.command()
def grpo(
    recipe: RecipeOption,
    feedback: FeedbackOption = None,
    radiologist: WhoseOption = None,
    start: StartOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Learn from rewards: proof, coverage, length, style. Exit code 1 where the guards fail. A killed run resumes."""
    _policy("grpo", recipe, feedback, radiologist, start, as_json)


@app.command()
def reward(
    recipe: RecipeOption,
    feedback: FeedbackOption = None,
    radiologist: WhoseOption = None,
    start: StartOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Learn to score texts as radiologists do, from pairs of them. A killed run resumes."""
    from coarse2fine.training import reward as trainer

    chosen = trainer.load_recipe(recipe).on(feedback, radiologist, start)
    _say(trainer.train(chosen, report=_progress), as_json)


def _policy(
    method: Literal["dpo", "kto", "grpo"],
    recipe: Path,
    feedback: Path | None,
    radiologist: str | None,
    start: str | None,
    as_json: bool,
) -> None:
    from coarse2fine.training import preference as trainer

    chosen = trainer.load_policy_recipe(recipe, method).on(feedback, radiologist, start)
    outcome = trainer.train(chosen, report=_progress)
    if as_json:
        print_json({"folder": str(outcome.folder), "failed": list(outcome.failures)})
    else:
        _say(outcome.folder, as_json)
    if outcome.failures:
        raise typer.Exit(_GUARDS_FAILED)


def _progress(line: str) -> None:
    errors.print(line, markup=False, soft_wrap=True)


def _say(folder: Path, as_json: bool) -> None:
    if as_json:
        print_json({"folder": str(folder)})
    else:
        output.print(str(folder), markup=False, soft_wrap=True)
