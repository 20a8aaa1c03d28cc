"""The loop that drafter and stylists share: write, critique, revise until the critic passes, else repair.

        write ─► critique ─┬─ passed ──────────────► finish
          revise ◄─────────┤ failed, a round is left    ▲
                           └ no round, no gain ─► repair ─► critique
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.agents.repair import repair
from coarse2fine.agents.writer import CallRecord, Generation, Wish
from coarse2fine.graph.context import Settings
from coarse2fine.graph.routing import after_critique, best_round, why_stop
from coarse2fine.graph.state import Done, Loop, Round, TextRun
from coarse2fine.reports import Report

__all__ = ["Critiques", "Revises", "build_loop"]

Write = Callable[[Loop, Wish], Awaitable[Generation]]


class Judgement(Protocol):
    """A critique and the model calls it took."""

    critique: Critique
    calls: tuple[CallRecord, ...]


class Critiques(Protocol):
    """A critic as the graph knows it."""

    async def judge(self, report: Report, text: str, audience: Audience) -> Judgement:
        """Critique a text."""
        ...


class Revises(Protocol):
    """A writer as the loop knows it."""

    async def revise(
        self, report: Report, text: str, critique: Critique, audience: Audience = "draft", wish: Wish = Wish()
    ) -> Generation:
        """Mend a text."""
        ...


def build_loop(write: Write, writer: Revises, critic: Critiques) -> CompiledStateGraph[Loop, Settings, Loop, Done]:
    """Compile the loop.

    Args:
        write: makes the first text from the loop's state.
        writer: revises; critic: judges.
    """

    async def first(state: Loop, runtime: Runtime[Settings]) -> dict[str, Any]:
        return _written(await write(state, runtime.context.wish(state["audience"])), "write")

    async def revise(state: Loop, runtime: Runtime[Settings]) -> dict[str, Any]:
        last = state["rounds"][-1]
        wish = runtime.context.wish(state["audience"])
        return _written(
            await writer.revise(state["report"], last.text, last.critique, state["audience"], wish), "revise"
        )

    async def critique(state: Loop, runtime: Runtime[Settings]) -> dict[str, Any]:
        made = await critic.judge(state["report"], state["text"], state["audience"])
        number = len(state.get("rounds", [])) + 1
        this = Round(
            number=number, step=state["step"], text=state["text"], critique=made.critique, notes=state.get("notes", ())
        )
        update: dict[str, Any] = {"rounds": [this], "calls": list(made.calls)}
        if state["step"] != "repair":
            update["why"] = why_stop([*state.get("rounds", []), this], runtime.context.max_rounds)
        return update

    graph = StateGraph(Loop, context_schema=Settings, output_schema=Done)
    graph.add_node("write", first)
    graph.add_node("critique", critique)
    graph.add_node("revise", revise)
    graph.add_node("repair", _repair)
    graph.add_node("finish", _finish)
    graph.add_edge(START, "write")
    graph.add_edge("write", "critique")
    graph.add_conditional_edges("critique", after_critique)
    graph.add_edge("revise", "critique")
    graph.add_edge("repair", "critique")
    graph.add_edge("finish", END)
    return graph.compile()


def _written(made: Generation, step: str) -> dict[str, Any]:
    return {"text": made.text, "step": step, "notes": made.notes, "calls": list(made.calls)}


async def _repair(state: Loop) -> dict[str, Any]:
    best = best_round(state["rounds"])
    mended = repair(best.text, best.critique)
    notes = ("claims without support were dropped; omitted findings were added in the report's own words",)
    return {"text": mended or best.text, "step": "repair", "notes": notes}


async def _finish(state: Loop) -> Done:
    rounds = state["rounds"]
    chosen = best_round(rounds)
    critique = chosen.critique
    repaired = chosen.step == "repair" and critique.passed
    passed = critique.passed and not critique.warnings
    return {
        "run": TextRun(
            audience=state["audience"],
            text=chosen.text,
            status="passed" if passed else "needs_review",
            stop_reason="repaired" if repaired else state["why"],
            rounds=tuple(rounds),
            reasons=() if passed else _reasons(critique),
            calls=tuple(state["calls"]),
        )
    }


def _reasons(critique: Critique) -> tuple[str, ...]:
    wrong = [f"{verdict.label}: {verdict.text!r}: {'; '.join(verdict.reasons)}" for verdict in critique.faults]
    missing = [f"not addressed ({omission.significance}): {omission.text!r}" for omission in critique.omissions]
    return (*critique.warnings, *wrong, *missing)
