"""`coarse2fine batch`: impressions of many reports into a file that a second run goes on with."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coarse2fine.commands.console import NEEDS_REVIEW, JsonFlag, errors, print_error, print_json
from coarse2fine.commands.options import (
    AudienceOption,
    ColumnOption,
    CriticOption,
    DictatesOption,
    FormatOption,
    LayoutOption,
    LengthOption,
    ModelOption,
    RoundsOption,
    StyleOption,
    audiences_of,
    outcomes_of,
)
from coarse2fine.commands.progress import progress

if TYPE_CHECKING:
    from rich.table import Table

    from coarse2fine.app.batch import Counts, Engine, Failed, Setup
    from coarse2fine.app.batch_file import ResultFile

__all__ = ["batch"]

EngineName = Literal["local", "ray"]
_STOPPED = 1
_TOLD, _AT_ONCE = 5, 4
_STOPPING = b"\nstopping: reports under way are finished; once more leaves them\n"


def batch(
    source: Annotated[
        str,
        typer.Argument(metavar="IN|-", help="Raw text, CSV, JSON, JSON lines, Parquet; a layout's folder."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="JSON lines, one a report, as they finish.")],
    engine: Annotated[EngineName, typer.Option(help="This process, or Ray's actors (extra ray).")] = "local",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Reports at once, with ray actors. [default: 4, with ray one for each CPU]"),
    ] = None,
    audience: AudienceOption = None,
    radiologist: DictatesOption = None,
    model: ModelOption = "nano",
    critic: CriticOption = "nano-critic",
    style: StyleOption = None,
    length: LengthOption = None,
    max_rounds: RoundsOption = 3,
    layout: LayoutOption = None,
    column: ColumnOption = None,
    format: FormatOption = None,
    traces: Annotated[bool, typer.Option("--traces/--no-traces", help="Record each run, as `impress` does.")] = True,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Write impressions of many reports, several at once, one JSON line a report; a second run goes on.

    What fails is in OUT.failed.jsonl. Exit code 0: all passed. 5: a text needs review. 1, 2, 3: the lowest that holds
    of stopped or failed, a report that cannot be read, a model that broke.
    """
    from coarse2fine.app.batch import Counts, Setup, run_batch
    from coarse2fine.app.batch_file import ResultFile
    from coarse2fine.reports import ModelError

    outcomes = outcomes_of(source, layout, format, column)
    setup = Setup(model, critic, audiences_of(audience), max_rounds, style, length, radiologist, traces)
    file = ResultFile(out, source)
    if file.mended:
        errors.print(f"{out}: the last line was cut short; it is mended", markup=False, soft_wrap=True)
    run = _engine(engine, setup, workers)
    counts, started = Counts(), time.perf_counter()
    codes: set[int] = set()
    with file, progress("reports", None) as advance, _stopping(engine) as stop:
        told = _Telling(file)

        def done(failed: Failed | None) -> None:
            told(failed)
            advance(1)

        try:
            codes.update([_STOPPED] * run_batch(outcomes, setup, file, run, counts, done, stop.is_set))
        except KeyboardInterrupt:
            codes.add(_STOPPED)
        except ModelError as error:
            codes.add(error.exit_code)
            print_error(error)
    seconds, stopped = time.perf_counter() - started, bool(codes)
    errors.print(_summary(counts, file, seconds, stopped))
    if as_json:
        print_json(_figures(counts, file, seconds), indent=2)
    if counts.failed:
        errors.print(f"what failed is in {file.failures}", markup=False, soft_wrap=True)
    if stopped:
        errors.print("stopped: the same command goes on with what is left")
    codes.update(counts.failures, [NEEDS_REVIEW] * bool(counts.needs_review))
    if codes:
        raise typer.Exit(min(codes))


def _engine(name: EngineName, setup: Setup, workers: int | None) -> Engine:
    if name == "ray":
        from coarse2fine.app.batch_ray import run_on_ray

        return run_on_ray(setup, workers)
    from coarse2fine.app.batch import run_here

    return run_here(setup.graph(), workers or _AT_ONCE)


@contextmanager
def _stopping(engine: EngineName) -> Iterator[Event]:
    """Set by the first Ctrl-C or SIGTERM: what is under way is finished. The second one interrupts.

    Ray's first one interrupts, as it has all reports by then.
    """
    asked = Event()
    if engine == "ray":
        yield asked
        return

    def stop(*_: object) -> None:
        asked.set()
        restore()
        os.write(2, _STOPPING)  # rich may be in the middle of a line

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        restore()


class _Telling:
    """Names the first failures on standard error; all are in the file."""

    def __init__(self, file: ResultFile) -> None:
        self._file, self._told = file, 0

    def __call__(self, failed: Failed | None) -> None:
        if failed is None or self._told > _TOLD:
            return
        self._told += 1
        if self._told > _TOLD:
            errors.print(f"… more failures are in {self._file.failures}", markup=False, soft_wrap=True)
        else:
            where = "" if failed.id is None else f"report {failed.id}: "
            print_error(RuntimeError(f"{where}{failed.message}"))


def _figures(counts: Counts, file: ResultFile, seconds: float) -> dict[str, object]:
    return {
        "out": str(file.path),
        "rows": counts.rows,
        "there": counts.there,
        "passed": counts.passed,
        "needs_review": counts.needs_review,
        "failed": counts.failed,
        "seconds": round(seconds, 2),
        "rows_a_minute": round(60 * counts.run / seconds, 1),
    }


def _summary(counts: Counts, file: ResultFile, seconds: float, stopped: bool) -> Table:
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("rows read", f"{counts.rows:,}")
    table.add_row("there already", f"{counts.there:,}")
    table.add_row("passed", f"{counts.passed:,}")
    table.add_row("needs review", f"{counts.needs_review:,}")
    table.add_row("failed", f"{counts.failed:,}")
    table.add_row("seconds", f"{seconds:,.1f}, {60 * counts.run / seconds:,.1f} rows a minute")
    if file.kept.left and not stopped:
        table.add_row("there of other reports or settings", f"{file.kept.left:,}")
    return table
