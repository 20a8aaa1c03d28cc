"""Where a loop goes after a critique. Pure functions of the rounds so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from coarse2fine.graph.state import Loop, Round, StopReason

__all__ = ["after_critique", "best_round", "why_stop"]


def best_round(rounds: Sequence[Round]) -> Round:
    """The round whose critique is least bad; the earliest of equals."""
    return min(rounds, key=lambda r: r.critique.badness)


def why_stop(rounds: Sequence[Round], max_rounds: int) -> StopReason | None:
    """Why the loop should stop writing now; None when another round is worth it."""
    last = rounds[-1]
    if last.critique.passed:
        return "passed"
    if len(rounds) > 1 and last.text == rounds[-2].text:
        return "no_change"
    if len(rounds) > 1 and last.critique.badness >= best_round(rounds[:-1]).critique.badness:
        return "no_gain"
    return "max_rounds" if len(rounds) >= max_rounds else None


def after_critique(state: Loop) -> Literal["revise", "repair", "finish"]:
    """The next node of a loop."""
    if state["rounds"][-1].step == "repair" or state.get("why") == "passed":
        return "finish"
    return "repair" if state.get("why") else "revise"
