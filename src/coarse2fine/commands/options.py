"""Options that several commands have, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from coarse2fine.agents.critique import Audience
    from coarse2fine.reports import Report, ReportError

__all__ = [
    "AudienceName",
    "AudienceOption",
    "ColumnOption",
    "CriticOption",
    "DictatesOption",
    "FormatName",
    "FormatOption",
    "LayoutOption",
    "LengthOption",
    "ModelOption",
    "RoundsOption",
    "StyleOption",
    "audiences_of",
    "columns_of",
    "outcomes_of",
]

FormatName = Literal["txt", "json", "jsonl", "csv", "parquet"]


class AudienceName(StrEnum):
    """The audiences, for the command line (typer takes no list of literals)."""

    brief = "brief"
    bullet = "bullet"
    comprehensive = "comprehensive"


AudienceOption = Annotated[
    list[AudienceName] | None,
    typer.Option("--audience", "-a", help="For whom; repeat for several. [default: all three]"),
]
DictatesOption = Annotated[
    str | None,
    typer.Option(
        "--radiologist", metavar="ID", help="Who dictates, whose cases and style card help: an opaque id, never a name."
    ),
]
StyleOption = Annotated[
    str | None, typer.Option("--style", metavar="WORDS", help="The draft's style, in the words of the prompt set.")
]
LengthOption = Annotated[
    int | None, typer.Option("--length", metavar="WORDS", min=1, help="At most this many words a text.")
]
RoundsOption = Annotated[
    int, typer.Option("--max-rounds", min=1, max=20, help="Texts that a loop may write before repair.")
]
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


def audiences_of(options: Sequence[AudienceName] | None) -> list[Audience]:
    """The audiences that were asked for, all where none was."""
    return [name.value for name in options or AudienceName]


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
