"""The drafter: one draft impression from the findings (the coarse stage, paper section 4.4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

from coarse2fine.agents.writer import AS_USUAL, Generation, Wish, Writer, joined
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Report, split_sentences
from coarse2fine.serving import LoadedModel

__all__ = ["Drafter"]

_SPACE = re.compile(r"\s")


class Drafter(Writer):
    """Writes the draft.

    Args:
        model: the chat model.
        prompts: its prompts; needs the tasks "draft" and "revise".
    """

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        super().__init__(model, prompts, "drafter")

    async def draft(self, report: Report, wish: Wish = AS_USUAL) -> Generation:
        """Draft an impression. Findings too long for one prompt are drafted in parts and joined; a note says so.

        Raises:
            UnparsableReply: the model answered nothing.
            ModelError: it failed.
        """
        parts = await self._parts(report, wish)
        if len(parts) == 1:
            return await self.ask("draft", report, wish)
        made = joined(await asyncio.gather(*(self.ask("draft", part, wish) for part in parts)))
        return made._replace(notes=(f"the findings are long: drafted in {len(parts)} parts", *made.notes))

    async def _parts(self, report: Report, wish: Wish) -> list[Report]:
        """The report, or as many reports of whole sentences as it takes until each fits one prompt."""
        longest = self.prompts.settings.max_characters
        short = longest is None or len(report.findings) <= longest
        if short and await self.fits(self.render("draft", report, wish)):
            return [report]
        pieces = list(_halves(report.findings))
        if len(pieces) == 1:
            return [report]
        parts = [report.model_copy(update={"findings": piece}) for piece in pieces]
        return [fitting for part in parts for fitting in await self._parts(part, wish)]


def _halves(findings: str) -> Iterator[str]:
    """Cut findings between two sentences, or else between two words, nearest to their middle."""
    middle = len(findings) / 2
    cuts = [s.start for s in split_sentences(findings)[1:]] or [m.end() for m in _SPACE.finditer(findings)]
    cut = min(cuts, key=lambda place: abs(place - middle), default=0)
    yield from (piece for piece in (findings[:cut].strip(), findings[cut:].strip()) if piece)
