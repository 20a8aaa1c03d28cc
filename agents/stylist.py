"""The stylists: rewrite a draft for one audience each (the fine stage, paper sections 4.1 and 4.4)."""

from __future__ import annotations

import asyncio

from coarse2fine.agents.critique import Audience
from coarse2fine.agents.layout import halves
from coarse2fine.agents.writer import AS_USUAL, Generation, TooLong, Wish, Writer, joined
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Report
from coarse2fine.serving import LoadedModel

__all__ = ["Stylist"]


class Stylist(Writer):
    """Rewrites a draft for an audience.

    Args:
        model: the chat model.
        prompts: its prompts; needs the tasks "restyle" and "revise".
    """

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        super().__init__(model, prompts, "stylist")

    async def restyle(self, report: Report, draft: str, audience: Audience, wish: Wish = AS_USUAL) -> Generation:
        """Rewrite `draft` for an audience; a draft too long for one prompt is rewritten part by part.

        Args:
            audience: "brief" (patients, non-native speakers), "bullet" (quick review) or "comprehensive" (experts).

        Raises:
            UnparsableReply: the model answered nothing.
            ModelError: it failed.
        """
        try:
            return await self.ask("restyle", report, wish, about=draft, draft=draft, audience=audience)
        except TooLong:
            parts = halves(draft)
            if parts is None:
                raise
        return joined(await asyncio.gather(*(self.restyle(report, part, audience, wish) for part in parts)))
