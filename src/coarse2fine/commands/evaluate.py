"""`coarse2fine eval`: figures on text that no shipped model was trained on."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coarse2fine.commands.bench import bench
from coarse2fine.commands.board import board
from coarse2fine.commands.ceiling import ceiling
from coarse2fine.commands.console import CatchingGroup, JsonFlag, output, print_error, print_json, write_file
from coarse2fine.commands.load import load
from coarse2fine.commands.many import ManyValues
from coarse2fine.commands.options import ColumnOption, CriticOption, ModelOption, columns_of
from coarse2fine.commands.pages import print_sections
from coarse2fine.commands.progress import progress
from coarse2fine.commands.radiologists import radiologists
from coarse2fine.commands.roc import write_roc
from coarse2fine.commands.score import bench_metrics, score
from coarse2fine.commands.select import select
from coarse2fine.commands.typos import typos

if TYPE_CHECKING:
    from coarse2fine.evals.critic_benchmark import Judged
    from coarse2fine.evals.external import JudgeSupport, Run
    from coarse2fine.reports import Report

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="Measure on text that no shipped model was trained on.")

LayoutArgument = Annotated[
    str,
    typer.Argument(metavar="LAYOUT", help="openi, chexpert-plus or mimic-cxr; any: columns tell, or --column."),
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE")]
_FAILED = 2

app.command("score")(score)
app.command("bench-metrics")(bench_metrics)
app.command("radiologists")(radiologists)
app.command("select", cls=ManyValues)(select)
app.command("typos", cls=ManyValues)(typos)
app.command("ceiling")(ceiling)
app.command("bench", cls=ManyValues)(bench)
app.command("board")(board)
app.command("load")(load)


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
    seen: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Training rows in the same layout: rows not in it are shown apart."),
    ] = None,
    radiologist: Annotated[
        str | None, typer.Option(metavar="ID", help="Draft with this radiologist's remembered cases and style card.")
    ] = None,
    cases: Annotated[int, typer.Option(min=0, help="With --radiologist: nearest cases shown, at most.")] = 8,
    support: Annotated[
        bool,
        typer.Option("--support", help="Also judge what the findings support, before and after the critic spoke."),
    ] = False,
    column: ColumnOption = None,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="ROWS", help="What --out wrote on the home set: tell what is lost."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one JSON line a row.")] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Run the whole graph on published reports: ROUGE and its floors, pass rates, rounds, seconds, an audit."""
    import asyncio

    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.evals.drop import drops, read_rows
    from coarse2fine.evals.external import FLOORS, evaluate, figures, memory_floors
    from coarse2fine.evals.floors import Nearest
    from coarse2fine.evals.layouts import read_cases

    columns = columns_of(column)
    reports = read_cases(layout, file, limit, columns)
    past = read_cases(layout, seen, columns=columns) if seen else []
    at_home = [row for _, row in read_rows(home)] if home else []
    known = frozenset(case.report.findings.strip() for case in past)
    write = _writer(
        model,
        critic,
        audiences=() if draft_only else ("brief", "bullet", "comprehensive"),
        max_rounds=max_rounds,
        memory=HOME_MEMORY if radiologist else None,
        radiologist=radiologist,
        cases=cases,
    )
    floors = memory_floors(HOME_MEMORY, radiologist, cases) if radiologist and cases else FLOORS
    floors = {**floors, **(Nearest(past).floors() if past else {})}
    judge = _support_judge(critic) if support else None
    started = time.perf_counter()
    with progress("reports", len(reports)) as advance:
        rows = asyncio.run(
            evaluate(reports, write, workers=workers, seen=known, done=lambda _: advance(1), floors=floors, judge=judge)
        )
    found = figures(rows, seconds=time.perf_counter() - started, workers=workers)
    if out is not None:
        write_file(out, "".join(row.model_dump_json() + "\n" for row in rows))
    lost = drops(at_home, rows) if at_home else ()
    if as_json:
        told = {"home": str(home), "drops": [one.model_dump() for one in lost]} if home else {}
        print_json({**found.model_dump(), **told}, indent=2)
    else:
        from coarse2fine.commands.tables import drop_table, external_tables

        output.print(external_tables(found, f"{layout}, {file.name}, model {model}, critic {critic}"))
        if home:
            output.print(drop_table(lost, home.name))
    for row in rows:
        if row.error:
            print_error(RuntimeError(f"row {row.id}: {row.error}"))
    if found.failed:
        raise typer.Exit(_FAILED)


