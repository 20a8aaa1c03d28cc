"""Which text is written for a report: of those that its findings prove, the one most like the others.

Minimum Bayes risk decoding (Kumar and Byrne, 2004) over the drafter's own text and what was written of the nearest past
reports, with the critic in front: a past impression counts as a candidate only where this report's findings prove it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from coarse2fine.agents.layout import lines_of, write
from coarse2fine.agents.memory import Case
from coarse2fine.agents.shingles import words_of
from coarse2fine.prompts import items

__all__ = ["OWN_VOTES", "Choice", "candidates", "choose", "likeness"]

OWN_VOTES = 2.0
"""What the drafter's own text counts beside past ones, which count 1 in the mean (docs/lab-notes.md, note 13)."""


class Choice(NamedTuple):
    """A text, and the key of the case that it was taken from, "" for the drafter's own."""

    text: str
    key: str = ""


def likeness(one: str, other: str) -> float:
    """Share of words that two texts have in common, as often as they occur (F1), 0 to 1."""
    words, others = Counter(words_of(one)), Counter(words_of(other))
    return 2 * (words & others).total() / max(1, words.total() + others.total())


def candidates(draft: str, cases: Sequence[Case], words: int | None = None) -> list[Choice]:
    """The drafter's text and the impressions of past reports, as they would stand, each once.

    Args:
        cases: the nearest past reports, the nearest first.
        words: most words that are wanted; longer impressions are left out.
    """
    found = {draft: Choice(draft)}
    for case in cases:
        text = write(lines_of(items(case.impression)))
        if text and (words is None or len(text.split()) <= words):
            found.setdefault(text, Choice(text, case.key))
    return list(found.values())


def choose(draft: str, cases: Sequence[Case], proven: Sequence[Choice]) -> Choice:
    """The proven text that is most like the draft and the past impressions, which count by how near their reports are.

    Args:
        draft: the drafter's own text.
        proven: what may be chosen; where nothing may, the draft is.
    """
    if not proven:
        return Choice(draft)
    total = sum(case.score for case in cases)
    share = len(cases) / total if total > 0 else 0.0
    votes = [(items(case.impression), case.score * share or 1.0) for case in cases]
    votes.append((draft, OWN_VOTES))

    def agreement(choice: Choice) -> float:
        return sum(weight * likeness(choice.text, text) for text, weight in votes)

    return max(proven, key=agreement)
