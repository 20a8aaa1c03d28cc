"""A sentence of the findings as an impression says it: without "There is" before it and "is noted" behind it."""

from __future__ import annotations

import re

from coarse2fine.agents.layout import closed
from coarse2fine.agents.statements import Statement, parse

__all__ = ["terse"]

_BEFORE = re.compile(
    r"there (?:is|are|was|were|remains?)(?: (?:also|now))?(?: (?:noted|seen))?(?: an?)? (?!again|still)", re.I
)
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|may|appears?|shows?)\b", re.IGNORECASE)
_BEHIND = re.compile(
    r",? (?:is|are|was|were)(?: (?:also|now))? "
    r"(?:noted|seen|identified|present|demonstrated|visuali[sz]ed|observed)\.?$",
    re.IGNORECASE,
)


def terse(sentence: str) -> str:
    """A sentence without the words that only say that something is there; as it is where that changes its meaning."""
    found = _BEFORE.match(sentence)
    rest = sentence[found.end() :] if found else sentence
    bare = _BEHIND.sub("", rest)
    short = closed(rest if _VERB.search(bare) else bare)
    return short if _said(parse(short)) == _said(parse(sentence)) else sentence


def _said(statements: tuple[Statement, ...]) -> list[tuple[object, ...]]:
    return [(s.name, s.polarity, s.normal, s.rest, s.old, s.own) for s in statements]
