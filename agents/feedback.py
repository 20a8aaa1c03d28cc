"""A critique in words: what is sent back to a writer, and what a person reads when a text needs review."""

from __future__ import annotations

from coarse2fine.agents.critique import Critique

__all__ = ["feedback"]


def feedback(critique: Critique) -> tuple[str, ...]:
    """One line for each claim that failed, naming it and what is wrong with it, and for each finding left out."""
    wrong = tuple(_line(verdict.label, verdict.text, "; ".join(verdict.reasons)) for verdict in critique.faults)
    missing = tuple(_line(f"not addressed, {omission.significance}", omission.text) for omission in critique.omissions)
    empty = () if critique.verdicts else ("the text makes no claim",)
    return (*wrong, *missing, *empty)


def _line(label: str, text: str, reason: str = "") -> str:
    return f'{label}: "{text}"' + (f": {reason}" if reason else "")
