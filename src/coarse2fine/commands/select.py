"""`coarse2fine eval select`: which model, which prompt, with or without the loop?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coarse2fine.commands.console import JsonFlag, errors, print_json, write_file
from coarse2fine.commands.options import CriticOption
from coarse2fine.commands.pages import print_page, write_page
from coarse2fine.commands.progress import progress
from coarse2fine.commands.score import EncoderOption, load_metrics

if TYPE_CHECKING:
    from coarse2fine.evals.selection import Selection

__all__ = [
    "METRICS",
    "DataLayoutOption",
    "DataOption",
    "LimitOption",
    "MetricsOption",
    "ResamplesOption",
    "RoundsOption",
    "SeedOption",
    "WorkersOption",
    "select",
]  # fmt: skip

METRICS = ("paper", "support", "length")
"""The columns of the paper's tables, and what the critic accepts, and how long texts are."""

DataOption = Annotated[
    Path, typer.Option("--data", metavar="FILE", help="Reports with findings and the radiologist's impression.")
]
DataLayoutOption = Annotated[
    str | None,
    typer.Option("--layout", metavar="NAME", help="A published form of the file: openi, chexpert-plus or mimic-cxr."),
]
MetricsOption = Annotated[
    list[str] | None,
    typer.Option("--metrics", metavar="NAME ...", help="As for eval score. By default paper support length."),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first so many reports.")]
WorkersOption = Annotated[int, typer.Option(min=1, help="Reports at once.")]
RoundsOption = Annotated[int, typer.Option("--max-rounds", min=1, max=20)]
ResamplesOption = Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstrap and of the test.")]
SeedOption = Annotated[int, typer.Option(help="The same seed gives the same figures.")]


def select(
    models: Annotated[
        list[str],
        typer.Option("--models", metavar="NAME ...", help="nano, hf:PATH_OR_ID, vllm:URL#ADAPTER, a LangChain name."),
    ],
    data: DataOption,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="For tables, page and rows; a killed run goes on there.")
    ],
    layout: DataLayoutOption = None,
    prompts: Annotated[
        list[str] | None,
        typer.Option(
            "--prompts",
            metavar="NAME ...",
            help="base, prime, expert, plain, draft; by default all. nano knows its own prompts only.",
        ),
    ] = None,
    loop: Annotated[
        Literal["on", "off", "both"], typer.Option(help="off: the first draft, one call of the model, no critic.")
    ] = "both",
    metrics: MetricsOption = None,
    critic: CriticOption = "nano-critic",
    encoder: EncoderOption = "",
    limit: LimitOption = None,
    max_rounds: RoundsOption = 3,
    workers: WorkersOption = 1,
    resamples: ResamplesOption = 10_000,
    seed: SeedOption = 20260101,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Compare models, prompts and the loop on the same reports, with paired intervals (the paper's tables 1 to 3)."""
    import asyncio

    from coarse2fine import serving
    from coarse2fine.evals.layouts import read_cases
    from coarse2fine.evals.metrics import metric_names
    from coarse2fine.evals.selection import Plan
    from coarse2fine.evals.selection import select as compare_systems
    from coarse2fine.evals.systems import RUNGS

    names = metric_names(" ".join(metrics or METRICS))
    cases = read_cases(layout, data, limit)
    nli = serving.load_nli(critic)
    plan = Plan(
        models=models,
        critic=nli,
        metrics=load_metrics(names, nli, encoder),
        rungs=prompts or RUNGS,
        loop=loop,
        max_rounds=max_rounds,
        rows=out / "rows",
        workers=workers,
        resamples=resamples,
        seed=seed,
        load=serving.load_chat_model,
    )
    with progress("reports", None) as advance:
        found = asyncio.run(
            compare_systems(plan, cases, started=lambda name: errors.print(name, style="dim"), done=advance)
        )
    _report(found, data.name, out, as_json)
    if all(one.error for one in found.systems):
        raise typer.Exit(_FAILED)


_FAILED = 3


def _report(found: Selection, data: str, out: Path, as_json: bool) -> None:
    from coarse2fine.evals.selection import contrasts_csv, selection_csv
    from coarse2fine.evals.selection_page import selection_page

    write_file(out / "systems.csv", selection_csv(found))
    write_file(out / "differences.csv", contrasts_csv(found))
    write_page(selection_page(found, data), out / "selection.md", out / "selection.html")
    if as_json:
        print_json(found.model_dump(mode="json"), indent=2)
    else:
        print_page(selection_page(found, data, pictures=False))
