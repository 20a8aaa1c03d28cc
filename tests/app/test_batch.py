"""Many reports through one graph: each ends in one of two files, several run at once, and a second run goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.agents import Critic
from coarse2fine.app.batch import Counts, Setup, run_batch, run_here
from coarse2fine.app.batch_file import ResultFile
from coarse2fine.graph import Result, build_graph
from coarse2fine.reports import InputError, ModelError, Outcome, Report, ReportError, read_reports
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

FINDINGS = "Small left pleural effusion. No pneumothorax."
Batch = Callable[..., Counts]


class Slow:
    """A graph that takes its time; knows how many reports it had at once. `bad` ids break."""

    def __init__(self, pattern: Result, bad: dict[str, Exception] | None = None) -> None:
        self.pattern, self.bad = pattern, bad or {}
        self.seen: list[str] = []
        self.now = self.most = 0

    async def ainvoke(self, state: dict[str, Report]) -> dict[str, Result]:
        report = state["report"]
        self.seen.append(report.id)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.02 if report.id == "0" else 0.002)
        self.now -= 1
        if report.id in self.bad:
            raise self.bad[report.id]
        return {"result": self.pattern.model_copy(update={"id": report.id})}


@pytest.fixture(scope="module")
def pattern() -> Result:
    chat = ScriptedChatModel(replies=["Small left pleural effusion."])
    graph = build_graph(chat, Critic(ScriptedNLI(0.0)), audiences=["brief"], trace_store=None, memory=None)
    result: Result = graph.invoke({"report": Report(findings=FINDINGS)})["result"]
    return result


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def batch(out: Path) -> Batch:
    def run(graph: Any, outcomes: Iterable[Outcome], setup: Setup = Setup(), workers: int = 3) -> Counts:  # noqa: B008
        counts = Counts()
        with ResultFile(out) as file:
            run_batch(outcomes, setup, file, run_here(graph, workers), counts)
        return counts

    return run


def reports(count: int) -> list[Report]:
    return [Report(id=str(number), findings=FINDINGS) for number in range(count)]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_each_report_has_a_line_as_it_finishes(batch: Batch, out: Path, pattern: Result) -> None:
    graph = Slow(pattern)
    counts = batch(graph, reports(10))
    assert (counts.rows, counts.passed, counts.failed, graph.most) == (10, 10, 0, 3)
    found = rows(out)
    assert sorted(row["id"] for row in found) == sorted(map(str, range(10)))
    assert found[0]["id"] != "0", "the slow one does not hold the others up"
    key = found[0].pop("key")
    assert len(key) == 16
    assert Result.model_validate(found[0]) == pattern.model_copy(update={"id": found[0]["id"]})


def test_one_worker_keeps_the_order(batch: Batch, out: Path, pattern: Result) -> None:
    batch(Slow(pattern), reports(4), workers=1)
    assert [row["id"] for row in rows(out)] == ["0", "1", "2", "3"]


def test_what_fails_is_told_and_tried_again(batch: Batch, out: Path, pattern: Result) -> None:
    unread = ReportError("is empty", source="a.csv", row=2, field="findings")
    bad = {"1": ModelError("the server left"), "2": KeyError("a bug")}
    counts = batch(Slow(pattern, bad), [unread, *reports(4)])
    assert (counts.rows, counts.passed, dict(counts.failures)) == (5, 2, {2: 1, 3: 1, 1: 1})
    failed = {row["error"]: (row["id"], row["message"]) for row in rows(out.with_name("out.failed.jsonl"))}
    assert failed == {
        "ReportError": (None, "a.csv, row 2, field 'findings': is empty"),
        "ModelError": ("1", "the server left"),
        "KeyError": ("2", "'a bug'"),
    }
    graph = Slow(pattern)
    assert batch(graph, reports(4)).there == 2
    assert sorted(graph.seen) == ["1", "2"]
    assert not out.with_name("out.failed.jsonl").exists()


def test_a_second_run_goes_on_where_the_first_was_stopped(batch: Batch, out: Path, pattern: Result) -> None:
    def stopped() -> Iterator[Report]:
        yield from reports(7)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch(Slow(pattern), stopped())
    first = [row["id"] for row in rows(out)]
    assert 7 - 3 <= len(first) < 10
    out.write_bytes(out.read_bytes()[:-30])  # and it was killed while it wrote
    graph = Slow(pattern)
    counts = batch(graph, reports(10))
    assert (counts.rows, counts.there) == (10, len(first) - 1)
    assert sorted(row["id"] for row in rows(out)) == sorted(map(str, range(10)))
    assert batch(Slow(pattern), reports(10)).there == 10


def test_a_report_runs_again_where_it_or_a_setting_changed(batch: Batch, pattern: Result) -> None:
    (report,) = reports(1)
    batch(Slow(pattern), [report])
    others = [
        (report, Setup(model="hf:x")),
        (report, Setup(critic="hf:y")),
        (report, Setup(audiences=["brief"])),
        (report, Setup(max_rounds=2)),
        (report, Setup(style="terse")),
        (report, Setup(words=30)),
        (report, Setup(radiologist="r2")),
        (report.model_copy(update={"id": "other"}), Setup()),
        (report.model_copy(update={"findings": "No effusion."}), Setup()),
        (report.model_copy(update={"exam": "CT"}), Setup()),
    ]
    assert [batch(Slow(pattern), [one], setup).there for one, setup in others] == [0] * len(others)
    same = report.model_copy(update={"impression": "The radiologist's own.", "patient": "p"})
    assert batch(Slow(pattern), [same], Setup(traces=False)).there == 1, "no model sees these"


def test_a_row_that_stands_there_twice_is_run_twice(batch: Batch, out: Path, pattern: Result) -> None:
    twice = reports(1) * 2
    assert batch(Slow(pattern), twice[:1]).passed == 1
    counts = batch(Slow(pattern), twice)
    assert (counts.there, counts.passed, len(rows(out))) == (1, 1, 2)


def test_reports_without_an_id_are_known_again(batch: Batch, pattern: Result) -> None:
    def unnamed() -> Iterator[Outcome]:
        return read_reports("-", text='{"findings": "No effusion."}\n{"findings": "Clear."}\n', format="jsonl")

    assert batch(Slow(pattern), unnamed()).passed == 2
    assert batch(Slow(pattern), unnamed()).there == 2


def test_a_stream_is_read_no_further_than_it_is_run(batch: Batch, out: Path, pattern: Result) -> None:
    """A million rows cannot be in memory: when one is read, all but the workers' are in the file."""
    ahead: list[int] = []

    def stream() -> Iterator[Report]:
        for number, report in enumerate(reports(40)):
            ahead.append(number - len(out.read_bytes().splitlines()))
            yield report

    batch(Slow(pattern), stream())
    assert len(ahead) == 40
    assert max(ahead) <= 3


def test_whose_report_it_is_stays_out(pattern: Result) -> None:
    job = Setup(radiologist="r1").job(Report(findings=FINDINGS, patient="p", radiologist="r9"))
    assert (job.report.patient, job.report.radiologist) == (None, "r1")
    assert Setup().job(Report(findings=FINDINGS, radiologist="r9")).report.radiologist == "r9"


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="no audience"):
        Setup(audiences=["poets"])  # type: ignore[list-item]
