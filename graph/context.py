"""The settings of a run; they travel as the graph's context, never in globals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from coarse2fine.agents.critique import Audience
from coarse2fine.agents.radiologists import label_of
from coarse2fine.agents.writer import Wish
from coarse2fine.reports import InputError

__all__ = ["AUDIENCES", "Context", "Settings"]

AUDIENCES: Sequence[Audience] = ("brief", "bullet", "comprehensive")
"""The paper's three audiences (section 4.1)."""


@dataclass(frozen=True)
class Settings:
    """What one run goes by.

    Args:
        audiences: for whom; in this order in the result; none: the draft only.
        max_rounds: most texts that a loop has written before repair, at least 1.
        style: the draft's style, in the words of the prompt set; None for its default.
        words: wanted length of every text in words, at most; None for any.
        review: pause before the end for a person to accept, edit or reject (needs a checkpointer).
        radiologist: in whose style, an opaque id; None for the one that the report names, if any.
        cases: most of that radiologist's nearest past reports that the drafter is shown.

    Raises:
        InputError: a setting cannot be.
    """

    audiences: Sequence[Audience] = tuple(AUDIENCES)
    max_rounds: int = 3
    style: str | None = None
    words: int | None = None
    review: bool = False
    radiologist: str | None = None
    cases: int = 8

    def __post_init__(self) -> None:
        known = [audience for audience in get_args(Audience) if audience != "draft"]
        unknown = [audience for audience in self.audiences if audience not in known]
        if isinstance(self.audiences, str) or unknown:
            raise InputError(
                f"there is no audience {unknown[0] if unknown else self.audiences!r}; there are {', '.join(known)}"
            )
        if self.max_rounds < 1:
            raise InputError(f"max_rounds is {self.max_rounds}; a text takes at least 1 round")
        if self.words is not None and self.words < 1:
            raise InputError(f"words is {self.words}; a text has at least 1 word")
        if self.cases < 0:
            raise InputError(f"cases is {self.cases}; it is 0 for none, or more")
        if self.radiologist is not None:
            label_of(self.radiologist)
        object.__setattr__(self, "audiences", tuple(dict.fromkeys(self.audiences)))

    @property
    def wish(self) -> Wish:
        """How texts are wanted."""
        return Wish(self.style, self.words)

    def with_context(self, context: object) -> Settings:
        """These settings with those of one call; a context that is not ours (a parent graph's) sets nothing."""
        if not isinstance(context, Context):
            return self
        return replace(self, **context.given())


@dataclass(frozen=True)
class Context:
    """Settings for one call of the graph, `graph.invoke(..., context={"audiences": ["brief"]})`; None: as it was built.

    Args:
        audiences, max_rounds, style, words, review, radiologist, cases: see `Settings`.
    """

    audiences: Sequence[Audience] | None = None
    max_rounds: int | None = None
    style: str | None = None
    words: int | None = None
    review: bool | None = None
    radiologist: str | None = None
    cases: int | None = None

    def given(self) -> dict[str, Any]:
        """The settings that are set."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
