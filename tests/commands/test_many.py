"""Options with several values after one another."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from coarse2fine.commands.many import ManyValues

app = typer.Typer()


@app.command(cls=ManyValues)
def show(
    models: Annotated[list[str], typer.Option("--models", "-m")],
    rates: Annotated[list[float] | None, typer.Option("--rates")] = None,
    name: Annotated[str, typer.Option("--name")] = "",
    loud: Annotated[bool, typer.Option("--loud")] = False,
) -> None:
    typer.echo(f"{models} {rates} {name} {loud}")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--models a b c --name x", "['a', 'b', 'c'] None x False"),
        ("--models a --models b", "['a', 'b'] None  False"),
        ("-m a b --rates 0 0.1 --loud", "['a', 'b'] [0.0, 0.1]  True"),
        ("--rates=0 0.1 --models=a b", "['a', 'b'] [0.0, 0.1]  False"),
        ("--loud --models a", "['a'] None  True"),
    ],
)
def test_values_follow_one_another(words: str, shown: str) -> None:
    assert CliRunner().invoke(app, words.split()).stdout.strip() == shown


@pytest.mark.parametrize("words", ["--models", "--models a --name x y", "stray --models a", "--models a --loud stray"])
def test_what_belongs_to_no_such_option_is_a_usage_error(words: str) -> None:
    result: Any = CliRunner().invoke(app, words.split())
    assert result.exit_code == 2
