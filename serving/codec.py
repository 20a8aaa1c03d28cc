"""The slot codec of nano: a reversible step between clinical text and a closed word-level vocabulary.

Words outside the vocabulary become `<w0>`, `<w1>`, ... and everything with a digit in it `<n0>`, `<n1>`, ..., one slot
for each distinct word of a conversation, and are put back after decoding. A model that may only emit slots which stand
in its prompt cannot invent a word, a figure or a vertebral level. The codec wraps the model, in process and over HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = [
    "ANSWER",
    "CASE",
    "CASES",
    "CONTROLS",
    "END",
    "GUARDED",
    "NEWLINE",
    "NUMBER_SLOTS",
    "START",
    "WORD_SLOTS",
    "Codec",
    "Session",
    "neutralise",
    "split_words",
]

START, END, ANSWER, NEWLINE, BULLET, DASH = "<s>", "</s>", "<|answer|>", "<|nl|>", "•", "–"
CONTROLS: Sequence[str] = (
    "<|exam|>", "<|info|>", "<|findings|>", "<|draft|>", "<|style|>", "<|words|>", "<|brief|>", "<|bullet|>",
    "<|comprehensive|>", "<|revise|>", "<|text|>", "<|critique|>", "<|wrong|>", "<|missing|>", "<|cases|>", "<|case|>",
)  # fmt: skip
"""Marks of nano's prompts. Only templates write them: `neutralise` breaks them in data."""

LENGTHS = ("<|10|>", "<|20|>", "<|40|>", "<|80|>", "<|160|>", "<|any|>")
"""Wanted length in words, at most."""

WORD_SLOTS = tuple(f"<w{i}>" for i in range(160))
NUMBER_SLOTS = tuple(f"<n{i}>" for i in range(96))
MARKERS = tuple(f"{i}." for i in range(1, 21))

CASES, CASE = "<|cases|>", "<|case|>"
"""What stands between the first and the next other mark is other patients': it gives no slot and frees no side."""

GUARDED = frozenset({"left", "right"})
"""Vocabulary words that may be emitted only where the prompt has them (or "bilateral" and the like)."""
_FREES = {"left": {"left", "bilateral", "bilaterally", "both"}, "right": {"right", "bilateral", "bilaterally", "both"}}

