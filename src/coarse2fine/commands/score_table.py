"""Tables of `eval score` and `eval bench-metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from coarse2fine.evals.metrics_bench import Bench
    from coarse2fine.evals.scoring import Against, Figure, ScoreTable

__all__ = ["bench_table", "score_tables"]


def _table(columns: Iterable[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def score_tables(found: ScoreTable, first: str, second: str = "") -> RenderableType:
    """Figures with intervals; with a second system its figures, and differences with p values.

    Kinds of errors that do not occur are left out.
    """
    shown = [f for f in found.figures if not f.column.startswith("errors_") or _occurs(f)]
    head = f"{first}: {found.samples} samples" + (f", against {second}" if second else "")
    notes = [f"{name}: {note}" for name, note in found.notes.items()]
    notes.append(f"intervals: percentile bootstrap over samples, {found.resamples} resamples, seed {found.seed}")
    parts: list[RenderableType] = [Text(head), _values(found, shown, bool(second))]
    if second:
        parts += [Text(), _differences(shown, f"{found.confidence:.0%} interval")]
        notes.append(
            "differences: first less second, with the paired bootstrap; p: approximate randomisation, two-sided"
        )
        notes.append(f"p (Holm): adjusted for {found.tests} scores in which the systems differ")
    return Group(*parts, *(Text(line, style="dim") for line in notes))


def _occurs(figure: Figure) -> bool:
    return bool(figure.value or (figure.against and figure.against.value))


def _values(found: ScoreTable, shown: Sequence[Figure], paired: bool) -> Table:
    interval = f"{found.confidence:.0%} interval"
    table = _table(["score", "value", interval, *(["against", interval] if paired else [])])
    for figure in shown:
        spans: list[Figure | Against] = [figure] if figure.against is None else [figure, figure.against]
        cells = (cell for one in spans for cell in (f"{one.value:.4f}", _span(one.low, one.high)))
        table.add_row(figure.column, *cells)
    for name, values in found.totals.items():
        table.add_row(name, *(cell for value in values for cell in (f"{value:.4f}", "")))
    return table


def _differences(shown: Sequence[Figure], interval: str) -> Table:
    table = _table(["score", "difference", interval, "p", "p (Holm)"])
    for figure in shown:
        if gap := figure.against:
            span = _span(gap.difference_low, gap.difference_high)
            table.add_row(figure.column, f"{gap.difference:+.4f}", span, f"{gap.p:.4f}", f"{gap.p_holm:.4f}")
    return table


def _span(low: float, high: float) -> str:
    return f"{low:.4f} to {high:.4f}"


def bench_table(found: Sequence[Bench]) -> RenderableType:
    """Seconds of each way, and how many times faster all at once is."""
    table = _table(["all at once, against", "texts", "seconds", "against", "times faster", "greatest difference"])
    for row in found:
        seconds = f"{row.seconds:.2f}", f"{row.plain_seconds:.2f}", f"{row.plain_seconds / row.seconds:.1f}"
        way = f"{row.what}, {row.plain}" + (f" ({row.timed} timed)" if row.timed < row.texts else "")
        table.add_row(way, str(row.texts), *seconds, f"{row.difference:.1e}")
    return table
