"""Where a loop goes after a critique. Pure functions of the rounds so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from coarse2fine.graph.state import Loop, Round, StopReason

__all__ = ["MAX_REPAIRS", "after_critique", "after_revise", "best_round", "why_stop"]

MAX_REPAIRS = 4
"""Repairs of one text: a claim is cut to its core, the core dropped, and the finding that is then unnamed added, to a
patient first in plain words and then in the report's own."""


def best_round(rounds: Sequence[Round]) -> Round:
    """The round whose critique is least bad; of equals the repaired one, then the earliest. Never an empty text."""
    return min((r for r in rounds if r.text), key=lambda r: (r.critique.badness, r.step != "repair", r.number))


def why_stop(rounds: Sequence[Round], max_rounds: int) -> StopReason | None:
    """Why the loop should stop writing now; None when another round is worth it."""
    last, before = rounds[-1], rounds[:-1]
    if last.critique.passed:
        return "passed"
    if before and last.text == before[-1].text:
        return "no_change"
    if before and last.critique.badness >= best_round(before).critique.badness:
        return "no_gain"
    return "max_rounds" if len(rounds) >= max_rounds else None


def after_critique(state: Loop) -> Literal["revise", "repair", "__end__"]:
    """The next node after a critique."""
    last = state["rounds"][-1]
    if last.critique.passed:
        return "__end__"
    if last.step != "repair":
        return "repair" if state.get("why") else "revise"
    repairs = sum(r.step == "repair" for r in state["rounds"])
    mendable = last.critique.faults or last.critique.omissions
    return "repair" if mendable and repairs < MAX_REPAIRS else "__end__"


def after_revise(state: Loop) -> Literal["critique", "repair"]:
    """The next node after a revision: repair where the model answered nothing."""
    return "repair" if state.get("why") else "critique"
