"""`coarse2fine eval external`: the whole graph on published reports that no shipped model was trained on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.audit import Contradiction, audit
from coarse2fine.evals.floors import medoid, textrank
from coarse2fine.evals.layouts import Case
from coarse2fine.evals.normal import is_normal
from coarse2fine.evals.rouge import CONSTANT, Rouge, lead, mean_rouge, rouge
from coarse2fine.evals.support import Support, SupportFigures, sum_up
from coarse2fine.reports import Coarse2FineError

if TYPE_CHECKING:
    from coarse2fine.agents.memory import CaseMemory
    from coarse2fine.graph import Result, RunTrace
    from coarse2fine.reports import Report

__all__ = ["FLOORS", "ExternalFigures", "Row", "Run", "TextFigures", "TextRow", "evaluate", "figures", "memory_floors"]

Floor = Callable[[Case], str]

FLOORS: Mapping[str, Floor] = {
    "constant string": lambda _: CONSTANT,
    "lead, 1 sentence": lambda case: lead(case.report.findings, 1),
    "lead, 3 sentences": lambda case: lead(case.report.findings, 3),
    "TextRank, 1 sentence": lambda case: textrank(case.report.findings, 1),
}
"""What needs no model at all, by name."""


class Run(NamedTuple):
    """What the graph hands back for one report."""

    result: Result
    trace: RunTrace


Write = Callable[["Report"], Awaitable[Run]]
JudgeSupport = Callable[["Report", Sequence[str]], Sequence[Support]]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class TextRow(_Frozen):
    """One text of one report. `contradictions` are the auditor's, counted in passed texts only."""

    text: str
    status: str
    rounds: int
    stop_reason: str
    reasons: tuple[str, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()


class Row(_Frozen):
    """One report: what was written and how it compares.

    Args:
        abnormal: whether the reference reports anything (`is_normal`); seen: whether the same findings stand in a file
            that was given as seen.
        texts: "draft" and each audience; empty where the run failed.
        rouge: by system: "draft" (as the loop left it), "first draft" (before the critic spoke) and the floors.
        seconds: wall time of the run, with as many others beside it as there are workers.
        error: why the run failed, else "".
        support: "first draft", "draft" and "radiologist" (the reference) as `judge_support` judges them; empty where
            nobody asked.
    """

    id: str
    reference: str
    abnormal: bool
    seen: bool
    texts: dict[str, TextRow]
    rouge: dict[str, Rouge]
    seconds: float
    error: str = ""
    support: dict[str, Support] = {}


class TextFigures(_Frozen):
    """All texts of one kind.

    Args:
        texts: how many; passed, needs_review, error: shares of them, 0 to 1.
        rounds: mean; stop_reasons: counts.
        contradicted: passed texts in which the auditor found a side, number or polarity that the report contradicts.
    """

    texts: int
    passed: float
    needs_review: float
    error: float
    rounds: float
    stop_reasons: dict[str, int]
    contradicted: int


class ExternalFigures(_Frozen):
    """Figures over all rows.

    Args:
        rows, abnormal, seen, failed: counts.
        rouge: group of rows ("all", "abnormal", "unseen") → system → mean F1 in percent.
        texts: by kind of text.
        seconds_mean, seconds_p95: wall time a report with `workers` reports at once; seconds: of the whole evaluation.
        support: before the critic spoke ("first draft"), as the loop left it ("draft"), and of the radiologists' own
            texts, which are the ceiling.
    """

    rows: int
    abnormal: int
    seen: int
    failed: int
    rouge: dict[str, dict[str, Rouge]]
    texts: dict[str, TextFigures]
    seconds_mean: float
    seconds_p95: float
    seconds: float
    workers: int
    support: dict[str, SupportFigures] = {}


async def evaluate(
    cases: Sequence[Case],
    write: Write,
    *,
    workers: int = 1,
    seen: frozenset[str] = frozenset(),
    done: Callable[[Row], None] | None = None,
    floors: Mapping[str, Floor] = FLOORS,
    judge: JudgeSupport | None = None,
) -> list[Row]:
    """Write impressions of all cases and score them, in the order of `cases`.

    The first is written once beforehand, unscored, so that loading the models does not count as a report's time.

    Args:
        write: runs the graph on one report.
        workers: reports at once.
        seen: findings that count as seen before.
        done: told of each row as it is finished.
        floors: what else is scored beside the drafts, by name.
        judge: judges what the findings support of the first draft, the draft and the reference.
    """
    slots = asyncio.Semaphore(workers)
    await _row(cases[0], write, seen, floors, judge)

    async def one(case: Case) -> Row:
        async with slots:
            row = await _row(case, write, seen, floors, judge)
        if done is not None:
            done(row)
        return row

    return list(await asyncio.gather(*(one(case) for case in cases)))


async def _row(
    case: Case, write: Write, seen: frozenset[str], floors: Mapping[str, Floor], judge: JudgeSupport | None
) -> Row:
    started = time.perf_counter()
    texts: dict[str, TextRow] = {}
    first = error = ""
    try:
        run = await write(case.report)
        texts = dict(_texts(case.report, run.result))
        first = run.trace.texts[0].rounds[0].text
    except Coarse2FineError as problem:
        error = f"{type(problem).__name__}: {problem}"
    seconds = time.perf_counter() - started
    scores = {name: rouge(case.reference, floor(case)) for name, floor in floors.items()}
    scores["draft"] = rouge(case.reference, texts["draft"].text if texts else "")
    scores["first draft"] = rouge(case.reference, first)
    judged = {"first draft": first, "draft": texts["draft"].text if texts else "", "radiologist": case.reference}
    return Row(
        id=case.report.id,
        reference=case.reference,
        abnormal=not is_normal(case.reference),
        seen=case.report.findings.strip() in seen,
        texts=texts,
        rouge=scores,
        seconds=round(seconds, 4),
        error=error,
        support={} if judge is None else dict(zip(judged, judge(case.report, list(judged.values())), strict=True)),
    )


def _texts(report: Report, result: Result) -> Iterator[tuple[str, TextRow]]:
    for name, text in (("draft", result.draft), *result.impressions.items()):
        yield (
            name,
            TextRow(
                text=text.text,
                status=text.status,
                rounds=text.rounds,
                stop_reason=text.stop_reason,
                reasons=tuple(text.reasons),
                contradictions=tuple(audit(report, text.text)) if text.status == "passed" else (),
            ),
        )


def memory_floors(memory: CaseMemory, radiologist: str, cases: int) -> Mapping[str, Floor]:
    """What a radiologist's nearest cases give without any model: the nearest one's impression, and the medoid of all.

    The medoid is the impression that is most like the others (ROUGE-L), of equals the nearest one's.
    """

    def impressions(case: Case) -> list[str]:
        return [near.impression for near in memory.nearest(case.report, radiologist, cases)]

    return {
        **FLOORS,
        "nearest case": lambda case: next(iter(impressions(case)), ""),
        f"medoid of {cases} cases": lambda case: medoid(impressions(case)),
    }


def figures(rows: Sequence[Row], *, seconds: float, workers: int) -> ExternalFigures:
    """Sum up. Rows whose run failed count as empty drafts: an evaluation cannot gain by failing."""
    groups = {
        "all": rows,
        "abnormal": [row for row in rows if row.abnormal],
        "unseen": [row for row in rows if not row.seen] if any(row.seen for row in rows) else [],
    }
    times = sorted(row.seconds for row in rows)
    return ExternalFigures(
        rows=len(rows),
        abnormal=len(groups["abnormal"]),
        seen=sum(row.seen for row in rows),
        failed=sum(bool(row.error) for row in rows),
        rouge={name: _mean(group) for name, group in groups.items() if group},
        texts={name: _text_figures(rows, name) for name in dict.fromkeys(n for row in rows for n in row.texts)},
        seconds_mean=sum(times) / len(times),
        seconds_p95=times[max(0, -(-95 * len(times) // 100) - 1)],
        seconds=seconds,
        workers=workers,
        support={
            name: sum_up(row.support[name] for row in rows if name in row.support)
            for name in dict.fromkeys(name for row in rows for name in row.support)
        },
    )


def _mean(rows: Sequence[Row]) -> dict[str, Rouge]:
    names = dict.fromkeys(["draft", "first draft", *(name for row in rows for name in row.rouge)])
    means = {name: mean_rouge(row.rouge[name] for row in rows) for name in names}
    return {name: mean for name, mean in means.items() if mean is not None}


def _text_figures(rows: Sequence[Row], name: str) -> TextFigures:
    texts = [row.texts[name] for row in rows if name in row.texts]
    statuses = Counter(text.status for text in texts)
    return TextFigures(
        texts=len(texts),
        passed=statuses["passed"] / len(texts),
        needs_review=statuses["needs_review"] / len(texts),
        error=statuses["error"] / len(texts),
        rounds=sum(text.rounds for text in texts) / len(texts),
        stop_reasons=dict(Counter(text.stop_reason for text in texts).most_common()),
        contradicted=sum(bool(text.contradictions) for text in texts),
    )
