"""The stylists: rewrite a draft for one audience each (the fine stage, paper sections 4.1 and 4.4)."""

from __future__ import annotations

from coarse2fine.agents.critique import Audience
from coarse2fine.agents.writer import Generation, Wish, Writer
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

    async def restyle(self, report: Report, draft: str, audience: Audience, wish: Wish = Wish()) -> Generation:
        """Rewrite `draft` for `audience`: "brief" (patients, non-native speakers), "bullet", "comprehensive".

        Raises:
            UnparsableReply: the model answered nothing.
        """
        return await self.ask("restyle", report, wish, draft=draft, audience=audience)
