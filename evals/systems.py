"""A system writes texts: a model, a prompt set, and the critic's loop or the first draft alone. Its rows are kept.

The rungs of the paper's prompt ladder (Figure 3) are prompt sets of the draft; nano knows its own set only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ConfigDict

from coarse2fine.agents.critique import Audience
from coarse2fine.agents.drafter import Drafter
from coarse2fine.evals.cache import RowCache, code_hash, digest, model_hash
from coarse2fine.graph import build_graph
from coarse2fine.prompts import PromptSet, prompt_set
from coarse2fine.reports import Coarse2FineError, InputError, ModelError, Report, UnparsableReply
from coarse2fine.serving import LoadedModel, NLIModel

if TYPE_CHECKING:
    from coarse2fine.agents.memory import CaseMemory
    from coarse2fine.graph import Result, RunGraph, RunTrace

__all__ = [
    "RUNGS", "Remembers", "Rung", "System", "Written", "WrittenText", "check_rungs", "kept_row", "prompts_for",
    "write_all",
]  # fmt: skip

Rung = Literal["base", "prime", "expert", "plain", "draft"]
RUNGS: Sequence[Rung] = get_args(Rung)
"""The paper's ladder, and "draft": the set's own prompt with role, task, rules and three examples."""

_PATIENCE = 3
"""So many reports in a row may break a model before it counts as broken."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class WrittenText(_Frozen):
    """One text as its loop left it."""

    text: str
    status: str
    rounds: int
    stop_reason: str


class Written(_Frozen):
    """What a system wrote of one report.

    Args:
        first: the first draft, before any critic spoke; first_seconds: in the drafter's calls for it.
        texts: "draft" and audiences as the loop left them; empty where no loop ran.
        seconds: of the whole run.
        error: why nothing was written, else "".
    """

    id: str
    first: str = ""
    first_seconds: float = 0.0
    texts: Mapping[str, WrittenText] = {}
    seconds: float = 0.0
    error: str = ""

    def text(self, loop: bool) -> str:
        """The draft as the loop left it, or the first one; "" where the run failed."""
        return self.texts["draft"].text if loop and "draft" in self.texts else "" if loop else self.first


@dataclass(frozen=True)
class Remembers:
    """Whose past reports the drafter is shown, and a hash of them."""

    memory: CaseMemory
    radiologist: str
    cases: int
    sha256: str


@dataclass(frozen=True)
class System:
    """A model spoken to with a prompt set.

    Args:
        name: what the model was asked for by.
        loaded: the model.
        prompts: its prompts.
        critic: of the loop; None: the first draft alone, with no critic.
        audiences, max_rounds: as in the graph's `Settings`.
        remembers: a radiologist's memory; None: none.
    """

    name: str
    loaded: LoadedModel
    prompts: PromptSet
    critic: NLIModel | None = None
    audiences: Sequence[Audience] = ()
    max_rounds: int = 3
    remembers: Remembers | None = None

    @property
    def texts(self) -> frozenset[str]:
        """The names of the texts that a row must hold."""
        return frozenset({"draft", *self.audiences}) if self.critic else frozenset()

    @cached_property
    def _made_of(self) -> str:
        by = "" if self.critic is None else model_hash(self.critic.name, self.critic)
        past = "" if self.remembers is None else digest(self.remembers.sha256, self.remembers.cases)
        sources = dict(sorted(self.prompts.sources.items()))
        settings = self.prompts.settings.model_dump()
        model = model_hash(self.name, self.loaded.chat)
        return digest(code_hash(), model, self.prompts.name, sources, settings, by, self.max_rounds, past)

    def key(self, report: Report) -> str:
        """The key of a report's row: model, prompts, critic, memory, code and the report, but not its id."""
        apart = {"impression", "radiologist"} | (set() if self.remembers else {"id"})
        return digest(self._made_of, report.model_dump(exclude=apart))

    async def write(self, report: Report) -> Written:
        """Write of one report.

        Raises:
            Coarse2FineError: the model failed.
        """
        if self.critic is None:
            made = await self._drafter.draft(report)
            spent = sum(call.milliseconds for call in made.calls) / 1000
            return Written(id=report.id, first=made.text, first_seconds=spent, seconds=spent)
        done = await self._graph.ainvoke({"report": report})
        return _written(done["result"], done["trace"])

    @cached_property
    def _drafter(self) -> Drafter:
        return Drafter(self.loaded, self.prompts)

    @cached_property
    def _graph(self) -> RunGraph:
        past = self.remembers
        return build_graph(
            self.loaded.chat,
            self.critic or "nano-critic",
            self.prompts,
            audiences=self.audiences,
            max_rounds=self.max_rounds,
            trace_store=None,
            memory=past.memory if past else None,
            radiologist=past.radiologist if past else None,
            cases=past.cases if past else 0,
        )


