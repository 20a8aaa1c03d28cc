"""`coarse2fine memory`: a radiologist's past reports, from which drafts take how such findings are summed up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, output, print_error, print_json
from coarse2fine.commands.options import ColumnOption, FormatName, FormatOption, LayoutOption, outcomes_of
from coarse2fine.commands.trace import parse_age

if TYPE_CHECKING:
    from coarse2fine.reports import Report

__all__ = ["RadiologistOption", "app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="A radiologist's past reports, kept on this machine.")

_FAILED = 2
RadiologistOption = Annotated[
    str, typer.Option("--radiologist", metavar="ID", help="Whose reports: an opaque id, never a name.")
]


@app.command()
def add(
    source: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Reports with impressions: text, CSV, JSON, JSON lines, Parquet.")
    ],
    radiologist: RadiologistOption,
    layout: LayoutOption = None,
    column: ColumnOption = None,
    format: FormatOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Remember reports; adding one twice adds it once.

    Reports without an impression, or that name another radiologist, are skipped and counted. A record that cannot be
    read is named, the others go on, and the exit code is 2.
    """
    from coarse2fine.agents.memory import HOME_MEMORY

    reports = _Readable(source, layout, format, column)
    found = HOME_MEMORY.add(reports, radiologist)
    if as_json:
        print_json({"radiologist": radiologist, **found._asdict(), "rejected": reports.rejected})
    else:
        skipped = "".join(f", {count} skipped ({reason})" for reason, count in found.skipped.items())
        rejected = f", {reports.rejected} rejected" if reports.rejected else ""
        output.print(f"{found.added} added, {found.known} there already{skipped}{rejected}", markup=False)
    if reports.rejected:
        raise typer.Exit(_FAILED)


@app.command("list")
def list_memory(as_json: Annotated[bool, JsonFlag] = False) -> None:
    """List who has cases or a style card, and how many cases."""
    from rich.table import Table

    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.agents.style_card import StyleCards

    cases = {holding.radiologist: holding.cases for holding in HOME_MEMORY.list()}
    cards = StyleCards(HOME_MEMORY.store)
    known = {radiologist: cards.get(radiologist) for radiologist in sorted({*cases, *cards.radiologists()})}
    table = Table("radiologist", "cases", "style card", box=None, padding=(0, 2, 0, 0))
    for radiologist, card in known.items():
        state = "none" if card is None else "edited" if card.edited else "learnt"
        if as_json:
            print_json({"radiologist": radiologist, "cases": cases.get(radiologist, 0), "style_card": state})
        table.add_row(_plain(radiologist), f"{cases.get(radiologist, 0):,}", state)
    if not as_json:
        output.print(table if known else "no radiologist's reports are remembered yet")


@app.command()
def forget(
    radiologist: RadiologistOption,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="AGE", help="Only what was added longer ago, such as 30d; keeps the card."
        ),
    ] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Delete a radiologist's cases for good, and with them the style card and the choice of a model."""
    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.agents.personal_model import PersonalModels
    from coarse2fine.agents.style_card import StyleCards

    before = None if older_than is None else datetime.now(UTC) - parse_age(older_than)
    cases = HOME_MEMORY.forget(radiologist, before)
    card = before is None and StyleCards(HOME_MEMORY.store).forget(radiologist)
    if before is None:
        PersonalModels(HOME_MEMORY.store).forget(radiologist)
    if as_json:
        print_json({"radiologist": radiologist, "cases": cases, "style_card": card})
    else:
        output.print(f"forgot {cases} case{'s' * (cases != 1)}{' and the style card' * card}", markup=False)


class _Readable:
    """The reports of a source that can be read; the others are named on standard error and counted."""

    def __init__(self, source: str, layout: str | None, format: FormatName | None, column: list[str] | None) -> None:
        self.rejected = 0
        self._outcomes = outcomes_of(source, layout, format, column)

    def __iter__(self) -> Iterator[Report]:
        for outcome in self._outcomes:
            if isinstance(outcome, Exception):
                self.rejected += 1
                print_error(outcome)
            else:
                yield outcome


def _plain(text: str) -> str:
    from rich.markup import escape

    from coarse2fine.graph.trace_text import plain

    return escape(plain(text))
