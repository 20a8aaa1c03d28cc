"""`coarse2fine eval typos`: what typing and dictation errors in the findings cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from coarse2fine.commands.console import JsonFlag, print_json, write_file
from coarse2fine.commands.options import CriticOption, ModelOption
from coarse2fine.commands.pages import print_page, write_page
from coarse2fine.commands.progress import progress
from coarse2fine.commands.score import EncoderOption, load_metrics
from coarse2fine.commands.select import (
    METRICS,
    DataLayoutOption,
    DataOption,
    LimitOption,
    MetricsOption,
    ResamplesOption,
    RoundsOption,
    SeedOption,
    WorkersOption,
)

__all__ = ["typos"]


def typos(
    data: DataOption,
    layout: DataLayoutOption = None,
    rates: Annotated[
        list[float] | None,
        typer.Option("--rates", metavar="RATE ...", help="Shares of words; by default 0 0.01 0.03 0.05 0.1."),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kinds", metavar="KIND ...", help="neighbour, transposition, deletion, doubling, heard; by default all."
        ),
    ] = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Strike numbers, too.")] = False,
    model: ModelOption = "nano",
    loop: Annotated[Literal["on", "off"], typer.Option(help="off: the first draft, with no critic.")] = "on",
    metrics: MetricsOption = None,
    critic: CriticOption = "nano-critic",
    encoder: EncoderOption = "",
    limit: LimitOption = None,
    max_rounds: RoundsOption = 3,
    workers: WorkersOption = 1,
    resamples: ResamplesOption = 10_000,
    seed: SeedOption = 20260101,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="For table, page and rows; a killed run goes on.")
    ] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Strike words of the findings at several rates, write again, and tell what is lost (the paper's 5.2)."""
    import asyncio

    from coarse2fine import serving
    from coarse2fine.evals.cache import RowCache
    from coarse2fine.evals.layouts import read_cases
    from coarse2fine.evals.metrics import metric_names
    from coarse2fine.evals.noise import known_kinds
    from coarse2fine.evals.systems import System, Written
    from coarse2fine.evals.typos import RATES, Noise, typos_csv
    from coarse2fine.evals.typos import typos as study
    from coarse2fine.evals.typos_page import typos_page
    from coarse2fine.prompts import prompt_set

    names = metric_names(" ".join(metrics or METRICS))
    cases = read_cases(layout, data, limit)
    nli, loaded = serving.load_nli(critic), serving.load_chat_model(model)
    system = System(
        model, loaded, prompt_set(loaded.prompts), critic=nli if loop == "on" else None, max_rounds=max_rounds
    )
    noise = Noise(rates or RATES, seed, known_kinds(kinds), numbers)
    with progress("reports", len(cases) * len(set(noise.rates))) as advance:
        found = asyncio.run(
            study(
                system,
                cases,
                load_metrics(names, nli, encoder),
                noise,
                kept=None if out is None else RowCache(out / "rows.jsonl", Written),
                workers=workers,
                resamples=resamples,
                done=advance,
            )
        )
    if out is not None:
        write_file(out / "typos.csv", typos_csv(found))
        write_page(typos_page(found, data.name), out / "typos.md", out / "typos.html")
    if as_json:
        print_json(found.model_dump(mode="json"), indent=2)
    else:
        print_page(typos_page(found, data.name, pictures=False))