def _written(result: Result, trace: RunTrace) -> Written:
    drafting = [call for call in trace.texts[0].calls if call.task == "draft"]
    made = {"draft": result.draft, **result.impressions}
    return Written(
        id=result.id,
        first=trace.texts[0].rounds[0].text,
        first_seconds=sum(call.milliseconds for call in drafting) / 1000,
        texts={
            name: WrittenText(text=t.text, status=t.status, rounds=t.rounds, stop_reason=t.stop_reason)
            for name, t in made.items()
        },
        seconds=result.seconds,
    )


def prompts_for(loaded: LoadedModel, rungs: Sequence[str]) -> list[PromptSet]:
    """The prompt sets of these rungs: of the default set for instruct models; any other model knows its own set only.

    Raises:
        InputError: there is no such rung.
    """
    check_rungs(rungs)
    if loaded.prompts != "default":
        return [prompt_set(loaded.prompts)]
    return [prompt_set("default" if rung == "draft" else f"default/{rung}") for rung in dict.fromkeys(rungs)]


def check_rungs(rungs: Sequence[str]) -> None:
    """See to it that all rungs are known.

    Raises:
        InputError: one is not, or there is none.
    """
    unknown = [rung for rung in rungs if rung not in RUNGS]
    if unknown or not rungs:
        raise InputError(f"there is no prompt {', '.join(unknown)!r}; there are {', '.join(RUNGS)}")


async def write_all(
    system: System,
    reports: Sequence[Report],
    kept: RowCache[Written] | None = None,
    *,
    workers: int = 1,
    done: Callable[[int], None] = lambda _: None,
) -> list[Written]:
    """Write of all reports, in their order; what is kept already is not written again.

    A report that fails has a row with its error, which is not kept. A model that fails on the first report, or on
    three in a row, is broken.

    Args:
        workers: reports at once.
        done: told how many more are done.

    Raises:
        Coarse2FineError: the model is broken; what it wrote before is kept.
    """
    slots, state = asyncio.Semaphore(workers), _State()

    async def one(report: Report) -> Written:
        row = kept_row(system, kept, report)
        if row is None:
            async with slots:
                row = await _try(system, report, state)
            if kept is not None and not row.error:
                kept.put(system.key(report), row)
        done(1)
        return row.model_copy(update={"id": report.id})

    jobs = [asyncio.ensure_future(one(report)) for report in reports]
    try:
        return list(await asyncio.gather(*jobs))
    finally:
        for job in jobs:
            job.cancel()


def kept_row(system: System, kept: RowCache[Written] | None, report: Report) -> Written | None:
    """The row of a report where one is kept that holds all texts that the system writes."""
    row = None if kept is None else kept.get(system.key(report))
    return row if row is not None and system.texts <= frozenset(row.texts) else None


@dataclass
class _State:
    """How it goes: whether anything was written yet, and failures in a row."""

    wrote: bool = False
    failures: int = 0


async def _try(system: System, report: Report, state: _State) -> Written:
    try:
        row = await system.write(report)
    except Coarse2FineError as error:
        broken = isinstance(error, ModelError) and not isinstance(error, UnparsableReply)
        state.failures += broken
        if not isinstance(error, ModelError) or (broken and not state.wrote) or state.failures >= _PATIENCE:
            raise
        return Written(id=report.id, error=f"{type(error).__name__}: {error}")
    state.wrote, state.failures = True, 0
    return row
