"""The drafter: one draft impression from the findings (the coarse stage, paper section 4.4)."""

from __future__ import annotations

from coarse2fine.agents.writer import Generation, Wish, Writer
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Report
from coarse2fine.serving import LoadedModel

__all__ = ["Drafter"]

MAX_PART = 4_000
"""Longest findings, in characters, that are drafted at once by a model that does not say what fits."""


class Drafter(Writer):
    """Writes the draft.

    Args:
        model: the chat model.
        prompts: its prompts; needs the tasks "draft" and "revise".
    """

    def __init__(self, model: LoadedModel, prompts: PromptSet) -> None:
        super().__init__(model, prompts, "drafter")

    async def draft(self, report: Report, wish: Wish = Wish()) -> Generation:
        """Draft an impression. Findings too long for one prompt are drafted in parts and joined.

        Raises:
            UnparsableReply: the model answered nothing.
        """
        parts = split_findings(report, self.longest)
        if len(parts) == 1:
            return await self.ask("draft", report, wish)
        made = [await self.ask("draft", report.model_copy(update={"findings": part}), wish) for part in parts]
        text = "\n".join(dict.fromkeys(generation.text for generation in made))
        calls = tuple(call for generation in made for call in generation.calls)
        return Generation(text, calls, (f"the findings are long: drafted in {len(parts)} parts",))

    @property
    def longest(self) -> int:
        """Longest findings, in characters, for one prompt."""
        return self.prompts.settings.max_characters or MAX_PART


def split_findings(report: Report, longest: int) -> list[str]:
    """Cut findings into parts of whole sentences, each at most `longest` characters where a sentence allows it."""
    if len(report.findings) <= longest:
        return [report.findings]
    parts: list[str] = []
    start = end = 0
    for sentence in report.sentences():
        if sentence.end - start > longest and end > start:
            parts.append(report.findings[start:end])
            start = sentence.start
        end = sentence.end
    return [*parts, report.findings[start:end]]
