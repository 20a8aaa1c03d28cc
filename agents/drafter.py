"""The drafter: one draft impression from the findings (the coarse stage, paper section 4.4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import NamedTuple

from coarse2fine.agents.memory import Case
from coarse2fine.agents.writer import AS_USUAL, Generation, Wish, Writer, joined
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Report, split_sentences
from coarse2fine.serving import LoadedModel

__all__ = ["NOBODYS", "Drafter", "Hand"]

_SPACE = re.compile(r"\s")


class Hand(NamedTuple):
    """How one radiologist writes.

    Args:
        cases: their past reports nearest to this one, the nearest first.
        card: their style card's text.
        as_usual: whether what they wrote of such a report may stand as it is; not where another style was asked for.
    """

    cases: tuple[Case, ...] = ()
    card: str = ""
    as_usual: bool = True


NOBODYS = Hand()
"""Of no radiologist in particular."""


class Drafter(Writer):
    """Writes the draft.

    Args:
        model: the chat model.
        prompts: its prompts; needs the tasks "draft" and "revise".
    """

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        super().__init__(model, prompts, "drafter")

    async def draft(self, report: Report, wish: Wish = AS_USUAL, hand: Hand = NOBODYS) -> Generation:
        """Draft an impression. Findings too long for one prompt are drafted in parts and joined; a note says so.

        Args:
            hand: how its radiologist writes. Of the cases, the nearest that the prompt set shows and the model can read
                beside the findings stand in the prompt; where there is no room for one, there is none in any part.

        Raises:
            UnparsableReply: the model answered nothing.
            ModelError: it failed.
        """
        shown = await self._shown(report, wish, hand)
        parts = await self._parts(report, wish, shown)
        if len(parts) > 1:
            shown = shown._replace(cases=())  # they are whole reports: a part of one has no like among them
        asked = [self.ask("draft", part, wish, cases=shown.cases, card=shown.card) for part in parts]
        made = await asyncio.gather(*asked)
        notes = [f"the findings are long: drafted in {len(parts)} parts"] if len(parts) > 1 else []
        if hand.cases:
            notes.append(f"the prompt showed {len(shown.cases)} of the radiologist's {len(hand.cases)} nearest reports")
        whole = made[0] if len(made) == 1 else joined(made)
        return whole._replace(notes=(*notes, *whole.notes), cases=tuple(case.key for case in shown.cases))

    async def _shown(self, report: Report, wish: Wish, hand: Hand) -> Hand:
        """The nearest cases that there is room for beside the findings; the card goes where even it has none."""
        cases, card = hand.cases[: self.prompts.settings.cases], hand.card
        while cases and not await self.fits(self.render("draft", report, wish, cases=cases, card=card)):
            cases = cases[: len(cases) // 2]
        room = not card or await self.fits(self.render("draft", report, wish, cases=cases, card=card))
        return hand._replace(cases=cases, card=card if room else "")

    async def _parts(self, report: Report, wish: Wish, shown: Hand) -> list[Report]:
        """The report, or as many reports of whole sentences as it takes until each fits one prompt."""
        longest = self.prompts.settings.max_characters
        short = longest is None or len(report.findings) <= longest
        if short and await self.fits(self.render("draft", report, wish, cases=shown.cases, card=shown.card)):
            return [report]
        pieces = list(_halves(report.findings))
        if len(pieces) == 1:
            return [report]
        parts = [report.model_copy(update={"findings": piece}) for piece in pieces]
        return [fitting for part in parts for fitting in await self._parts(part, wish, shown._replace(cases=()))]


def _halves(findings: str) -> Iterator[str]:
    """Cut findings between two sentences, or else between two words, nearest to their middle."""
    middle = len(findings) / 2
    cuts = [s.start for s in split_sentences(findings)[1:]] or [m.end() for m in _SPACE.finditer(findings)]
    cut = min(cuts, key=lambda place: abs(place - middle), default=0)
    yield from (piece for piece in (findings[:cut].strip(), findings[cut:].strip()) if piece)
