"""`coarse2fine impress`: findings in, impressions out, each sentence with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import NEEDS_REVIEW, JsonFlag, errors, output, print_error, print_json, write_file
from coarse2fine.commands.options import (
    AudienceOption,
    ColumnOption,
    CriticOption,
    DictatesOption,
    FormatName,
    FormatOption,
    LengthOption,
    ModelOption,
    RoundsOption,
    StyleOption,
    audiences_of,
    columns_of,
)
from coarse2fine.commands.otlp import OtlpContentOption, OtlpOption, exporting

if TYPE_CHECKING:
    from coarse2fine import Report, Result
    from coarse2fine.graph import RunTrace

__all__ = ["impress"]

_FAILED = 2


def impress(
    source: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Raw text, CSV, JSON, JSON lines or Parquet; - for standard input.")
    ],
    audience: AudienceOption = None,
    radiologist: DictatesOption = None,
    model: ModelOption = "nano",
    critic: CriticOption = "nano-critic",
    style: StyleOption = None,
    length: LengthOption = None,
    max_rounds: RoundsOption = 3,
    column: ColumnOption = None,
    format: FormatOption = None,
    html: Annotated[
        str | None,
        typer.Option(metavar="OUT", help="Write the run's trace as one HTML file; a folder (OUT/) for many reports."),
    ] = None,
    otlp: OtlpOption = "",
    otlp_content: OtlpContentOption = False,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Write impressions of each report of a file and prove every sentence against its findings.

    Exit code 0: all passed. 5: a text needs a person's review. 2: a report could not be read (the others were done).
    """
    from coarse2fine import build_graph

    reports = _Reports(source, format, columns_of(column), radiologist)
    pages = _Pages(html)
    review = False
    with exporting(otlp, otlp_content) as store:
        graph = build_graph(
            model,
            critic,
            audiences=audiences_of(audience),
            max_rounds=max_rounds,
            style=style,
            words=length,
            trace_store=store,
        )
        for report in pages.checked(reports):
            with errors.status(f"report {report.id}: writing and checking"):
                run = graph.invoke({"report": report})
            review |= run["result"].status != "passed"
            _show(run["result"], as_json)
            pages.write(run["trace"])
    if reports.failed:
        raise typer.Exit(_FAILED)
    if review:
        raise typer.Exit(NEEDS_REVIEW)


class _Reports:
    """The reports of a source that can be read; the others are named on standard error and counted.

    Whose report it is has no use here, and traces keep what they are given: the patient's id is dropped.
    """

    def __init__(
        self,
        source: str,
        format: FormatName | None,
        columns: Mapping[str, str] | None,
        radiologist: str | None,
    ) -> None:
        from coarse2fine.reports import read_reports

        self.failed = 0
        self._radiologist = radiologist
        self._outcomes = read_reports(source, format=format, columns=columns)

    def __iter__(self) -> Iterator[Report]:
        for outcome in self._outcomes:
            if isinstance(outcome, Exception):
                self.failed += 1
                print_error(outcome)
            else:
                radiologist = self._radiologist or outcome.radiologist
                yield outcome.model_copy(update={"patient": None, "radiologist": radiologist})


class _Pages:
    """Where HTML traces go: one file, or a file for each run in a folder."""

    def __init__(self, out: str | None) -> None:
        self._out = Path(out) if out is not None else None
        self._folder = out is not None and (out.endswith("/") or Path(out).is_dir())

    def checked(self, reports: Iterable[Report]) -> Iterable[Report]:
        """The reports, once it is sure that each will find its place.

        Raises:
            InputError: there are several and one file.
        """
        if self._out is None or self._folder:
            return reports
        from coarse2fine.reports import InputError

        known = list(reports)
        if len(known) > 1:
            raise InputError(
                f"--html {self._out}: the input holds {len(known)} reports; name a folder, such as {self._out}/"
            )
        return known

    def write(self, trace: RunTrace) -> None:
        """Write the page of a run, if pages are wanted."""
        if self._out is None:
            return
        from coarse2fine.graph.trace_html import trace_html

        write_file(self._out / f"{trace.id}.html" if self._folder else self._out, trace_html(trace))


def _show(result: Result, as_json: bool) -> None:
    if as_json:
        print_json(result.to_dict())
    else:
        from coarse2fine.commands.render import result_view

        output.print(result_view(result))
        for warning in result.warnings:
            errors.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
