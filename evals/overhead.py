"""`make bench`: warm seconds a report, and how much the graph adds to the time inside model calls."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from coarse2fine.graph import RunGraph, build_graph
from coarse2fine.reports import Report, ReportError, read_reports

__all__ = ["Overhead", "measure"]


class Overhead(NamedTuple):
    """Means over warm runs: wall seconds and seconds in which a model call was under way; the median of their ratio."""

    wall: float
    models: float
    ratio: float


def measure(graph: RunGraph, reports: list[Report], repeats: int = 10) -> Overhead:
    """Run each report `repeats` times after one run that loads the models."""
    graph.invoke({"report": reports[0]})
    traces = [graph.invoke({"report": report})["trace"] for _ in range(repeats) for report in reports]
    return Overhead(
        wall=statistics.mean(trace.wall_seconds for trace in traces),
        models=statistics.mean(trace.model_seconds for trace in traces),
        ratio=statistics.median(trace.wall_seconds / trace.model_seconds for trace in traces),
    )


def main(file: str) -> None:
    """Print the figures of a file's reports with the shipped models."""
    reports: list[Report] = []
    for outcome in read_reports(Path(file)):
        if isinstance(outcome, ReportError):
            raise outcome
        reports.append(outcome)
    found = measure(build_graph(trace_store=None), reports)
    sys.stdout.write(
        f"{file}: {found.wall:.3f} s a report (draft and three audiences), {found.models:.3f} s inside model calls, "
        f"wall to model time {found.ratio:.3f}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1])
