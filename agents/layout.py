"""The layout of an impression: lines, list marks and sentences, taken apart, joined, cut and written again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from coarse2fine.reports import split_sentences

__all__ = ["Line", "closed", "halves", "join_texts", "lines_of", "unrepeated", "write"]

_MARK = re.compile(r"[ \t]*(\d{1,2}[.)]|[-–*•])[ \t]+")


class Line(NamedTuple):
    """One line: its list mark ("1.", "2)", "-", "•", or "" for prose) and the sentences that begin on it."""

    mark: str
    sentences: tuple[str, ...]


def lines_of(text: str, changed: Mapping[tuple[int, int], str] | None = None) -> list[Line]:
    """The lines of a text that hold a sentence.

    Args:
        changed: what stands in place of a sentence, by its start and end in the text; "" for nothing.
    """
    kept: dict[int, list[str]] = {}
    for sentence in split_sentences(text):
        if said := (changed or {}).get((sentence.start, sentence.end), sentence.text):
            begin = text.rfind("\n", 0, sentence.start) + 1
            kept.setdefault(begin, []).append(said)
    return [Line(_mark(text, begin), tuple(sentences)) for begin, sentences in kept.items()]


def _mark(text: str, begin: int) -> str:
    found = _MARK.match(text, begin)
    return found.group(1) if found else ""


def write(lines: Sequence[Line]) -> str:
    """Text of lines; numbered ones are numbered anew from 1."""
    written, number = [], 0
    for mark, sentences in lines:
        if mark[:1].isdigit():
            number += 1
            mark = f"{number}{mark[-1]}"
        written.append(" ".join([mark, *sentences] if mark else sentences))
    return "\n".join(written)


def closed(sentence: str) -> str:
    """A sentence with a capital at its start and a stop at its end."""
    capital = sentence[:1].upper() + sentence[1:]
    return capital if capital.endswith((".", "!", "?")) else f"{capital}."


def unrepeated(lines: Iterable[Line]) -> list[Line]:
    """Lines without the sentences that were said before, in any case of letters."""
    seen: set[str] = set()
    kept = []
    for mark, sentences in lines:
        fresh = tuple(s for s in dict.fromkeys(sentences) if s.casefold() not in seen)
        seen.update(s.casefold() for s in fresh)
        if fresh:
            kept.append(Line(mark, fresh))
    return kept


def join_texts(texts: Iterable[str]) -> str:
    """One text of several: a list goes on as a list, prose as prose; what was said before is not said again."""
    lines = unrepeated(line for text in texts for line in lines_of(text))
    if any(line.mark for line in lines):
        return write(lines)
    return " ".join(closed(sentence) for line in lines for sentence in line.sentences)


def halves(text: str) -> tuple[str, str] | None:
    """A text cut between two sentences near its middle; None where it has only one sentence."""
    sentences = split_sentences(text)
    if len(sentences) < 2:
        return None
    cut = min((s.start for s in sentences[1:]), key=lambda start: abs(start - len(text) / 2))
    mark = _MARK.match(text, text.rfind("\n", 0, cut) + 1)
    cut = mark.start() if mark and mark.end() >= cut else cut
    return text[:cut].rstrip(), text[cut:].strip()
