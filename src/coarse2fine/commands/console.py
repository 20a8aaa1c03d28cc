"""What commands share: where they print, how errors become exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

__all__ = [
    "NEEDS_REVIEW",
    "CatchingGroup",
    "JsonFlag",
    "errors",
    "output",
    "print_error",
    "print_json",
    "version",
    "write_file",
]

NEEDS_REVIEW = 5
"""Exit code: every report was read and a text was written, but at least one text needs a person's review."""

JsonFlag = typer.Option("--json", help="Print JSON on standard output instead of text.")

output = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


class CatchingGroup(TyperGroup):
    """A command group that turns the package's own errors into a line on standard error and their exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        from coarse2fine.reports.errors import Coarse2FineError

        try:
            return super().invoke(ctx)
        except Coarse2FineError as error:
            print_error(error)
            raise typer.Exit(error.exit_code) from error


def print_error(error: Exception) -> None:
    """One line on standard error."""
    errors.print(f"[bold red]error[/]: {escape(str(error))}", soft_wrap=True)


def print_json(document: object, *, indent: int | None = None) -> None:
    """One JSON document on standard output; without `indent` on one line."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=indent))


def version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from importlib.metadata import version as installed

        typer.echo(installed("coarse2fine"))
        raise typer.Exit


def write_file(path: Path, text: str) -> None:
    """Write a text file; folders on the way are made.

    Raises:
        InputError: it cannot be written.
    """
    from coarse2fine.reports.errors import InputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
