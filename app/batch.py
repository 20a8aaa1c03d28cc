"""Many reports through one graph: read as a stream, several at once, written as they finish."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from coarse2fine.agents.critique import Audience
from coarse2fine.app.batch_file import ResultFile
from coarse2fine.graph import AUDIENCES, HOME_STORE, RunGraph, Settings, build_graph
from coarse2fine.graph.sync import start
from coarse2fine.reports import Coarse2FineError, ModelError, Outcome, Report
from coarse2fine.reports.normalise import fingerprint, normalised

__all__ = ["Counts", "Done", "Engine", "Failed", "Job", "Setup", "attempt", "run_batch", "run_here"]

_HOPELESS = 20
"""So many reports in a row that fail for their model stop a batch: all others would fail as well."""


@dataclass(frozen=True)
class Setup:
    """What each report of a batch is run with; names only, so that it travels to other processes.

    Args:
        model, critic: by name, see `build_graph`.
        audiences, max_rounds, style, words, radiologist: see `Settings`.
        traces: whether each run is recorded on the machine that it runs on.

    Raises:
        InputError: a setting cannot be.
    """

    model: str = "nano"
    critic: str = "nano-critic"
    audiences: Sequence[Audience] = tuple(AUDIENCES)
    max_rounds: int = 3
    style: str | None = None
    words: int | None = None
    radiologist: str | None = None
    traces: bool = True

    def __post_init__(self) -> None:
        Settings(self.audiences, self.max_rounds, self.style, self.words, radiologist=self.radiologist)

    def graph(self) -> RunGraph:
        """The graph of these settings.

        Raises:
            ModelError, MissingExtra: a model cannot be loaded.
        """
        return build_graph(
            self.model,
            self.critic,
            audiences=self.audiences,
            max_rounds=self.max_rounds,
            style=self.style,
            words=self.words,
            trace_store=HOME_STORE if self.traces else None,
        )

    def job(self, report: Report) -> Job:
        """A report as it is run, under an id that is the same each time, and a key of all that its texts depend on.

        Whose report it is has no use here: the patient's id is dropped.
        """
        radiologist = self.radiologist or report.radiologist
        known = normalised(report).id
        report = report.model_copy(update={"id": known, "patient": None, "radiologist": radiologist})
        said = report.model_dump_json(exclude={"impression"})
        asked = [self.model, self.critic, *self.audiences, self.max_rounds, self.style, self.words]
        return Job(report, f"{fingerprint(json.dumps([said, asked])):016x}")


class Job(NamedTuple):
    """A report to be run; `key`: 16 hexadecimal digits."""

    report: Report
    key: str


class Done(NamedTuple):
    """A report that was run: the object of `impress --json`."""

    result: dict[str, Any]
    key: str


class Failed(NamedTuple):
    """A report that could not be read or run.

    Args:
        id: the report's, None where it could not be read.
        error: the kind of error; message: what and where.
        exit_code: of the error, see `Coarse2FineError`.
    """

    id: str | None
    error: str
    message: str
    exit_code: int

    @classmethod
    def of(cls, id: str | None, error: Exception) -> Failed:
        """What became of a report, told by its error."""
        code = error.exit_code if isinstance(error, Coarse2FineError) else Coarse2FineError.exit_code
        return cls(id, type(error).__name__, str(error), code)


Engine = Callable[[Iterable[Job]], Generator[Done | Failed, None, None]]
"""Runs jobs and gives each one's outcome as it is there; takes no more jobs at once than it needs."""


@dataclass
class Counts:
    """What became of the reports of a batch.

    Args:
        rows: records that were read, those that cannot be included; there: of them, results that the file had.
        failures: by the exit code of their errors.
    """

    rows: int = 0
    there: int = 0
    passed: int = 0
    needs_review: int = 0
    failures: Counter[int] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """Reports that could not be read or run."""
        return self.failures.total()

    @property
    def run(self) -> int:
        """Reports that this run did."""
        return self.passed + self.needs_review


def run_batch(
    outcomes: Iterable[Outcome],
    setup: Setup,
    file: ResultFile,
    engine: Engine,
    counts: Counts,
    told: Callable[[Failed | None], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Run each report that the file does not have, and write what comes of it as it finishes.

    A report that cannot be read or run goes into the file of failures, and the others go on. When this is interrupted,
    all that had finished and been handed over is in the file.

    Args:
        outcomes: read as they are needed.
        counts: kept up to date.
        told: called after each record, with its failure where it has one.
        stop: whether to begin no more reports; those that are under way are finished.

    Returns:
        Whether it was stopped before the last record.

    Raises:
        InputError: the file cannot be written.
        ModelError: twenty reports in a row failed for their model.
    """

    hopeless, stopped = 0, False

    def fail(failed: Failed) -> None:
        counts.failures[failed.exit_code] += 1
        file.fail({"id": failed.id, "error": failed.error, "message": failed.message})
        told(failed)

    def jobs() -> Iterator[Job]:
        nonlocal stopped
        for outcome in outcomes:
            if stop():
                stopped = True
                return
            counts.rows += 1
            if isinstance(outcome, Exception):
                fail(Failed.of(None, outcome))
                continue
            job = setup.job(outcome)
            if file.kept.take(int(job.key, 16)):
                counts.there += 1
                told(None)
            else:
                yield job

    with closing(engine(jobs())) as finished:
        for found in finished:
            if isinstance(found, Failed):
                fail(found)
                hopeless = hopeless + 1 if found.exit_code == ModelError.exit_code else 0
                if hopeless == _HOPELESS:
                    raise ModelError(f"{_HOPELESS} reports in a row failed for their model: {found.message}")
                continue
            hopeless = 0
            file.write(found.result, found.key)
            counts.passed += found.result["status"] == "passed"
            counts.needs_review += found.result["status"] != "passed"
            told(None)
    return stopped


def run_here(graph: RunGraph, workers: int) -> Engine:
    """The engine of this process: so many reports at once, whose calls nano answers together."""

    def run(jobs: Iterable[Job]) -> Generator[Done | Failed, None, None]:
        waiting: set[Future[Done | Failed]] = set()
        try:
            for job in jobs:
                waiting.add(start(attempt(graph, job)))
                if len(waiting) == workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in waiting:
                future.cancel()

    return run


async def attempt(graph: RunGraph, job: Job) -> Done | Failed:
    """Run a report; what breaks is told under its id, and costs no other report anything."""
    try:
        found = await graph.ainvoke({"report": job.report})
    except Exception as error:  # noqa: BLE001 - of whatever kind: told by name in the file of failures
        return Failed.of(job.report.id, error)
    return Done(found["result"].to_dict(), job.key)
