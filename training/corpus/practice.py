"""Training conversations with case memory: drafts beside what the same radiologists wrote of similar reports."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from coarse2fine.prompts import prompt_set
from coarse2fine.serving.codec import CASES
from coarse2fine.training.corpus.compose import Composed, compose
from coarse2fine.training.corpus.impress import impression
from coarse2fine.training.corpus.knowledge import Exam
from coarse2fine.training.corpus.mess import Mess, draw_mess
from coarse2fine.training.corpus.rows import Turn, asked_words, report_fields, turns_of
from coarse2fine.training.corpus.styles import Style, draw_style

__all__ = ["MOST_CASES", "practice"]

MOST_CASES = 8
"""Impressions of past reports in one prompt, at most."""

SIZE = 150
"""Reports of one practice: each is drafted once, beside the most similar of the others."""


class _Past(NamedTuple):
    composed: Composed
    mess: Mess
    style: Style
    impression: str
    words: frozenset[str]


AGAIN = 0.25
"""Share of the reports that say what an earlier one says, typing errors aside: real ones repeat each other."""


def _past(rng: random.Random, exam: Exam, styles: list[Style], before: list[_Past]) -> _Past:
    again = before and rng.random() < AGAIN
    composed = rng.choice(before).composed if again else compose(exam, rng)
    mess = draw_mess(rng, composed)
    style = rng.choice(styles)
    words = frozenset(re.findall(r"[a-z]{3,}", composed.report.findings.lower()))
    return _Past(composed, mess, style, mess.target(impression(rng, composed, style)), words)


def _nearest(past: list[_Past], index: int, number: int) -> list[_Past]:
    """The most similar other reports by the share of words in common, nearest first."""
    words = past[index].words
    likeness = [len(words & other.words) / max(1, len(words | other.words)) for other in past]
    order = sorted((i for i in range(len(past)) if i != index), key=lambda i: -likeness[i])
    return [past[i] for i in order[:number]]


def practice(rng: random.Random, exam: Exam, size: int = SIZE) -> Iterator[list[Turn]]:
    """The turns of `size` drafts of one practice, of one radiologist or several, each beside its nearest cases.

    A practice of several radiologists asks for drafts like its cases; one of a single radiologist names the style, too,
    half of the time.
    """
    styles = [draw_style(rng) for _ in range(rng.choice((1, 1, 1, 2, 4, 8)))]
    past: list[_Past] = []
    for _ in range(size):
        past.append(_past(rng, exam, styles, past))
    for index, report in enumerate(past):
        number = rng.choice((1, 2, 3, 4, 6, MOST_CASES, MOST_CASES, MOST_CASES))
        named = len(styles) == 1 and rng.random() < 0.5
        messages = prompt_set("nano").render(
            "draft",
            **report_fields(rng, report.composed, report.mess),
            cases=_nearest(past, index, number),
            style=report.style.words() if named else CASES,
            words=asked_words(rng, report.impression),
        )
        yield turns_of(messages, report.impression)
