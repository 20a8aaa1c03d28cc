"""What is lost away from home: one system on the reports it was made for and on reports of another place.

The home set's rows are those that `eval external --out` wrote. The sets hold other reports, so that each is resampled
by itself; and one may be harder than the other, so that floors, which learn nothing, stand beside the drafts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from coarse2fine.evals.external import Row
from coarse2fine.evals.statistics import RESAMPLES, SEED, Interval, Statistic, apart, intervals, mean_of
from coarse2fine.reports import InputError, ReportError

__all__ = ["Drop", "drops", "read_rows"]


class Drop(BaseModel):
    """One figure at home and away.

    Args:
        group: "all" or "abnormal" rows.
        system: "draft" (as the loop left it), "first draft" or a floor.
        score: "rouge1", "rouge2", "rougeL" (F1 in percent) or "passed" (percent of drafts).
        home_rows, away_rows: how many rows of that group there are.
        home, away: the means with their intervals; drop: home less away.
        lost: the drop as a share of the figure at home; None where that is 0.
    """

    model_config = ConfigDict(frozen=True)

    group: str
    system: str
    score: str
    home_rows: int
    away_rows: int
    home: Interval
    away: Interval
    drop: Interval
    lost: float | None


def drops(
    home: Sequence[Row], away: Sequence[Row], *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[Drop, ...]:
    """Every figure that both sets have, with percentile bootstrap intervals (95 %) over reports."""
    return tuple(
        drop
        for group in ("all", "abnormal")
        for drop in _of_group(group, _group(home, group), _group(away, group), resamples, seed)
    )


def _group(rows: Sequence[Row], group: str) -> Sequence[Row]:
    return [row for row in rows if row.abnormal] if group == "abnormal" else rows


def _of_group(group: str, home: Sequence[Row], away: Sequence[Row], resamples: int, seed: int) -> Iterator[Drop]:
    if not (home and away):
        return
    mine, theirs = _figures(home), _figures(away)
    shared = [name for name in mine if name in theirs]
    first, second = [mine[name] for name in shared], [theirs[name] for name in shared]
    found = zip(
        shared,
        intervals(first, resamples=resamples, seed=seed),
        intervals(second, resamples=resamples, seed=seed + 1),
        apart(first, second, resamples=resamples, seed=seed),
        strict=True,
    )
    for (system, score), here, there, gap in found:
        yield Drop(
            group=group,
            system=system,
            score=score,
            home_rows=len(home),
            away_rows=len(away),
            home=here,
            away=there,
            drop=gap,
            lost=gap.value / here.value if here.value else None,
        )


def _figures(rows: Sequence[Row]) -> dict[tuple[str, str], Statistic]:
    """System and score → mean; only systems that have a score in every row."""
    systems = [name for name in rows[0].rouge if all(name in row.rouge for row in rows)]
    found = {
        (system, score): mean_of([getattr(row.rouge[system], score) for row in rows])
        for system in sorted(systems, key=lambda name: name not in ("draft", "first draft"))
        for score in ("rouge1", "rouge2", "rougeL")
    }
    passed = [100.0 * (bool(row.texts) and row.texts["draft"].status == "passed") for row in rows]
    return {**found, ("draft", "passed"): mean_of(passed)}


def read_rows(file: Path) -> list[tuple[int, Row]]:
    """Rows that `eval external --out` wrote, with the numbers of their lines.

    Raises:
        InputError: the file cannot be read, or holds no row.
        ReportError: a line is no such row.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    rows = [(number, _row(line, file, number)) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise InputError(f"{file}: holds no row of eval external --out")
    return rows


def _row(line: str, file: Path, number: int) -> Row:
    try:
        return Row.model_validate_json(line)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = ".".join(map(str, detail["loc"]))
        raise ReportError(detail["msg"], source=str(file), row=number, field=where) from None
