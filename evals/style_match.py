"""How near a text comes to what a radiologist wrote of the same report: form, what is kept, length and words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from coarse2fine.agents.coverage import findings_of
from coarse2fine.agents.layout import lines_of
from coarse2fine.agents.source import source_of
from coarse2fine.agents.statements import parse
from coarse2fine.evals.rouge import rouge
from coarse2fine.reports import Report, split_sentences

__all__ = ["Wins", "style_match", "wins"]

_NUMBER = re.compile(r"\d{1,2}[.)]")


class _Form(NamedTuple):
    layout: str
    negatives: str
    closing: bool
    incidentals: bool
    words: int


def style_match(text: str, own: str, exam: str = "") -> float:
    """Likeness in [0, 1]: the mean of six marks.

    Layout (prose, numbered, dashes), place of pertinent negatives (none, first, later), a closing "otherwise normal"
    and the naming of incidental findings are each 1 where both texts agree, else 0; the length is the smaller number of
    words over the greater; the words are ROUGE-L F1.

    Args:
        text: what was written for the radiologist.
        own: what the radiologist wrote of the same report.
        exam: the examination, which may decide what is incidental.
    """
    one, other = _form(text, exam), _form(own, exam)
    agree = [float(a == b) for a, b in zip(one[:4], other[:4], strict=True)]
    length = min(one.words, other.words) / max(one.words, other.words, 1)
    return (sum(agree) + length + rouge(own, text).rougeL / 100) / 6


def _form(text: str, exam: str) -> _Form:
    marks = [line.mark for line in lines_of(text)]
    layout = "prose" if not any(marks) else "numbered" if _NUMBER.match(next(m for m in marks if m)) else "dashes"
    sentences = [parse(s.text) for s in split_sentences(text)]
    denials = [i for i, s in enumerate(sentences) if s and all(x.polarity == "denied" and not x.normal for x in s)]
    found = findings_of(source_of(Report(findings=text or ".", exam=exam)))
    return _Form(
        layout=layout,
        negatives="none" if not denials else "first" if denials[0] == 0 else "later",
        closing=len(sentences) > 1 and any(x.normal for x in sentences[-1]),
        incidentals=any(f.significance == "incidental" for f in found),
        words=sum(any(c.isalpha() for c in word) for word in text.split()),
    )


class Wins(NamedTuple):
    """Pairs of texts of which the second matched better, as well (within `TIE`), or worse."""

    better: int
    equal: int
    worse: int

    @property
    def share(self) -> float:
        """Of all pairs those that the second won, a tie being half a win."""
        return (self.better + self.equal / 2) / max(1, self.better + self.equal + self.worse)


TIE = 0.005
"""Matches that differ by less are equal."""


def wins(before: Sequence[float], after: Sequence[float]) -> Wins:
    """Compare matches pair by pair.

    Raises:
        ValueError: there are more of one than of the other.
    """
    gains = [b - a for a, b in zip(before, after, strict=True)]
    better, worse = sum(g > TIE for g in gains), sum(g < -TIE for g in gains)
    return Wins(better, len(gains) - better - worse, worse)