def _support_judge(critic: str) -> JudgeSupport:
    from functools import partial

    from coarse2fine.evals.support import judge_support
    from coarse2fine.serving import load_nli

    return partial(judge_support, nli=load_nli(critic))


@app.command()
def critic(
    file: FileArgument,
    critic: CriticOption = "nano-critic",
    mistakes: Annotated[
        int, typer.Option("--errors", metavar="N", min=0, help="Print so many of the worst mistakes.")
    ] = 0,
    roc: Annotated[
        Path | None,
        typer.Option("--roc", metavar="FOLDER", help="Write ROC curve and calibration of the NLI scores there."),
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option("--against", metavar="NAME", help="With --roc: another NLI model; repeatable.")
    ] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Balanced accuracy of the critic on rows {"findings", "claim", "supported", "kind"}, overall and by kind."""
    from coarse2fine.agents import Critic
    from coarse2fine.evals.critic_benchmark import figures, judge, read_claims, worst
    from coarse2fine.evals.roc_page import roc_page
    from coarse2fine.reports import InputError
    from coarse2fine.serving import load_nli

    if against and roc is None:
        raise InputError("--against needs --roc FOLDER")
    names = list(dict.fromkeys([critic, *(against or [])]))
    rows = read_claims(file)
    with progress("claims", len(rows) * len(names)) as advance:
        every = {name: judge(rows, Critic(load_nli(name)), advance) for name in names}
    judged = every[critic]
    found = figures(judged)
    curves = None if roc is None else write_roc(every, file.name, roc)
    bad = worst(judged, mistakes)
    if as_json:
        told = {"errors": [_mistake(one) for one in bad], **({"roc": curves.model_dump()} if curves else {})}
        print_json({**found.model_dump(), **told}, indent=2)
    else:
        from coarse2fine.commands.tables import benchmark_tables, mistake_lines

        output.print(benchmark_tables(found, f"{file.name}, critic {critic}"))
        if curves is not None:
            print_sections(roc_page(curves, file.name, pictures=False).sections[:1])
        for one in bad:
            output.print(mistake_lines(one))


def _mistake(judged: Judged) -> dict[str, object]:
    return {
        **judged.row.model_dump(),
        "accepted": judged.accepted,
        "layer": judged.layer,
        "score": judged.score,
        "reasons": judged.reasons,
    }


@app.command("critic-set")
def critic_set(
    layout: LayoutArgument,
    file: FileArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    per_kind: Annotated[int, typer.Option("--per-kind", min=1, help="At most so many claims of a kind.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed draws the same claims.")] = 20260101,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Derive a critic benchmark from real findings by rules: claims that hold, and claims with one error each."""
    from collections import Counter

    from coarse2fine.evals.critic_benchmark import write_claims
    from coarse2fine.evals.critic_set import KINDS, derive
    from coarse2fine.evals.layouts import read_layout
    from coarse2fine.reports import Report

    reports = []
    for outcome in read_layout(layout, file):
        if isinstance(outcome, Report):
            reports.append(outcome)
        else:
            raise outcome
    rows = derive(reports, per_kind=per_kind, seed=seed)
    write_file(out, write_claims(rows))
    counts = Counter(row.kind for row in rows)
    if as_json:
        print_json({"out": str(out), "rows": len(rows), "kinds": {kind: counts[kind] for kind in KINDS}})
    else:
        output.print(f"{len(rows)} claims: " + ", ".join(f"{kind} {counts[kind]}" for kind in KINDS), markup=False)


# ----------------------------------------------------------------------------------------------- what they share
def _writer(model: str, critic: str, **settings: Any) -> Callable[[Report], Awaitable[Run]]:
    """The graph as the evaluation calls it; no trace is kept: an evaluation of thousands would bury the user's own."""
    from coarse2fine import build_graph
    from coarse2fine.evals.external import Run

    graph = build_graph(model, critic, trace_store=None, **settings)

    async def write(report: Report) -> Run:
        done = await graph.ainvoke({"report": report})
        return Run(done["result"], done["trace"])

    return write
