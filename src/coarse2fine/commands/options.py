"""Options that several commands have, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import typer

__all__ = ["ColumnOption", "CriticOption", "FormatOption", "ModelOption", "columns_of"]

ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="FIELD=NAME", help="Column or key that holds a field, such as findings=ReportText."
    ),
]
FormatOption = Annotated[
    Literal["txt", "json", "jsonl", "csv"] | None,
    typer.Option("--format", help="What the input holds; by default told from the name, or from the first line."),
]
ModelOption = Annotated[
    str, typer.Option("--model", metavar="NAME", help="nano, hf:PATH_OR_ID, vllm:URL#ADAPTER, or a LangChain name.")
]
CriticOption = Annotated[
    str, typer.Option("--critic", metavar="NAME", help="nano-critic, hf:PATH_OR_ID or trueteacher:PATH_OR_ID.")
]


def columns_of(options: list[str] | None) -> Mapping[str, str] | None:
    """Field → column, of options such as "findings=ReportText".

    Raises:
        InputError: one has no "=".
    """
    from coarse2fine.reports.errors import InputError

    columns = {}
    for option in options or []:
        field, equals, name = option.partition("=")
        if not (field and equals and name):
            raise InputError(f"--column {option!r} must read FIELD=NAME, such as findings=ReportText")
        columns[field] = name
    return columns or None
