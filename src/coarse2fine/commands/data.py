"""`coarse2fine data`: look at a collection of reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, output, print_error, print_json
from coarse2fine.commands.options import ColumnOption, FormatOption, columns_of

if TYPE_CHECKING:
    from coarse2fine.reports import Report, ReportError, Statistics

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="Look at a collection of reports.")


@app.callback()
def _group() -> None:
    """Keep `stats` a word of its own although it is the only command here."""


@app.command()
def stats(
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="Raw text, CSV, JSON or JSON lines.")],
    column: ColumnOption = None,
    format: FormatOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Count reports, lengths, exams, sexes and ages; no text of any report is kept.

    Records that cannot be read are named; exit code 2 where there are any.
    """
    from coarse2fine.reports import read_reports, statistics

    found = statistics(_naming_errors(read_reports(source, format=format, columns=columns_of(column))))
    if as_json:
        print_json(found.model_dump(), indent=2)
    else:
        _print(found)
    if found.rejected:
        raise typer.Exit(2)


def _naming_errors(outcomes: Iterable[Report | ReportError]) -> Iterator[Report | ReportError]:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            print_error(outcome)
        yield outcome


def _print(found: Statistics) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("reports read", f"{found.reports:,}")
    table.add_row("records rejected", f"{found.rejected:,}")
    table.add_row("findings, words", f"mean {found.findings.mean:.1f}, median {found.findings.median:.0f}")
    table.add_row("impression, words", f"mean {found.impression.mean:.1f}, median {found.impression.median:.0f}")
    table.add_row("with an impression", f"{found.with_impression:.1%}")
    table.add_row(
        "findings : impression", "none to compare" if found.length_ratio is None else f"{found.length_ratio:.2f}"
    )
    for title, counts in (("exam", found.exams), ("sex", found.sexes), ("age", found.ages)):
        shown = list(counts.items())[:8]
        table.add_row(
            title, ", ".join(f"{name} {count:,}" for name, count in shown) + (" …" if len(counts) > 8 else "")
        )
    output.print(table)
