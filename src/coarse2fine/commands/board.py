"""`coarse2fine eval board`: every figure that this project tells of itself, in one command."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import JsonFlag, errors, print_json
from coarse2fine.commands.options import CriticOption, ModelOption
from coarse2fine.commands.pages import print_page, write_page
from coarse2fine.commands.progress import progress
from coarse2fine.commands.select import LimitOption, ResamplesOption, WorkersOption

if TYPE_CHECKING:
    from coarse2fine.evals.pages import Page

__all__ = ["board"]


def board(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Holds train.jsonl and validate.jsonl.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Markdown; the page beside it has pictures.")],
    data: Annotated[str, typer.Option("--data", metavar="LAYOUT", help="How the files are laid out.")] = "openi",
    part: Annotated[str, typer.Option("--part", metavar="NAME", help="Measure on FOLDER/NAME.jsonl.")] = "validate",
    model: ModelOption = "nano",
    critic: CriticOption = "nano-critic",
    claims: Annotated[
        list[Path] | None,
        typer.Option("--claims", metavar="FILE", help="A critic benchmark; repeatable. By default evals/claims/."),
    ] = None,
    rows: Annotated[
        Path, typer.Option("--rows", metavar="FOLDER", help="Rows and sections are kept there; a killed run goes on.")
    ] = Path("outputs/board"),
    limit: LimitOption = None,
    workers: WorkersOption = 1,
    resamples: ResamplesOption = 10_000,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Run the whole evidence on published reports, offline, and write it down; it takes half an hour on two cores."""
    import asyncio

    from coarse2fine import serving
    from coarse2fine.evals.board import FAILED, board_page
    from coarse2fine.evals.board_data import Board

    with progress("reports", None) as advance:
        given = Board(
            layout=data,
            folder=folder,
            name=model,
            loaded=serving.load_chat_model(model),
            critic=serving.load_nli(critic),
            rows=rows,
            claims=claims if claims is not None else _shipped(),
            part=part,
            limit=limit,
            workers=workers,
            resamples=resamples,
            done=advance,
        )
        page = asyncio.run(board_page(given, lambda title: errors.print(title, style="dim")))
    write_page(page, out, out.with_suffix(".html"))
    if as_json:
        print_json(_plain(page), indent=2)
    else:
        print_page(page)
    if any(item.text.startswith(FAILED) for section in page.sections for item in section.parts):
        raise typer.Exit(1)


def _shipped() -> list[Path]:
    """The critic benchmarks of a source checkout; an installed package has none."""
    return sorted(Path(str(files("coarse2fine.evals") / "claims")).glob("*.jsonl"))


def _plain(page: Page) -> dict[str, object]:
    sections = [section.model_dump(exclude={"parts": {"__all__": {"svg"}}}) for section in page.sections]
    return {"title": page.title, "sections": sections}
