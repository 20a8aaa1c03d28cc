"""Coverage: which findings of a report a text must name, and which of them it does not.

Critical and significant findings must be named by every text. Incidental ones may be left out by all audiences except
"comprehensive", where they are named among the omissions only when `incidental=True` is asked for: by default they fail
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, cast

from coarse2fine.agents.critique import Omission, Significance
from coarse2fine.agents.lexicon import RANK, lexicon
from coarse2fine.agents.overall import is_finding, significance_of
from coarse2fine.agents.source import Placed, Source, may_be_the_same, same_finding, telling
from coarse2fine.agents.statements import Statement
from coarse2fine.reports import Sentence

__all__ = ["Finding", "findings_of", "unaddressed"]

_LIKE = 0.6


class Finding(NamedTuple):
    """A sentence of the findings that reports something abnormal.

    Args:
        statements: what a text must name: all of them, or any one where the sentence interprets one as another.
    """

    sentence: Sentence
    statements: tuple[Statement, ...]
    significance: Significance
    any_of: bool = False

    def omission(self) -> Omission:
        """The omission that it is where a text leaves it out."""
        reason = f"{self.significance} finding that the text does not name"
        return Omission(
            text=self.sentence.text,
            start=self.sentence.start,
            end=self.sentence.end,
            significance=self.significance,
            reason=reason,
        )


def findings_of(source: Source) -> list[Finding]:
    """The abnormal findings of a report, in order, each with the highest significance of what its sentence names.

    A sentence that only says more of the one before it is no finding of its own.
    """
    grouped: dict[Sentence, list[Placed]] = {}
    for placed in source.placed:
        if is_finding(placed) and not (placed.limit and not placed.statement.concepts):
            grouped.setdefault(placed.sentence, []).append(placed)
    found = [_finding(sentence, placed, source.report.exam) for sentence, placed in grouped.items()]
    return [finding for i, finding in enumerate(found) if not (i and _continues(finding, source))]


_POINTS_BACK = re.compile(r"(these|this|those|they|it|its|their|both of these)\b", re.IGNORECASE)


def _continues(finding: Finding, source: Source) -> bool:
    """Whether a sentence only says more of the finding before it: "These lesions demonstrate T2 hyperintensity."."""
    if finding.significance == "critical" or not _POINTS_BACK.match(finding.sentence.text):
        return False
    before = [s for s in source.sentences if s.start < finding.sentence.start]
    return bool(before) and any(p.sentence == before[-1] and is_finding(p) for p in source.placed)


def _finding(sentence: Sentence, placed: Sequence[Placed], exam: str) -> Finding:
    """A sentence that interprets ("opacity, likely atelectasis") matters as much as what it interprets to."""
    read = [p for p in placed if p.statement.polarity == "possible"] or placed
    levels = {p.statement: significance_of(p, exam) for p in read}
    top = max(levels.values(), key=RANK.__getitem__)
    weighty = tuple(s for s, level in levels.items() if level == top)
    interpreted = len(read) < len(placed) or (len(read) > 1 and read is not placed)
    return Finding(
        sentence, tuple(p.statement for p in placed) if interpreted else weighty, cast(Significance, top), interpreted
    )


def unaddressed(source: Source, stated: Sequence[Statement], incidental: bool = False) -> list[Finding]:
    """Findings that must be named and that none of a text's statements names: the NLI model has the last word on them.

    Args:
        stated: what all sentences of the text state.
        incidental: include what may be left out.
    """
    found = [f for f in findings_of(source) if incidental or f.significance != "incidental"]
    return [f for f in found if not (any if f.any_of else all)(_addressed(s, stated) for s in f.statements)]


def _addressed(finding: Statement, stated: Sequence[Statement]) -> bool:
    for other in stated:
        if other.normal or other.polarity in ("denied", "hypothetical") or not may_be_the_same(finding, other):
            continue
        if finding.concepts and (same_finding(finding, other) or finding.concepts & other.concepts):
            return True
        wanted = telling(finding.words) & (lexicon().abnormal | frozenset(finding.name)) or telling(finding.words)
        if wanted and len(wanted & other.words) >= _LIKE * len(wanted):
            return True
    return False
