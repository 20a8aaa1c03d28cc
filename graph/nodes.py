"""The nodes of a run: each takes the state, lets agents work, and says what changes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from langgraph.runtime import get_runtime
from langgraph.types import Overwrite

from coarse2fine.agents.drafter import NOBODYS, Drafter
from coarse2fine.agents.memory import CaseMemory
from coarse2fine.agents.stylist import Stylist
from coarse2fine.agents.writer import Generation, Wish
from coarse2fine.graph.context import Context, Settings
from coarse2fine.graph.feedback_store import FeedbackStore, feedback_of
from coarse2fine.graph.loop import Assesses, CompiledLoop, build_loop, run_loop
from coarse2fine.graph.recall import agreed, noted, recall
from coarse2fine.graph.result import Result, status_of, text_result
from coarse2fine.graph.review import apply_decision, ask_person
from coarse2fine.graph.run_state import RunInput, RunState, StylistJob
from coarse2fine.graph.state import Job, Loop, TextRun
from coarse2fine.graph.trace_record import RunTrace, model_seconds, new_trace_id, package_version
from coarse2fine.graph.trace_store import TraceStore
from coarse2fine.prompts import prompt_set
from coarse2fine.reports import Coarse2FineError, InputError
from coarse2fine.serving import load_chat_model

__all__ = ["Crew", "Nodes"]


class Crew(NamedTuple):
    """The agents of a run."""

    drafter: Drafter
    stylist: Stylist
    critic: Assesses

    @property
    def models(self) -> dict[str, str]:
        """Which model each of them uses."""
        return {"drafter": self.drafter.model.name, "stylist": self.stylist.model.name, "critic": self.critic.name}


class Nodes:
    """The nodes, with what they share.

    Args:
        crew: the agents.
        settings: how runs go where a call's context does not say otherwise.
        store: where traces are kept, if anywhere.
        can_pause: whether there is a checkpointer, which a review needs.
        feedback: where a person's edits are kept, if anywhere.
        memory: where radiologists' past reports and style cards are, if anywhere.
    """

    def __init__(
        self,
        crew: Crew,
        settings: Settings,
        store: TraceStore | None,
        can_pause: bool,
        feedback: FeedbackStore | None = None,
        memory: CaseMemory | None = None,
    ) -> None:
        self.crew, self.settings, self.store, self.can_pause = crew, settings, store, can_pause
        self.feedback, self.memory = feedback, memory
        self._drafting = {"": _drafting(crew.drafter, crew.critic)}
        self._styling = build_loop(self._restyle, crew.stylist, crew.critic)

    async def _drafted(self, model: str, job: Job, settings: Settings) -> TextRun:
        """The draft by a radiologist's own model, "" for everybody's; where that one breaks, by everybody's."""
        fault = ""
        if model:
            try:
                return await run_loop(await asyncio.to_thread(self._loop_of, model), job, settings)
            except Coarse2FineError as error:
                fault = f"drafted without the radiologist's own model {model}: {error}"
        return noted(await run_loop(self._drafting[""], job, settings), fault)

    def _loop_of(self, model: str) -> CompiledLoop:
        if model not in self._drafting:
            loaded, everybodys = load_chat_model(model), self.crew.drafter
            same = loaded.prompts == everybodys.model.prompts
            templates = everybodys.prompts if same else prompt_set(loaded.prompts)
            self._drafting[model] = _drafting(Drafter(loaded, templates), self.crew.critic)
        return self._drafting[model]

    async def _restyle(self, state: Loop, wish: Wish) -> Generation:
        return await self.crew.stylist.restyle(state["report"], state["draft"], state["audience"], wish)

    async def draft(self, state: RunInput) -> dict[str, Any]:
        """Write the draft; a model that breaks here fails the run, and the trace says so."""
        settings = self.settings.with_context(get_runtime(Context).context)
        if settings.review and not self.can_pause:
            raise InputError("review pauses the run, which needs a checkpointer: build_graph(..., checkpointer=...)")
        settings, hand, model, unread = await recall(self.memory, state["report"], settings, self.crew.drafter)
        job = Job(report=state["report"], audience="draft", hand=hand)
        begun: RunState = {"report": state["report"], "settings": settings, "started": time.time(), "texts": []}
        try:
            run = await self._drafted(model, job, settings)
        except Coarse2FineError as error:
            await self._keep(self._trace(begun, [_broken("draft", error)], error=str(error)))
            raise
        run = noted(run, unread)
        return {"settings": settings, "started": begun["started"], "draft": run, "texts": Overwrite([]), "review": ""}

    def jobs(self, state: RunState) -> list[StylistJob]:
        """One job for each audience."""
        settings, report, draft = state["settings"], state["report"], state["draft"].text
        return [
            StylistJob(job=Job(report=report, audience=audience, draft=draft), settings=settings)
            for audience in settings.audiences
        ]

    async def stylist(self, state: StylistJob) -> dict[str, Any]:
        """Write one audience's text; where its model breaks, the others go on."""
        try:
            return {"texts": [await run_loop(self._styling, state["job"], state["settings"])]}
        except Coarse2FineError as error:
            return {"texts": [_broken(state["job"]["audience"], error)]}

    async def review(self, state: RunState) -> dict[str, Any]:
        """Pause until a person decides, then do what they say."""
        texts = [state["draft"], *state["texts"]]
        decision = ask_person(state["report"], texts)
        draft, *others = await apply_decision(decision, state["report"], texts, self.crew.critic)
        return {"draft": draft, "texts": Overwrite(others), "review": decision.action}

    async def finish(self, state: RunState) -> dict[str, Any]:
        """Record the trace and make the result."""
        texts = [state["draft"], *state["texts"]]
        trace = self._trace(state, texts)
        unkept = [why for why in (await self._keep(trace), await self._remember(trace)) if why]
        result = Result(
            id=state["report"].id,
            status=status_of(texts),
            draft=text_result(state["draft"]),
            impressions={text.audience: text_result(text) for text in state["texts"]},
            trace_id=trace.id,
            models=trace.models,
            seconds=trace.wall_seconds,
            warnings=tuple(unkept),
        )
        return {"result": result, "trace": trace}

    def _trace(self, state: RunState, texts: Sequence[TextRun], error: str = "") -> RunTrace:
        return RunTrace(
            id=new_trace_id(state["started"]),
            created=datetime.fromtimestamp(state["started"], UTC),
            package=package_version(),
            status="failed" if error else status_of(texts),
            error=error,
            report=state["report"],
            settings=state["settings"],
            models={**self.crew.models, **_drafted_by(texts)},
            texts=tuple(texts),
            review=state.get("review", ""),
            wall_seconds=round(time.time() - state["started"], 4),
            model_seconds=model_seconds(texts),
        )

    async def _keep(self, trace: RunTrace) -> str:
        """Store a trace; what went wrong, where it could not be: a text that is written is not lost for that."""
        if self.store is None:
            return ""
        try:
            await asyncio.to_thread(self.store.put, trace)
        except (OSError, sqlite3.Error) as error:
            return f"the trace could not be kept in {self.store.path}: {error}"
        return ""

    async def _remember(self, trace: RunTrace) -> str:
        """Keep a person's edits as feedback; what went wrong, where they could not be."""
        found = feedback_of(trace) if self.feedback is not None else []
        if self.feedback is None or not found:
            return ""
        try:
            await asyncio.to_thread(self.feedback.add, found)
        except (OSError, sqlite3.Error) as error:
            return f"the edits could not be kept in {self.feedback.path}: {error}"
        return ""


def _drafting(drafter: Drafter, critic: Assesses) -> CompiledLoop:
    async def write(state: Loop, wish: Wish) -> Generation:
        hand = state.get("hand", NOBODYS)
        made = await drafter.draft(state["report"], wish, hand)
        return await agreed(critic, state["report"], made, hand, wish.words)

    return build_loop(write, drafter, critic)


def _drafted_by(texts: Sequence[TextRun]) -> dict[str, str]:
    """The drafter's model, where it is a radiologist's own."""
    return {call.agent: call.model for text in texts for call in text.calls if call.agent == "drafter"}


def _broken(audience: Any, error: Coarse2FineError) -> TextRun:
    return TextRun(
        audience=audience, text="", status="error", stop_reason="error", reasons=(f"{type(error).__name__}: {error}",)
    )
