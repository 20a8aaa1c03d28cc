"""What a run recalls of its radiologist before it drafts: the nearest past reports and the style card."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NamedTuple

from coarse2fine.agents.consensus import candidates, choose
from coarse2fine.agents.drafter import NOBODYS, Drafter, Hand
from coarse2fine.agents.memory import CaseMemory
from coarse2fine.agents.personal_model import PersonalModels
from coarse2fine.agents.style_card import StyleCard, StyleCards
from coarse2fine.agents.writer import Generation
from coarse2fine.graph.context import Settings
from coarse2fine.graph.loop import Assesses
from coarse2fine.graph.state import TextRun
from coarse2fine.reports import InputError, Report

__all__ = ["Recalled", "agreed", "noted", "recall"]


class Recalled(NamedTuple):
    """What a run knows of its radiologist.

    Args:
        settings: with the radiologist's style where none was asked for.
        hand: cases and card.
        model: the name of the model that drafts for this radiologist, "" for everybody's.
        fault: why nothing could be recalled, "" where it could.
    """

    settings: Settings
    hand: Hand
    model: str = ""
    fault: str = ""


async def recall(memory: CaseMemory | None, report: Report, settings: Settings, drafter: Drafter) -> Recalled:
    """Look up the radiologist of the settings, else of the report; a memory that fails costs no one their draft."""
    radiologist = settings.radiologist or report.radiologist
    if memory is None or not radiologist:
        return Recalled(settings, NOBODYS)
    try:
        return await asyncio.to_thread(_recall, memory, report, replace(settings, radiologist=radiologist), drafter)
    except InputError as error:
        return Recalled(settings, NOBODYS, "", f"drafted without the radiologist's past reports: {error}")


def _recall(memory: CaseMemory, report: Report, settings: Settings, drafter: Drafter) -> Recalled:
    radiologist = settings.radiologist or ""
    cases = memory.nearest(report, radiologist, settings.cases)
    card: StyleCard | None = StyleCards(memory.store).get(radiologist)
    model = PersonalModels(memory.store).get(radiologist) or ""
    if card is None:
        return Recalled(settings, Hand(tuple(cases), as_usual=settings.style is None), model)
    style = settings.style or drafter.style_of(card)
    return Recalled(replace(settings, style=style), Hand(tuple(cases), card.text(), settings.style is None), model)


async def agreed(critic: Assesses, report: Report, made: Generation, hand: Hand, words: int | None) -> Generation:
    """A draft, or in its place what was written of a similar report, where that is more usual and proven here.

    Args:
        made: what the drafter wrote; words: most words that are wanted.
    """
    if not hand.cases or not hand.as_usual:
        return made
    options = candidates(made.text, hand.cases, words)
    judged = [await critic.assess(report, option.text, "draft") for option in options]
    proven = [option for option, found in zip(options, judged, strict=True) if found.critique.passed]
    chosen = choose(made.text, hand.cases, proven)
    calls = (*made.calls, *(call for found in judged for call in found.calls))
    source = f"as in the past report {chosen.key}" if chosen.key else "the drafter's own"
    note = f"{source}: of {len(options)} texts the findings prove {len(proven)}, and of these it is the most usual"
    return made._replace(text=chosen.text, calls=calls, notes=(*made.notes, note) if proven else made.notes)


def noted(run: TextRun, fault: str) -> TextRun:
    """The text with what went wrong noted in its first round."""
    if not fault or not run.rounds:
        return run
    first, *others = run.rounds
    first = first.model_copy(update={"notes": (fault, *first.notes)})
    return run.model_copy(update={"rounds": (first, *others)})
