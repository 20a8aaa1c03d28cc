"""`coarse2fine eval ceiling`: radiologists' own impressions under the critic, and ours beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coarse2fine.commands.console import JsonFlag, errors, output, print_json
from coarse2fine.commands.options import CriticOption
from coarse2fine.commands.score import load_metrics

__all__ = ["ceiling"]


def ceiling(
    layout: Annotated[str, typer.Argument(metavar="LAYOUT", help="openi, chexpert-plus, mimic-cxr, or any.")],
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    rows: Annotated[
        Path | None, typer.Option("--rows", metavar="FILE", help="What eval external --out wrote of the same reports.")
    ] = None,
    text: Annotated[
        str, typer.Option("--text", metavar="NAME", help="With --rows: draft, brief, bullet or comprehensive.")
    ] = "draft",
    critic: CriticOption = "nano-critic",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many reports.")] = None,
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstrap and of the test.")] = 10_000,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """What share of the radiologists' own sentences the critic accepts, and their FC: the ceiling for any system."""
    from coarse2fine import serving
    from coarse2fine.evals.ceiling import METRICS, ours, radiologists
    from coarse2fine.evals.layouts import read_cases
    from coarse2fine.evals.scoring import score_all, score_table

    cases = read_cases(layout, file, limit)
    human = radiologists(cases)
    second = None if rows is None else ours(cases, rows, text)
    metrics = load_metrics(list(METRICS), serving.load_nli(critic), "")
    scored = score_all(metrics, human, second, lambda name: errors.print(f"{name} done", style="dim"))
    found = score_table(scored, resamples=resamples)
    if as_json:
        head = {"file": str(file), "rows": str(rows) if rows else None, "text": text if rows else None}
        print_json({**head, **found.model_dump()}, indent=2)
    else:
        from coarse2fine.commands.score_table import score_tables

        output.print(score_tables(found, f"radiologists, {file}", f"{text} of {rows}" if rows else ""))
