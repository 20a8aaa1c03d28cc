"""Options that several commands have, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from coarse2fine.reports import Report, ReportError

__all__ = [
    "ColumnOption",
    "CriticOption",
    "FormatName",
    "FormatOption",
    "LayoutOption",
    "ModelOption",
    "columns_of",
    "outcomes_of",
]

FormatName = Literal["txt", "json", "jsonl", "csv", "parquet"]

ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="FIELD=NAME", help="Column or key that holds a field, such as findings=ReportText."
    ),
]
FormatOption = Annotated[
    FormatName | None,
    typer.Option("--format", help="What the input holds; by default told from the name, or from the first line."),
]
LayoutOption = Annotated[
    str | None,
    typer.Option("--layout", metavar="NAME", help="A published form: openi, chexpert-plus or mimic-cxr."),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="nano, hf:PATH_OR_ID, either with #ADAPTER_FOLDER; vllm:URL#ADAPTER, or a LangChain name.",
    ),
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


def outcomes_of(
    source: str, layout: str | None, format: FormatName | None, column: list[str] | None
) -> Iterator[Report | ReportError]:
    """The records of a source, in a published form where `layout` names one.

    Raises:
        InputError: there is no such layout, or an option of `column` is wrong.
    """
    from coarse2fine.reports import read_layout, read_reports

    if layout is None:
        return read_reports(source, format=format, columns=columns_of(column))
    return read_layout(layout, source, format=format, columns=columns_of(column))