_WORD = re.compile(
    r"(?P<control><\|[a-z0-9]+\|>)"
    r"|(?P<newline>\s*\n\s*)"
    r"|(?P<number>[A-Za-z]{0,3}-?\d+(?:[.,:/x-]?\d+|-[A-Za-z]\d+)*(?:th|st|nd|rd)?(?![a-z]{0}\d))"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_MARKER = re.compile(r"(?:^|(?<=\n))[ \t]*(?:(\d{1,2})[.)]|[-*•])[ \t]+")
_NO_SPACE_BEFORE = frozenset(".,;:?!)%]") | {"'"}
_NO_SPACE_AFTER = frozenset("([")
_GLUED = frozenset("-/")


def neutralise(text: str) -> str:
    """Break control marks in data, so that a report cannot speak as a template."""
    return text.replace("<|", "< |").replace("|>", "| >")


class Word(NamedTuple):
    """A token of the text before slots: `text` as written, `kind` of `_WORD` or "marker"."""

    text: str
    kind: str


def split_words(text: str) -> list[Word]:
    """Split text into words, figures, marks and punctuation; white space is dropped, line ends are kept."""
    found: list[Word] = []
    position = 0
    for match in _MARKER.finditer(text):
        found += _plain(text[position : match.start()])
        number = match.group(1)
        known = number is not None and f"{int(number)}." in MARKERS
        found.append(Word(f"{int(number)}." if known else BULLET, "marker"))
        position = match.end()
    return found + _plain(text[position:])


def _plain(text: str) -> list[Word]:
    found: list[Word] = []
    for match in _WORD.finditer(text):
        kind, piece = str(match.lastgroup), match.group()
        if kind == "newline":
            found.append(Word(NEWLINE, "newline"))
        elif kind == "other" and piece in "-–—" and _spaced(text, match):
            found.append(Word(DASH, "other"))
        elif kind != "space":
            found.append(Word(piece, kind))
    return found


def _spaced(text: str, match: re.Match[str]) -> bool:
    return text[match.start() - 1 : match.start()].isspace() or text[match.end() : match.end() + 1].isspace()


@dataclass
class Session:
    """The slots of one conversation: what each stands for, in order of appearance."""

    words: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    shouting: bool = False

    def slot(self, text: str, *, number: bool, known_only: bool = False) -> str | None:
        """The slot of a word or figure, given out on first sight; None where all are taken.

        Args:
            number: a figure, not a word.
            known_only: give out no new slot.
        """
        known, slots = (self.numbers, NUMBER_SLOTS) if number else (self.words, WORD_SLOTS)
        key = text.lower()
        for index, surface in enumerate(known):
            if surface.lower() == key:
                return slots[index]
        if known_only or len(known) == len(slots):
            return None
        known.append(text)
        return slots[len(known) - 1]

    def surface(self, slot: str) -> str:
        """What a slot stands for.

        Raises:
            KeyError: it was not given out in this conversation.
        """
        known = self.numbers if slot.startswith("<n") else self.words
        index = int(slot[2:-1])
        if index >= len(known):
            raise KeyError(slot)
        text = known[index]
        return text.lower() if self.shouting and slot.startswith("<w") else text

    def slots(self) -> list[str]:
        """All slots given out so far."""
        return [*WORD_SLOTS[: len(self.words)], *NUMBER_SLOTS[: len(self.numbers)]]


class Codec:
    """Turns text into slotted tokens and back.

    Args:
        vocabulary: lower-case words that the model knows.
        casing: how a vocabulary word is written inside a sentence where that is not lower case ("ct": "CT").
    """

    def __init__(self, vocabulary: Iterable[str], casing: Mapping[str, str] | None = None) -> None:
        self.vocabulary = frozenset(vocabulary)
        self.casing = dict(casing or {})

    def encode(self, text: str, session: Session, hidden: frozenset[str] = frozenset()) -> list[str]:
        """Slotted tokens of `text`; `session` learns its new words and figures.

        Args:
            hidden: lower-case words that are treated as unknown (training: the model learns to copy).
        """
        tokens = []
        others = False
        for word in split_words(text):
            if word.kind == "control":
                others = word.text == CASES or (others and word.text == CASE)
            token = self._token(word, session, hidden, known_only=others)
            if not others:
                session.seen.add(token)
            tokens.append(token)
        return tokens

    def _token(self, word: Word, session: Session, hidden: frozenset[str], known_only: bool) -> str:
        if word.kind in ("control", "newline", "marker"):
            return word.text
        lower = word.text.lower().replace("’", "'")
        if word.kind != "number" and lower in self.vocabulary and lower not in hidden:
            return lower
        return session.slot(word.text, number=word.kind == "number", known_only=known_only) or "<unk>"

    def decode(self, tokens: Sequence[str], session: Session) -> str:
        """Text of slotted tokens, with slots put back, spaces and capitals as in prose.

        Raises:
            KeyError: a slot was not given out in this conversation.
        """
        parts: list[str] = []
        start = True
        for index, token in enumerate(tokens):
            before = tokens[index - 1] if index else NEWLINE
            text = self._surface(token, session)
            if start and token not in MARKERS and token != BULLET:
                text = _capital(text)
            if token == NEWLINE:
                parts.append("\n")
            else:
                parts.append(text if _tight(before, token) else f" {text}")
            start = token in (NEWLINE, ".", "?", "!", BULLET, *MARKERS) or (start and not text[-1:].isalnum())
        return "".join(parts).strip()

    def _surface(self, token: str, session: Session) -> str:
        if token[:2] in ("<w", "<n") and token[2:-1].isdigit():
            return session.surface(token)
        if token == BULLET:
            return "-"
        return self.casing.get(token, token)

    def forbidden(self, session: Session) -> set[str]:
        """Vocabulary words that an answer in this conversation must not contain: a side nobody mentioned."""
        if not session.seen & GUARDED.union(*_FREES.values()):
            return set(GUARDED)
        return {word for word in GUARDED if not session.seen & _FREES[word]}


def _capital(text: str) -> str:
    """The text with a capital first letter, where that letter has one of its own ("ß" and "µ" have none)."""
    first = text[:1].upper()
    return first + text[1:] if first.lower() == text[:1].lower() else text


def _tight(before: str, token: str) -> bool:
    return (
        before == NEWLINE
        or token in _NO_SPACE_BEFORE
        or before in _NO_SPACE_AFTER
        or token in _GLUED
        or before in _GLUED
    )
