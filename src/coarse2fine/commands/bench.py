"""`coarse2fine eval bench`: the graph against a vLLM server, and the server alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import JsonFlag, errors, output, print_json
from coarse2fine.commands.options import CriticOption, FormatName, FormatOption, LayoutOption, outcomes_of

if TYPE_CHECKING:
    from coarse2fine.evals.vllm_bench import BenchFigures
    from coarse2fine.reports import Report

__all__ = ["bench"]


def bench(
    vllm: Annotated[str, typer.Option(metavar="URL", help="A vLLM server: http://127.0.0.1:8000/v1.")],
    adapters: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME ...", help="Its models, which share the reports; by default the base model."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Reports; by default such as this package was trained on.")
    ] = None,
    layout: LayoutOption = None,
    format: FormatOption = None,
    reports: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    concurrency: Annotated[int, typer.Option(min=1, help="Reports at once.")] = 32,
    critic: CriticOption = "nano-critic",
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Time reports through the graph, then their model calls alone, sent straight to the server, as many at once."""
    import asyncio

    from coarse2fine.evals.vllm_bench import bench
    from coarse2fine.serving import load_nli

    chosen = _read(data, layout, format, reports) if data else _own(reports)
    with errors.status(f"{len(chosen)} reports, {concurrency} at once"):
        found = asyncio.run(bench(vllm, adapters or [], chosen, load_nli(critic), concurrency))
    if as_json:
        ratios = {"real": found.real.ratio, "scripted": found.scripted.ratio, "three_to_one": found.three_to_one}
        print_json({**found.model_dump(), "ratios": ratios}, indent=2)
    else:
        _show(found)


def _read(data: Path, layout: str | None, format: FormatName | None, most: int) -> list[Report]:
    """The first reports of a file.

    Raises:
        ReportError: one cannot be read.
    """
    from coarse2fine.reports import Report

    found: list[Report] = []
    for outcome in outcomes_of(str(data), layout, format, None):
        if not isinstance(outcome, Report):
            raise outcome
        found.append(outcome)
        if len(found) == most:
            break
    return found


def _own(most: int) -> list[Report]:
    """Reports written for this package, of all examinations alike."""
    from coarse2fine.reports import Report
    from coarse2fine.training.corpus.written import written

    every = written()
    step = max(1, len(every) // most)
    return [
        Report(exam=one.exam, clinical_information=one.clinical_information, findings=one.findings)
        for one in every[::step][:most]
    ]


def _show(found: BenchFigures) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    columns = ("audiences", "calls", "at once", "graph, s", "alone, s", "ratio", "CPU, s", "alone, s")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for name, one in (
        ("3, NLI model", found.real),
        ("3, recorded scores", found.scripted),
        ("1, recorded scores", found.one),
    ):
        seconds = (f"{one.graph_seconds:.1f}", f"{one.alone_seconds:.1f}", f"{one.ratio:.2f}")
        work = (f"{one.graph_cpu:.1f}", f"{one.alone_cpu:.1f}")
        table.add_row(name, str(one.calls), str(one.most), *seconds, *work)
    output.print(f"{found.reports} reports, {found.concurrency} at once: {', '.join(found.models)}", markup=False)
    output.print(table)
    output.print(f"inside the NLI model, added up over threads: {found.real.nli_seconds:.1f} s")
    output.print(f"three audiences against one: {found.three_to_one:.2f}")
