"""`coarse2fine data`: bring reports into one form, split them, look at them."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, errors, output, print_error, print_json
from coarse2fine.commands.options import ColumnOption, FormatOption, LayoutOption, outcomes_of

if TYPE_CHECKING:
    from rich.table import Table

    from coarse2fine.reports import Collected, Manifest, Report, ReportError, Statistics, WordCounts

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="Bring reports into one form, split them, count them.")

_BAD_RECORDS = 2
_SHOWN = 8
Source = Annotated[str, typer.Argument(metavar="FILE|-", help="Raw text, CSV, JSON, JSON lines or Parquet.")]
Size = Annotated[str, typer.Option(metavar="SIZE", help="So many reports (500), or such a share (0.8, 80%).")]


@app.command()
def ingest(
    source: Annotated[
        str,
        typer.Argument(metavar="FILE|FOLDER|-", help="Raw text, CSV, JSON, JSON lines, Parquet; a layout's folder."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.jsonl", help="Where the reports go, one a line.")],
    layout: LayoutOption = None,
    column: ColumnOption = None,
    format: FormatOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Bring a collection into one form: pairs of findings and impression, none twice, as JSON lines.

    Records that cannot be read are named (exit code 2); what is no pair or there already is counted by reason.
    """
    from coarse2fine.reports import Collection, InputError, report_line

    outcomes = outcomes_of(source, layout, format, column)
    collection, started = Collection(), time.perf_counter()
    with _whole_file(out, source) as file:
        for outcome in _naming_errors(collection.select(outcomes)):
            if not isinstance(outcome, Exception):
                file.write(report_line(outcome))
        found, seconds = collection.collected(), time.perf_counter() - started
        errors.print(_ingested(found, seconds))
        if not found.kept:
            raise InputError(f"{source} holds no pair of findings and impression: nothing was written")
    if as_json:
        print_json({"out": str(out), "seconds": round(seconds, 2), **found.model_dump()}, indent=2)
    if found.rejected:
        raise typer.Exit(_BAD_RECORDS)


@app.command()
def split(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `data ingest` wrote, or CSV, JSON, Parquet …")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A new folder for the parts and manifest.json.")],
    train: Size = "500",
    validate: Size = "0",
    test: Size = "50",
    by: Annotated[
        Literal["patient", "radiologist"], typer.Option(help="Whose reports stay in one part; patients always do.")
    ] = "patient",
    seed: Annotated[int, typer.Option(help="The same seed draws the same parts.")] = 0,
    layout: LayoutOption = None,
    column: ColumnOption = None,
    format: FormatOption = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Split reports into train, validate and test parts, stratified by sex and age band; nothing leaks between them.

    By default as many as the paper draws: 500 to train and 50 to test. Exit code 2 where a record cannot be read.
    """
    from coarse2fine.reports import parse_size, split_reports

    manifest = split_reports(
        source,
        out,
        lambda: outcomes_of(str(source), layout, format, column),
        sizes={"train": parse_size(train), "validate": parse_size(validate), "test": parse_size(test)},
        by=by,
        seed=seed,
        rejected=print_error,
    )
    errors.print(_parts(manifest))
    if manifest.without_patient:
        errors.print(
            f"warning: {manifest.without_patient:,} of {manifest.reports:,} reports name no patient; "
            "each counts as a patient of its own",
            style="yellow",
            soft_wrap=True,
        )
    if as_json:
        print_json(manifest.model_dump(mode="json"), indent=2)
    if manifest.rejected:
        raise typer.Exit(_BAD_RECORDS)


@app.command()
def stats(
    source: Source,
    layout: LayoutOption = None,
    column: ColumnOption = None,
    format: FormatOption = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write PNG pictures there; needs the extra plots.")
    ] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Count reports, lengths, exams, sexes and ages; no text of any report is kept.

    Records that cannot be read are named; exit code 2 where there are any.
    """
    from coarse2fine.reports import statistics
    from coarse2fine.reports.plots import require_plots, write_plots

    if plots is not None:
        require_plots()
    found = statistics(_naming_errors(outcomes_of(source, layout, format, column)))
    if plots is not None:
        write_plots(found, plots)
    if as_json:
        print_json(found.model_dump(), indent=2)
    else:
        output.print(_counted(found))
    if found.rejected:
        raise typer.Exit(_BAD_RECORDS)


def _naming_errors(outcomes: Iterable[Report | ReportError]) -> Iterator[Report | ReportError]:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            print_error(outcome)
        yield outcome


@contextmanager
def _whole_file(out: Path, source: str) -> Iterator[IO[str]]:
    """A file that appears once it is whole, readable by its owner only, as it holds reports.

    Raises:
        InputError: it cannot be written, or is the input.
    """
    from coarse2fine.reports import InputError

    if source != "-" and out.exists() and Path(source).exists() and out.samefile(source):
        raise InputError(f"{out} is the input: name another file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                yield file
            os.replace(name, out)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from error


# ------------------------------------------------------------------------------------------------ what people read
def _ingested(found: Collected, seconds: float) -> Table:
    table = _table()
    table.add_row("records read", f"{found.read:,} in {seconds:,.1f} s")
    table.add_row("reports written", f"{found.kept:,}, with a patient {found.with_patient:,}")
    table.add_row("left out", _listed(found.left_out))
    table.add_row("rejected", _listed({name or "whole record": count for name, count in found.rejected_fields.items()}))
    return table


def _parts(manifest: Manifest) -> Table:
    table = _table()
    table.add_row("reports", f"{manifest.reports:,}: {_listed(manifest.strata)}")
    for name, part in manifest.parts.items():
        table.add_row(name, f"{part.reports:,} reports, {part.patients:,} patients: {_listed(part.strata)}")
    table.add_row("left out", _listed(manifest.left_out))
    table.add_row("rejected", f"{manifest.rejected:,}")
    return table


def _counted(found: Statistics) -> Table:
    table = _table()
    table.add_row("reports read", f"{found.reports:,}")
    table.add_row("records rejected", f"{found.rejected:,}")
    table.add_row("findings, words", _lengths(found.findings))
    table.add_row("impression, words", _lengths(found.impression))
    table.add_row("with an impression", f"{found.with_impression:.1%}")
    ratio = found.length_ratio
    table.add_row(
        "findings : impression",
        "none to compare" if ratio is None else f"mean {ratio:.2f}, deciles {_joined(found.ratio_deciles)}",
    )
    for title, counts in (("exam", found.exams), ("sex", found.sexes), ("age", found.ages)):
        table.add_row(title, _listed(counts))
    for name, apart in [*found.lengths_by_sex.items(), *found.lengths_by_age.items()]:
        words = f"findings {apart.findings:.1f}"
        if apart.impression is not None:
            words += f", impression {apart.impression:.1f}, ratio {apart.length_ratio:.2f}"
        table.add_row(f"mean words, {name}", words)
    return table


def _table() -> Table:
    from rich.table import Table

    return Table(show_header=False, box=None, padding=(0, 2, 0, 0))


def _lengths(counts: WordCounts) -> str:
    words = f"mean {counts.mean:.1f}, median {counts.median:.0f}, all {counts.total:,}"
    return f"{words}; deciles {_joined(counts.deciles)}" if counts.deciles else words


def _joined(numbers: Iterable[float]) -> str:
    return " ".join(f"{number:g}" for number in numbers)


def _listed(counts: Mapping[Any, int]) -> str:
    from rich.markup import escape

    shown = ", ".join(f"{escape(str(name))} {count:,}" for name, count in list(counts.items())[:_SHOWN])
    return (shown + (" …" if len(counts) > _SHOWN else "")) or "none"
