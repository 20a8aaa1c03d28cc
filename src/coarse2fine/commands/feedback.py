"""`coarse2fine feedback`: what radiologists said of texts, and made of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import (
    CatchingGroup,
    JsonFlag,
    errors,
    output,
    print_error,
    print_json,
    write_file,
)
from coarse2fine.commands.options import CriticOption

if TYPE_CHECKING:
    from coarse2fine.reports import Feedback

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="What radiologists said of texts, and made of them.")

_BAD_RECORDS = 2
RadiologistOption = Annotated[str | None, typer.Option("--radiologist", metavar="ID", help="Only theirs.")]


@app.command()
def add(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, as `feedback export` writes them.")],
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Keep feedback on this machine. A record that is there already counts once; a bad line is named (exit code 2)."""
    from coarse2fine.graph import FeedbackStore
    from coarse2fine.reports import InputError, ReportError, read_feedback

    records: list[Feedback] = []
    bad = 0
    for found in read_feedback(source):
        if isinstance(found, ReportError):
            print_error(found)
            bad += 1
        else:
            records.append(found)
    added = FeedbackStore().add(records)
    for record_id in added.conflicts:
        print_error(InputError(f"{source}: the id {record_id} stands for another record already, which stays"))
    if as_json:
        print_json({"new": added.new, "known": added.known, "conflicts": list(added.conflicts), "bad": bad})
    else:
        output.print(f"{added.new:,} new, {added.known:,} known, {len(added.conflicts):,} in conflict, {bad:,} bad")
    if bad or added.conflicts:
        raise typer.Exit(_BAD_RECORDS)


@app.command("list")
def list_feedback(
    radiologist: RadiologistOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """List the newest feedback, without any text; with --json whole records."""
    from rich.table import Table

    from coarse2fine.graph import FeedbackStore

    store = FeedbackStore()
    found = store.list(radiologist, limit)
    if as_json:
        for record in found:
            typer.echo(record.model_dump_json())
        return
    table = Table("id", "created (UTC)", "radiologist", "audience", "rating", "edited", box=None, padding=(0, 2, 0, 0))
    judged = store.judgements([record.id for record in found]) if found else {}
    for record in found:
        edited = "yes" if record.edited is not None else ""
        if record.id in judged:
            edited = "yes, passed" if judged[record.id].passed else "yes, needs review"
        created = f"{record.created:%Y-%m-%dT%H:%M:%S}"
        table.add_row(record.id, created, record.radiologist, record.audience, record.rating or "", edited)
    output.print(table if found else "no feedback has been kept yet")


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.jsonl", help="Where the records go, one a line.")],
    radiologist: RadiologistOption = None,
    fact_edits: Annotated[
        bool, typer.Option("--fact-edits", help="Only edits of facts, with what the critic says of each change.")
    ] = False,
    critic: CriticOption = "nano-critic",
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Write feedback as JSON lines. They hold report text: treat the file as reports are treated."""
    from coarse2fine.graph import FeedbackStore
    from coarse2fine.reports import write_feedback

    records = FeedbackStore().list(radiologist)
    if fact_edits:
        _export_fact_edits(records, out, critic, as_json)
        return
    written = write_feedback(records, out)
    if as_json:
        ratings = Counter(record.rating or "none" for record in records)
        print_json({"out": str(out), "written": written, "ratings": dict(ratings)})
    else:
        errors.print(f"{written:,} records written to {out}", markup=False, soft_wrap=True)


def _export_fact_edits(records: list[Feedback], out: Path, critic: str, as_json: bool) -> None:
    from coarse2fine.agents import Critic
    from coarse2fine.serving import load_nli
    from coarse2fine.training.preferences import preferences

    edited = [record for record in records if record.edited is not None]
    found = preferences(edited, Critic(load_nli(critic))).fact_edits
    write_file(out, "".join(edit.line() + "\n" for edit in found))
    if as_json:
        print_json({"out": str(out), "edits": len(edited), "written": len(found)})
    else:
        errors.print(f"{len(found):,} of {len(edited):,} edits are of facts: written to {out}", markup=False)


@app.command()
def forget(
    radiologist: Annotated[str, typer.Option("--radiologist", metavar="ID", help="Whose feedback is deleted.")],
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Delete all feedback of a radiologist for good."""
    from coarse2fine.graph import FeedbackStore

    deleted = FeedbackStore().forget(radiologist)
    if as_json:
        print_json({"deleted": deleted})
    else:
        output.print(f"deleted {deleted} record{'s' if deleted != 1 else ''}")
