"""What the sections of the board work on: reports, systems, rows that are kept, and figures by groups of reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coarse2fine.agents.memory import CaseMemory
from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.evals.cache import RowCache, code_hash, digest, file_hash, model_hash
from coarse2fine.evals.layouts import Case, read_cases
from coarse2fine.evals.metrics import Metric, load_metric
from coarse2fine.evals.normal import is_normal
from coarse2fine.evals.statistics import Interval, intervals, mean_of
from coarse2fine.evals.systems import Remembers, System, Written, kept_row, write_all
from coarse2fine.graph import AUDIENCES
from coarse2fine.prompts import prompt_set
from coarse2fine.reports import InputError
from coarse2fine.serving import LoadedModel, NLIModel

__all__ = ["CASES", "Board", "Group"]

CASES = 8
"""Past reports that the drafter is shown."""
_PAST = "train"
Marks = NDArray[np.bool_]
Group = Mapping[str, Marks]


@dataclass(frozen=True)
class Board:
    """The data, the models and the folder for rows.

    Args:
        layout: of the files; folder: holds `train.jsonl` and the part that is measured on, `PART.jsonl`.
        name: what the model was asked for by.
        claims: critic benchmarks.
        limit: only so many reports, and so many claims of either label.
        rows: where rows and finished sections are kept.
        done: told how many more reports are done.
    """

    layout: str
    folder: Path
    name: str
    loaded: LoadedModel
    critic: NLIModel
    rows: Path
    claims: Sequence[Path] = ()
    part: str = "validate"
    limit: int | None = None
    workers: int = 1
    resamples: int = 10_000
    done: Callable[[int], None] = lambda _: None

    @cached_property
    def cases(self) -> Sequence[Case]:
        """The reports that are measured on."""
        return read_cases(self.layout, self._file(self.part), self.limit)

    @cached_property
    def past(self) -> Sequence[Case]:
        """The training reports; their ids are none of the others'."""
        found = read_cases(self.layout, self._file(_PAST))
        return [
            case._replace(report=case.report.model_copy(update={"id": f"{_PAST}-{case.report.id}"})) for case in found
        ]

    @cached_property
    def groups(self) -> Group:
        """All reports, those whose findings do not stand in the training reports, and the abnormal ones."""
        known = {case.report.findings.strip() for case in self.past}
        unseen = np.array([case.report.findings.strip() not in known for case in self.cases])
        abnormal = np.array([not is_normal(case.reference) for case in self.cases])
        every = {"all": np.ones(len(self.cases), bool), "unseen": unseen, "abnormal": abnormal}
        return {name: marks for name, marks in every.items() if marks.any()}

    @property
    def pinned(self) -> Mapping[str, str]:
        """Everything that figures depend on, by hash."""
        return {
            f"{self.part}.jsonl": file_hash(self._file(self.part)),
            f"{_PAST}.jsonl": file_hash(self._file(_PAST)),
            f"model {self.name}": model_hash(self.name, self.loaded.chat),
            f"critic {self.critic.name}": model_hash(self.critic.name, self.critic),
            "code, prompts, lexicons": code_hash("evals"),
            **{f"claims {file.name}": file_hash(file) for file in self.claims},
        }

    @property
    def key(self) -> str:
        """A hash of all that, and of the settings."""
        return digest(dict(self.pinned), self.layout, self.limit, self.resamples, self.workers)

    def metrics(self, *names: str) -> list[Metric]:
        """Metrics by name, those on facts with the board's critic."""
        judged: dict[str, Any] = {"critic": self.critic}
        return [load_metric(n, **(judged if n in ("fc", "support", "coverage", "errors") else {})) for n in names]

    @property
    def kept(self) -> RowCache[Written]:
        """The rows that are kept."""
        return RowCache(self.rows / "rows.jsonl", Written)

    @property
    def system(self) -> System:
        """The model with the loop, for the draft alone."""
        return System(self.name, self.loaded, prompt_set(self.loaded.prompts), critic=self.critic)

    async def full(self) -> list[Written]:
        """The whole graph on every report: draft and audiences. The models are warm before the first."""
        return await self._written(
            System(self.name, self.loaded, prompt_set(self.loaded.prompts), self.critic, tuple(AUDIENCES))
        )

    async def remembering(self) -> list[Written]:
        """The draft with the training reports as the radiologist's memory."""
        sha256 = file_hash(self._file(_PAST))
        memory = CaseMemory(SqliteStore(self.rows / f"memory-{sha256[:12]}.sqlite"))
        past = [case.report.model_copy(update={"impression": case.reference}) for case in self.past]
        memory.add(past, _PAST)
        remembers = Remembers(memory, _PAST, CASES, sha256)
        prompts = prompt_set(self.loaded.prompts)
        return await self._written(System(self.name, self.loaded, prompts, self.critic, remembers=remembers))

    async def _written(self, system: System) -> list[Written]:
        reports, kept = [case.report for case in self.cases], self.kept
        if any(kept_row(system, kept, report) is None for report in reports):
            await system.write(reports[0])
        return await write_all(system, reports, kept, workers=self.workers, done=self.done)

    def by_group(self, values: NDArray[np.float64]) -> dict[str, Interval]:
        """Mean and interval of one score a report, (reports,), group by group."""
        return {
            name: intervals([mean_of(values[marks])], resamples=self.resamples)[0]
            for name, marks in self.groups.items()
        }

    def _file(self, name: str) -> Path:
        file = self.folder / f"{name}.jsonl"
        if not file.is_file():
            raise InputError(f"{self.folder} has no {file.name}; the board needs {_PAST}.jsonl and {self.part}.jsonl")
        return file
