"""The settings of one run; they travel as the graph's context, never in globals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coarse2fine.agents.critique import Audience
from coarse2fine.agents.writer import Wish

__all__ = ["AUDIENCES", "Settings"]

AUDIENCES: Sequence[Audience] = ("brief", "bullet", "comprehensive")
"""The paper's three audiences (section 4.1)."""


@dataclass(frozen=True)
class Settings:
    """Settings of one run.

    Args:
        audiences: for whom; in this order in the result.
        max_rounds: most texts that a loop writes before repair, at least 1.
        style: the draft's style, in the words of the prompt set; None for its default.
        words: wanted length of every text in words, at most; None for any.
        review: pause before the end for a person to accept, edit or reject (needs a checkpointer).
    """

    audiences: Sequence[Audience] = tuple(AUDIENCES)
    max_rounds: int = 3
    style: str | None = None
    words: int | None = None
    review: bool = False

    def wish(self, audience: Audience) -> Wish:
        """How the text for an audience is wanted."""
        del audience
        return Wish(self.style, self.words)
