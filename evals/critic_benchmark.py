"""`coarse2fine eval critic`: how well the critic tells supported from unsupported claims, by kind of claim."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from coarse2fine.reports import InputError, Report, ReportError

if TYPE_CHECKING:
    from coarse2fine.agents import Critic

__all__ = [
    "BenchmarkFigures",
    "ClaimRow",
    "Judged",
    "KindFigures",
    "figures",
    "judge",
    "read_claims",
    "worst",
    "write_claims",
]


class ClaimRow(BaseModel):
    """One row of a benchmark: whether `findings` (of an `exam`, where told) support `claim`, and its kind."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    findings: str
    claim: str
    supported: bool
    kind: str
    exam: str = ""


class Judged(NamedTuple):
    """A row, whether the critic accepted it, which layer decided, and its reasons."""

    row: ClaimRow
    accepted: bool
    layer: str
    score: float | None
    reasons: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether the critic agrees with the row."""
        return self.accepted == self.row.supported


class KindFigures(NamedTuple):
    """One kind: its rows and the share judged right (accepted where supported, caught where not)."""

    rows: int
    supported: bool
    right: float


class BenchmarkFigures(BaseModel):
    """Figures of one benchmark, shares from 0 to 1.

    Args:
        balanced_accuracy: mean of `accepted` (share of supported claims that pass) and `caught` (share of unsupported
            claims that fail).
        by_kind: kind → figures; a kind with rows of both sorts stands in it twice, as "kind" and "kind (unsupported)".
        layers: claims by the layer that decided.
        overlap_oracle: balanced accuracy of word overlap with the threshold that is best on this very set: a floor.
        overlap_threshold: that threshold.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    balanced_accuracy: float
    accepted: float
    caught: float
    by_kind: dict[str, KindFigures]
    layers: dict[str, int]
    overlap_oracle: float
    overlap_threshold: float


def read_claims(file: Path | str) -> list[ClaimRow]:
    """The rows of a JSON lines file.

    Raises:
        InputError: the file cannot be read, or holds no row.
        ReportError: a row is not of the form {"findings", "claim", "supported", "kind"}.
    """
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    rows = [_read_row(line, str(file), number) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise InputError(f"{file}: holds no claim")
    return rows


def _read_row(line: str, source: str, number: int) -> ClaimRow:
    try:
        return ClaimRow.model_validate_json(line)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise ReportError(detail["msg"], source=source, row=number, field=".".join(map(str, detail["loc"]))) from None


def write_claims(rows: Iterable[ClaimRow]) -> str:
    """JSON lines of rows."""
    return "".join(json.dumps(row.model_dump(), ensure_ascii=False) + "\n" for row in rows)


def judge(rows: Sequence[ClaimRow], critic: Critic, done: Callable[[int], None] | None = None) -> list[Judged]:
    """Ask the critic about each claim, as the only sentence of a draft; coverage plays no part.

    Args:
        done: told how many more rows are judged, chunk by chunk.
    """
    from coarse2fine.agents import CritiqueJob

    judged: list[Judged] = []
    for chunk in _chunks(rows, 64):
        jobs = [CritiqueJob(Report(findings=row.findings, exam=row.exam), row.claim) for row in chunk]
        for row, critique in zip(chunk, critic.critique_many(jobs), strict=True):
            verdicts = critique.verdicts
            layer = verdicts[0].layer if verdicts else "none"
            score = verdicts[0].score if verdicts else None
            reasons = tuple(reason for verdict in verdicts for reason in verdict.reasons)
            judged.append(Judged(row, bool(verdicts) and not critique.faults, layer, score, reasons))
        if done is not None:
            done(len(chunk))
    return judged


def _chunks(rows: Sequence[ClaimRow], size: int) -> Iterator[Sequence[ClaimRow]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def figures(judged: Sequence[Judged]) -> BenchmarkFigures:
    """Sum up.

    Raises:
        InputError: all rows are supported, or none is: balanced accuracy has no meaning.
    """
    rows = [j.row for j in judged]
    if len({row.supported for row in rows}) < 2:
        raise InputError("the set needs both supported and unsupported claims")
    accepted = _share(j.right for j in judged if j.row.supported)
    caught = _share(j.right for j in judged if not j.row.supported)
    threshold, oracle = _best_overlap(rows)
    return BenchmarkFigures(
        rows=len(rows),
        balanced_accuracy=(accepted + caught) / 2,
        accepted=accepted,
        caught=caught,
        by_kind=_by_kind(judged),
        layers={layer: sum(j.layer == layer for j in judged) for layer in sorted({j.layer for j in judged})},
        overlap_oracle=oracle,
        overlap_threshold=threshold,
    )


def worst(judged: Sequence[Judged], number: int) -> list[Judged]:
    """The mistakes that matter most: kinds in turn, unsupported claims that passed before others, surest first."""
    mistakes = sorted((j for j in judged if not j.right), key=lambda j: (j.row.supported, -abs((j.score or 1.0) - 0.5)))
    turns: dict[str, int] = {}
    ranked = []
    for mistake in mistakes:
        turns[mistake.row.kind] = turns.get(mistake.row.kind, 0) + 1
        ranked.append((turns[mistake.row.kind], mistake))
    return [mistake for _, mistake in sorted(ranked, key=lambda pair: pair[0])][:number]


def _by_kind(judged: Sequence[Judged]) -> dict[str, KindFigures]:
    def key(j: Judged) -> tuple[bool, str]:
        return not j.row.supported, j.row.kind

    found: dict[str, KindFigures] = {}
    for (refuted, kind), group in groupby(sorted(judged, key=key), key):
        members = list(group)
        name = f"{kind} (unsupported)" if kind in found else kind
        found[name] = KindFigures(len(members), not refuted, _share(j.right for j in members))
    return found


def _share(values: Iterable[bool]) -> float:
    counted = list(values)
    return sum(counted) / len(counted)


# ------------------------------------------------------------------------------------------------------------ floor
def overlap(row: ClaimRow) -> float:
    """Share of the claim's different words that stand in the findings."""
    claim, findings = (set(re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.lower())) for text in (row.claim, row.findings))
    return len(claim & findings) / len(claim) if claim else 0.0


def _best_overlap(rows: Sequence[ClaimRow]) -> tuple[float, float]:
    """The threshold that is best on these rows, and its balanced accuracy: an oracle that no real system could be."""
    scored = [(overlap(row), row.supported) for row in rows]
    best = (1.1, 0.5)
    for threshold in sorted({score for score, _ in scored}):
        accepted = _share(score >= threshold for score, supported in scored if supported)
        caught = _share(score < threshold for score, supported in scored if not supported)
        best = max(best, (threshold, (accepted + caught) / 2), key=lambda pair: pair[1])
    return best
