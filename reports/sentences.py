"""Sentences of clinical text, with the character offsets that evidence points to.

One pass over the text looks at every place where a sentence may end (a run of stops, a line break, a label in capitals,
a list number) and decides from a bounded stretch on either side, so that the time is linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from coarse2fine.reports.words import (
    CONNECTING,
    DESIGNATORS,
    NEVER_LAST,
    OPENERS,
    SELDOM_LAST,
    TITLES,
    WITH_NUMBER,
)

__all__ = ["Sentence", "split_sentences"]


class Sentence(NamedTuple):
    """One sentence: `text == source[start:end]`, without surrounding white space or list marker."""

    text: str
    start: int
    end: int


_BREAKS = "\n\r\v\f\x85\u2028\u2029"
_LABEL = r"[^\W\d_][\w/&,()\-]*+(?:[ \t][\w/&,()\-]++){0,4}+[ \t]*+:(?!\d)"
_CANDIDATE = re.compile(
    rf"""
      (?P<stop>[.!?…]++["')\]’”]*+)
    | (?P<line>[{_BREAKS}]\s*+)
    | (?P<label>(?<=[a-z0-9)]\s)(?=(?!X++:)[A-Z]{{4,}}+(?:[ /&]{{1,3}}[A-Z]++){{0,4}}+:))       # "Clear HEART: Normal"
    | (?P<item>(?<=\s)(?=\(?(?P<number>\d{{1,2}})[.)](?:\s++[A-Z]|[A-Z][a-z])))               # "Foo 2. Bar"
    """,
    re.VERBOSE,
)
_MARKER = re.compile(
    r"""
    \s*+(?:[•·▪◦‣●○►➢]\s*+|[-–—*]\s++|[-–—](?=[A-Z][a-z]))?+
    (?:\(?(?P<number>\d{1,2})[.)](?:\s++(?=\S)|(?=[A-Z](?:[a-z]|\s)))|\(?[a-z]\)\s++(?=\S))?+
    """,
    re.VERBOSE,
)
_LINE_BREAK = re.compile(rf"\r\n|[{_BREAKS}]")
_LABEL_START = re.compile(_LABEL)
_SPACE = re.compile(r"\s*+")
_NEXT_WORD = re.compile(r"[^\W\d_]{0,24}")
_JOINED = re.compile(r"[A-Z](?:[A-Za-z]|\s)|(?:no|the|there)\s|\d{1,2}[.)]\s++[A-Z]")
_DOTTED = re.compile(r"(?:[A-Za-z]{1,2}\.)+[A-Za-z]{1,2}")
_CONTENT = re.compile(r"[^\W_]")
_WINDOW = 48


def split_sentences(text: str) -> tuple[Sentence, ...]:
    """Split clinical text into sentences.

    Abbreviations, decimals, dates and initials do not end a sentence; list markers are left out of it; a label such as
    "Lungs:" stays with the text that it labels; a line without a stop goes on where the next one begins in lower case.

    Args:
        text: any text; the longest that a report holds takes some hundredths of a second.

    Returns:
        Sentences in order, `text[s.start:s.end] == s.text`, each with at least one letter or digit.
    """
    return tuple(_sentences(text))


def _sentences(text: str) -> Iterator[Sentence]:
    start, listed = _begin(text, 0, 0)
    line = start
    for candidate in _CANDIDATE.finditer(text):
        here = candidate.start()
        if here < start:
            continue
        match candidate.lastgroup:
            case "stop":
                end = candidate.end()
                cut = _is_final(text, start, candidate)
            case "line":
                end = here
                cut = not _goes_on(text, line, candidate)
                line = candidate.end()
            case "label":
                end, cut = here, True
            case _:
                end = here
                cut = _is_next_item(text, start, here, int(candidate["number"]), listed)
        if cut:
            yield from _sentence(text, start, end)
            start, listed = _begin(text, end, listed)
            line = start
    yield from _sentence(text, start, len(text))


def _begin(text: str, position: int, listed: int) -> tuple[int, int]:
    """Where the text proper begins at or after `position`, and the number of the list item that it belongs to."""
    while (marker := _MARKER.match(text, position)) and marker.end() > position:
        position, listed = marker.end(), int(marker["number"] or listed)
    return position, listed


def _sentence(text: str, start: int, end: int) -> Iterator[Sentence]:
    raw = text[start:end]
    if _CONTENT.search(raw):
        bare = raw.strip()
        first = start + len(raw) - len(raw.lstrip())
        yield Sentence(bare, first, first + len(bare))


def _is_final(text: str, start: int, stop: re.Match[str]) -> bool:
    """Whether a run of stops ends the sentence that began at `start`."""
    gap_end = _past(_SPACE, text, stop.end())
    if gap_end == len(text):
        return True
    run, following = stop[0], text[gap_end]
    before = text[max(start, stop.start() - _WINDOW) : stop.start()]
    if gap_end == stop.end():
        return _is_joined(text, before, stop)
    if run[0] == "?" and before[-1:] in {"", " ", "\t", "("}:  # "? pneumonia" asks, it does not end
        return False
    if "…" in run or "..." in run:
        return following.isupper()
    if run[0] != ".":
        return True
    next_line = bool(_LINE_BREAK.search(text, stop.end(), gap_end))
    next_word = text[gap_end : _past(_NEXT_WORD, text, gap_end)]
    return not _is_abbreviation(before, next_word, following, next_line)


def _is_joined(text: str, before: str, stop: re.Match[str]) -> bool:
    """Whether a stop without a space after it ends a sentence: "clear.No effusion", but not "5.8" or "Ph.D."."""
    word = _last_word(before)
    if word.lower() in NEVER_LAST or _DOTTED.fullmatch(word) or (len(word) < 2 and not before.endswith(")")):
        return False
    following = _JOINED.match(text, stop.end())
    if following is None or not (before[-1:].isalnum() or before.endswith(")")):
        return False
    if before[-1:].islower() or before.endswith(")"):
        return True
    return following[0][0].isupper() and following[0][1:].islower()


def _is_abbreviation(before: str, next_word: str, following: str, next_line: bool) -> bool:
    """Whether the single stop after `before` belongs to an abbreviation, so that the sentence goes on."""
    word = _last_word(before)
    key = word.lower()
    if key in NEVER_LAST:
        return True
    if key in WITH_NUMBER:
        return following.isdigit()
    if len(word) == 1 and word.isalpha():
        return _is_initial(before[: -len(word)], word, next_word)
    if key in SELDOM_LAST or _DOTTED.fullmatch(word):
        opens = following.isupper() or (next_line and not following.islower())
        return not opens or not before[: -len(word)].strip()
    return False


def _is_initial(before: str, letter: str, next_word: str) -> bool:
    """Whether a single letter is short for a word ("J. Smith", "E. coli"), unlike that of "hepatitis C."."""
    previous = _last_word(before.rstrip().rstrip("."))
    key = previous.lower()
    if key in DESIGNATORS or next_word.lower() in OPENERS:
        return False
    if not next_word:  # "kidneys: r. 10 cm, l. 11 cm"
        return letter.islower()
    if next_word[0].islower():
        return True
    named = previous.istitle() and len(previous) > 1 and before.strip() != previous
    return not previous or key in TITLES or key in CONNECTING or len(previous) == 1 or named


def _goes_on(text: str, line_start: int, gap: re.Match[str]) -> bool:
    """Whether the sentence goes on after a line break. A line that ended in a full stop never gets here."""
    line = text[line_start : gap.start()].rstrip()
    if gap.end() == len(text) or _past(_MARKER, text, gap.end()) > gap.end():
        return False
    labelled = _LABEL_START.match(text, gap.end())
    if _LABEL_START.fullmatch(line):
        return not labelled
    if len(_LINE_BREAK.findall(gap[0])) > 1:
        return False
    following = text[gap.end()]
    if following in ".,;:)]%/(" or line.endswith((",", "-", "–", "(", "/", "&", ".")):
        return True
    return _last_word(line[-_WINDOW:]).lower() in CONNECTING or (following.islower() and not labelled)


def _is_next_item(text: str, start: int, here: int, number: int, listed: int) -> bool:
    """Whether "2." inside a line begins the second item of a list, rather than end "grade 2."."""
    before = text[max(start, here - _WINDOW) : here].rstrip()
    if number == 1:
        return before.endswith(":")
    return number == listed + 1 > 1 and _last_word(before).lower() not in DESIGNATORS | CONNECTING


def _last_word(before: str) -> str:
    words = before.split()
    return words[-1].lstrip("([\"'“‘") if words and not before[-1:].isspace() else ""


def _past(pattern: re.Pattern[str], text: str, position: int) -> int:
    """The end of what `pattern` matches at `position`; `position` where it matches nothing."""
    found = pattern.match(text, position)
    return found.end() if found else position
