"""`coarse2fine eval`: figures on text that no shipped model was trained on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, errors, output, print_error, print_json, write_file
from coarse2fine.commands.options import CriticOption, ModelOption

if TYPE_CHECKING:
    from coarse2fine.evals.critic_benchmark import Judged
    from coarse2fine.graph import Audience
    from coarse2fine.reports import Report

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="Measure on text that no shipped model was trained on.")

LayoutArgument = Annotated[str, typer.Argument(metavar="LAYOUT", help="How the file is laid out: openi.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE")]
_FAILED = 2


@app.command()
def external(
    layout: LayoutArgument,
    file: FileArgument,
    model: ModelOption = "nano",
    critic: CriticOption = "nano-critic",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many rows.")] = None,
    draft_only: Annotated[bool, typer.Option("--draft-only", help="Leave the audiences out.")] = False,
    max_rounds: Annotated[int, typer.Option(min=1, max=20)] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Reports at once.")] = 1,
    seen: Annotated[Path | None, typer.Option(metavar="FILE", help="Training rows in the same layout: rows not in it are shown apart.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one JSON line a row.")] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Run the whole graph on published reports: ROUGE beside its floors, pass rates, rounds, seconds, audited contradictions."""
    from coarse2fine.evals.external import evaluate, figures
    from coarse2fine.evals.layouts import read_cases

    cases = read_cases(layout, file, limit)
    known = frozenset(case.report.findings.strip() for case in read_cases(layout, seen)) if seen else frozenset()
    write = _writer(model, critic, () if draft_only else ("brief", "bullet", "comprehensive"), max_rounds)
    started = time.perf_counter()
    with _progress("reports", len(cases)) as advance:
        rows = asyncio.run(evaluate(cases, write, workers=workers, seen=known, done=lambda row: advance(1)))
    found = figures(rows, seconds=time.perf_counter() - started, workers=workers)
    if out is not None:
        write_file(out, "".join(row.model_dump_json() + "\n" for row in rows))
    if as_json:
        print_json(found.model_dump(), indent=2)
    else:
        from coarse2fine.commands.tables import external_tables

        output.print(external_tables(found, f"{layout}, {file.name}, model {model}, critic {critic}"))
    for row in rows:
        if row.error:
            print_error(RuntimeError(f"row {row.id}: {row.error}"))
    if found.failed:
        raise typer.Exit(_FAILED)
