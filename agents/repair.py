"""Deterministic repair: what a model could not mend is cut out, what it left out is added in the report's own words."""

from __future__ import annotations

import re

from coarse2fine.agents.critique import Critique
from coarse2fine.reports import split_sentences

__all__ = ["repair"]

_MARK = re.compile(r"^[ \t]*(?:(\d{1,2})[.)]|([-*•]))[ \t]+", re.MULTILINE)


def repair(text: str, critique: Critique) -> str:
    """Drop the claims that failed and add what was omitted, keeping the layout; "" where nothing is left.

    Args:
        text: the text that was critiqued.
        critique: its critique.
    """
    failed = {(verdict.start, verdict.end) for verdict in critique.faults}
    kept = [s.text for s in split_sentences(text) if (s.start, s.end) not in failed]
    added = [omission.text for omission in critique.omissions]
    sentences = list(dict.fromkeys(_closed(sentence) for sentence in [*kept, *added]))
    mark = _MARK.search(text)
    if mark is None or not sentences:
        return " ".join(sentences)
    if mark.group(1):
        return "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
    return "\n".join(f"{mark.group(2)} {sentence}" for sentence in sentences)


def _closed(sentence: str) -> str:
    capital = sentence[:1].upper() + sentence[1:]
    return capital if capital.endswith((".", "!", "?")) else f"{capital}."
