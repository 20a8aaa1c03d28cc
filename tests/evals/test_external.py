"""The evaluation of the whole graph, with scripted runs."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from coarse2fine.evals.external import Run, evaluate, figures
from coarse2fine.evals.layouts import Case
from coarse2fine.reports import ModelError, Report

NORMAL = Case(Report(findings="The lungs are clear. No effusion. Heart is normal. Ribs.", id="n"), "No acute disease.")
ABNORMAL = Case(Report(findings="Left effusion. No pneumothorax.", id="a"), "Left effusion.")


def run(draft: str, brief: str = "", *, first: str = "", status: str = "passed", rounds: int = 1) -> Run:
    def text(words: str, state: str) -> Any:
        return SimpleNamespace(text=words, status=state, rounds=rounds, stop_reason="passed", reasons=())

    impressions = {"brief": text(brief, "passed")} if brief else {}
    result = SimpleNamespace(draft=text(draft, status), impressions=impressions)
    trace = SimpleNamespace(texts=[SimpleNamespace(rounds=[SimpleNamespace(text=first or draft)])])
    return Run(result, trace)  # type: ignore[arg-type]


def rows_of(answers: dict[str, Run | Exception], cases: list[Case], **settings: Any) -> Any:
    async def write(report: Report) -> Run:
        answer = answers[report.id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asyncio.run(evaluate(cases, write, **settings))


def test_drafts_are_compared_with_the_radiologist() -> None:
    rows = rows_of({"n": run("No acute disease."), "a": run("Right mass.", first="Left effusion.")}, [NORMAL, ABNORMAL])
    found = figures(rows, seconds=1.0, workers=1)
    assert (found.rows, found.abnormal, found.failed) == (2, 1, 0)
    assert found.rouge["all"]["draft"].rougeL == pytest.approx(50)
    assert found.rouge["abnormal"]["draft"].rougeL == 0
    assert found.rouge["abnormal"]["first draft"].rougeL == pytest.approx(100)
    assert found.rouge["abnormal"]["lead, 1 sentence"].rougeL == pytest.approx(100)
    assert found.rouge["abnormal"]["constant string"].rougeL == 0
    assert "unseen" not in found.rouge


def test_passed_texts_are_audited_and_others_are_not() -> None:
    wrong = "Right effusion."
    rows = rows_of(
        {"a": run("Left effusion.", wrong), "n": run("Large effusion.", status="needs_review")}, [ABNORMAL, NORMAL]
    )
    assert [found.kind for found in rows[0].texts["brief"].contradictions] == ["side"]
    assert rows[1].texts["draft"].contradictions == ()
    found = figures(rows, seconds=1.0, workers=1)
    assert found.texts["brief"].contradicted == 1
    assert found.texts["draft"].contradicted == 0
    assert (found.texts["draft"].passed, found.texts["draft"].needs_review) == (0.5, 0.5)
    assert found.texts["brief"].texts == 1


def test_a_failed_run_is_named_and_scores_nothing() -> None:
    rows = rows_of({"a": ModelError("broken"), "n": run("No acute disease.")}, [NORMAL, ABNORMAL])
    assert rows[1].error == "ModelError: broken"
    found = figures(rows, seconds=1.0, workers=1)
    assert found.failed == 1
    assert found.rouge["all"]["draft"].rougeL == pytest.approx(50)


def test_rows_that_were_seen_are_shown_apart() -> None:
    answers: dict[str, Run | Exception] = {"n": run("No acute disease."), "a": run("Right mass.")}
    rows = rows_of(answers, [NORMAL, ABNORMAL], seen=frozenset({NORMAL.report.findings}))
    found = figures(rows, seconds=1.0, workers=1)
    assert found.seen == 1
    assert found.rouge["unseen"]["draft"].rougeL == 0


def test_rows_keep_their_order_and_are_told_as_they_end() -> None:
    told: list[str] = []
    running, most = 0, 0

    async def write(report: Report) -> Run:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02 if report.id == "n" else 0.0)
        running -= 1
        return run("No acute disease.")

    cases = [NORMAL, ABNORMAL, Case(Report(findings="Ribs.", id="z"), "Normal.")]
    rows = asyncio.run(evaluate(cases, write, workers=2, done=lambda row: told.append(row.id)))
    assert [row.id for row in rows] == ["n", "a", "z"]
    assert told == ["a", "z", "n"]
    assert most == 2


def test_seconds_are_summed_up() -> None:
    rows = [
        row.model_copy(update={"seconds": float(n)})
        for n, row in enumerate(rows_of({"n": run("No.")}, [NORMAL]) * 20, 1)
    ]
    found = figures(rows, seconds=9.0, workers=3)
    assert (found.seconds_mean, found.seconds_p95, found.seconds, found.workers) == (10.5, 19.0, 9.0, 3)
