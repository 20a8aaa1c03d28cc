"""What plain words a sentence holds and what a report must say for them, read once from `lexicon/plain_words.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, Literal, NamedTuple, cast

import yaml

from coarse2fine.agents.attributes import attributes
from coarse2fine.agents.clauses import Polarity, marked
from coarse2fine.agents.lexicon import lexicon

__all__ = ["Line", "PlainWord", "Said", "Word", "line_of", "plain_words"]

Kind = Literal["place", "quality", "thing"]
_SMALL = frozenset(
    ["the", "a", "an", "this", "that", "these", "which", "who", "it", "its", "s", "your", "our", "my", "his", "her",
     "their", "left", "right", "both", "lt", "rt", "bilateral", "side"]
)  # fmt: skip
_STOP = "|"
"""Stands in a line where words are left out, so that no phrase reaches over them."""


class Word(NamedTuple):
    """A word of a sentence that is no small word: as it is compared, where it stands, and how it is meant.

    Args:
        clause: number of its clause in the sentence; fine: whether that clause calls something normal.
        part: number of the part of the clause, cut at commas and words like "and".
    """

    text: str
    start: int
    end: int
    polarity: Polarity
    clause: int
    part: int
    fine: bool


class Line:
    """The words of one sentence in a row, for searching.

    Args:
        sides: the sides that it names; placed: whether it names a part of the body.
    """

    def __init__(self, words: Sequence[Word], sides: frozenset[str], placed: bool) -> None:
        self.words, self.sides, self.placed = tuple(words), sides, placed
        self.full = _row(w.text for w in self.words)
        self.asserted = _row(w.text if w.polarity in ("asserted", "possible") else _STOP for w in self.words)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Where each word stands in `full`."""
        return tuple(accumulate((len(word.text) + 1 for word in self.words), initial=1))


def _row(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


@lru_cache(maxsize=8192)
def line_of(text: str) -> Line:
    """The line of one sentence."""
    lex = lexicon()
    words, part = [], 0
    for token, polarity, clause, fine, joins in marked(text):
        part += joins
        spelt = lex.american(token.raw)
        if spelt[0].isalnum() and spelt not in _SMALL:
            words.append(Word(spelt, token.start, token.end, polarity, clause, part, fine))
    parts = (*lex.organ_words.find(lex.phrase(text)), *lex.structures.find(lex.phrase(text)))
    return Line(words, attributes(lex.tokens(text), text).sides, bool(parts))


class PlainWord:
    """A plain expression; its patterns are compiled when they are asked for."""

    def __init__(self, kind: Kind, entry: Mapping[str, Sequence[str]]) -> None:
        self.kind, self._entry = kind, entry

    @cached_property
    def means(self) -> re.Pattern[str]:
        """Finds in a line what it stands for."""
        return _pattern((*self._entry["means"], *self._entry["say"]))

    @cached_property
    def may_be(self) -> re.Pattern[str] | None:
        """Finds what it stands for where a text hedges."""
        return _pattern(self._entry["may_be"]) if "may_be" in self._entry else None


class Said(NamedTuple):
    """A plain expression in a sentence: where, and how it is meant.

    Args:
        before: where the word before it ends.
        beside: a word like "behind" stands before it: it says where something is, and is not the place itself.
    """

    word: PlainWord
    start: int
    end: int
    polarity: Polarity
    clause: int
    part: int
    fine: bool
    beside: bool
    before: int


class PlainWords:
    """The compiled glossary."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.prose = _pattern(table["prose"])
        self.hedges, self.gone = _pattern(table["hedges"]), _pattern(table["gone"])
        self.beside, self.denials = _pattern(table["beside"]), _pattern(table["denials"])
        kinds: tuple[tuple[Kind, str], ...] = (("place", "places"), ("quality", "qualities"), ("thing", "things"))
        entries = [(kind, entry) for kind, key in kinds for entry in table[key]]
        self.words = tuple(PlainWord(kind, entry) for kind, entry in entries)
        by_start: dict[str, list[tuple[str, int]]] = {}
        for number, (_, entry) in enumerate(entries):
            for phrase in entry["say"]:
                by_start.setdefault(_phrase(phrase)[:2], []).append((phrase, number))
        self._by_start = {start: _choice(phrases) for start, phrases in by_start.items()}

    def find(self, line: Line) -> Iterator[Said]:
        """Expressions of a line from left to right, the longest at each place; they do not overlap."""
        at = 0
        while at < len(line.words):
            found = self._at(line, at)
            if found is None:
                at += 1
                continue
            number, end = found
            words = line.words[at:end]
            head = words[0]
            state = next((w.polarity for w in words if w.polarity not in ("asserted", "possible")), head.polarity)
            yield Said(
                self.words[number], head.start, words[-1].end, state, head.clause, head.part, head.fine,
                self._beside(line, at), line.words[at - 1].end if at else 0,
            )  # fmt: skip
            at = end

    def _beside(self, line: Line, at: int) -> bool:
        """Whether one of the two words before a place is like "behind"."""
        return self.beside.search(_row(w.text for w in line.words[max(0, at - 2) : at])) is not None

    def _at(self, line: Line, number: int) -> tuple[int, int] | None:
        choice = self._by_start.get(line.words[number].text[:2])
        if choice is None:
            return None
        match = choice.match(line.full, line.places[number])
        if match is None:
            return None
        return int(cast(str, match.lastgroup).rsplit("_", 1)[1]), number + match[0].count(" ") + 1


def _word(word: str) -> str:
    open_word = word.startswith("~") or "*" in word
    inside = re.escape(word).replace(r"\*", "[a-z0-9]*").replace(r"\~", "[a-z0-9]*")
    return inside if open_word or len(word) < 3 else f"{inside}(?:s|es)?"


def _phrase(phrase: str) -> str:
    return " ".join(_word(word) for word in phrase.split() if word not in _SMALL)


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<= )(?:{'|'.join(dict.fromkeys(_phrase(p) for p in phrases))})(?= )")


def _choice(phrases: Sequence[tuple[str, int]]) -> re.Pattern[str]:
    longest = sorted(phrases, key=lambda pair: (-len(pair[0].split()), -len(pair[0])))
    groups: dict[str, int] = {}
    for phrase, number in longest:
        groups.setdefault(_phrase(phrase), number)
    return re.compile("|".join(f"(?P<e{i}_{n}>{p})(?= )" for i, (p, n) in enumerate(groups.items())))


@cache
def plain_words() -> PlainWords:
    """The glossary that ships with the package."""
    text = (files("coarse2fine.agents") / "lexicon" / "plain_words.yaml").read_text("utf-8")
    return PlainWords(yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)))
