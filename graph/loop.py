"""The loop that drafter and stylists share: write, critique, revise until the critic passes, else repair.

write ─► critique ─┬─ passed ───────────────────► end
  revise ◄─────────┤ failed, a round is left       ▲
                   └ no round, no gain ─► repair ─► critique
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.agents.feedback import feedback
from coarse2fine.agents.recorded import Assessment
from coarse2fine.agents.repair import repair
from coarse2fine.agents.writer import AS_USUAL, Generation, Wish
from coarse2fine.graph.context import Settings
from coarse2fine.graph.diff import word_diff
from coarse2fine.graph.routing import MAX_REPAIRS, after_critique, after_revise, best_round, why_stop
from coarse2fine.graph.state import Job, Loop, Round, TextRun
from coarse2fine.reports import Report, UnparsableReply

__all__ = ["Assesses", "CompiledLoop", "Revises", "Write", "build_loop", "reasons_of", "run_loop"]

Write = Callable[[Loop, Wish], Awaitable[Generation]]
CompiledLoop = CompiledStateGraph[Loop, Settings, Job, Loop]

_REPAIRED = "claims without support were dropped; omitted findings were added in the report's own words"


class Assesses(Protocol):
    """A critic as the graph knows it."""

    name: str

    async def assess(self, report: Report, text: str, audience: Audience) -> Assessment:
        """Critique a text."""
        ...


class Revises(Protocol):
    """A writer as the loop knows it."""

    async def revise(
        self, report: Report, text: str, critique: Critique, audience: Audience = "draft", wish: Wish = AS_USUAL
    ) -> Generation:
        """Mend a text."""
        ...


def build_loop(write: Write, writer: Revises, critic: Assesses) -> CompiledLoop:
    """Compile the loop.

    Args:
        write: makes the first text from the loop's state.
        writer: revises; critic: judges.
    """

    async def first(state: Loop, runtime: Runtime[Settings]) -> dict[str, Any]:
        begun = time.time()
        made = await write(state, runtime.context.wish)
        update = {"begun": begun, "text": made.text, "step": "write", "notes": made.notes, "calls": list(made.calls)}
        return {**update, "cases": made.cases}

    async def critique(state: Loop, runtime: Runtime[Settings]) -> dict[str, Any]:
        made = await critic.assess(state["report"], state["text"], state["audience"])
        this = _round(state, made.critique)
        update: dict[str, Any] = {"rounds": [this], "calls": list(made.calls)}
        if this.step != "repair":
            update["why"] = why_stop([*state["rounds"], this], runtime.context.max_rounds)
        return update

    async def revise(state: Loop, runtime: Runtime[Settings]) -> dict[str, Any]:
        begun = time.time()
        last = state["rounds"][-1]
        try:
            made = await writer.revise(
                state["report"], last.text, last.critique, state["audience"], runtime.context.wish
            )
        except UnparsableReply:
            return {"why": "unparsable"}
        update = {"begun": begun, "text": made.text, "step": "revise", "notes": made.notes, "calls": list(made.calls)}
        return {**update, "told": feedback(last.critique)}

    graph = StateGraph(Loop, context_schema=Settings, input_schema=Job)
    graph.add_node("write", first)
    graph.add_node("critique", critique)
    graph.add_node("revise", revise)
    graph.add_node("repair", _repair)
    graph.add_edge(START, "write")
    graph.add_edge("write", "critique")
    graph.add_conditional_edges("critique", after_critique)
    graph.add_conditional_edges("revise", after_revise)
    graph.add_edge("repair", "critique")
    return graph.compile(checkpointer=False)


async def run_loop(loop: CompiledLoop, job: Job, settings: Settings) -> TextRun:
    """Run a loop to its end.

    Raises:
        Coarse2FineError: a model failed.
    """
    started = time.perf_counter()
    limit = 2 * settings.max_rounds + 2 * MAX_REPAIRS + 4
    done = cast(Loop, await loop.ainvoke(job, {"recursion_limit": limit}, context=settings))
    return _finished(done, round((time.perf_counter() - started) * 1000, 3))


def _round(state: Loop, critique: Critique) -> Round:
    rounds = state["rounds"]
    return Round(
        number=len(rounds) + 1,
        step=state["step"],
        text=state["text"],
        critique=critique,
        told=state.get("told", ()),
        diff=word_diff(rounds[-1].text, state["text"]) if rounds else (),
        notes=state.get("notes", ()),
        started=state["begun"],
        milliseconds=round((time.time() - state["begun"]) * 1000, 3),
    )


async def _repair(state: Loop) -> dict[str, Any]:
    begun = time.time()
    rounds = state["rounds"]
    base = rounds[-1] if rounds[-1].step == "repair" else best_round(rounds)
    mended = repair(state["report"], base.text, base.critique, state["audience"])
    return {"begun": begun, "text": mended, "step": "repair", "told": (), "notes": (_REPAIRED,)}


def _finished(state: Loop, milliseconds: float) -> TextRun:
    chosen = best_round(state["rounds"])
    critique = chosen.critique
    passed = critique.passed and not critique.warnings
    repaired = chosen.step == "repair" and critique.passed
    return TextRun(
        audience=state["audience"],
        text=chosen.text,
        status="passed" if passed else "needs_review",
        stop_reason="repaired" if repaired else state["why"] or "passed",
        rounds=tuple(state["rounds"]),
        reasons=() if passed else reasons_of(critique),
        calls=tuple(state["calls"]),
        cases=state.get("cases", ()),
        milliseconds=milliseconds,
    )


def reasons_of(critique: Critique) -> tuple[str, ...]:
    """Why a person must look at a text, in words."""
    return (*critique.warnings, *feedback(critique))
