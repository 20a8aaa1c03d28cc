"""The check of plain words: each must stand for something that the report says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from coarse2fine.agents.faults import Fault
from coarse2fine.agents.plain_words import Line, PlainWord, Said, line_of, plain_words
from coarse2fine.agents.source import Claim, Source
from coarse2fine.agents.statements import parse
from coarse2fine.reports import split_sentences

__all__ = ["PlainCheck", "stands_for_something"]

_SIDE = re.compile(r"\b(left|right)\b")


class PlainCheck:
    """The claim uses a plain word that stands for nothing the report says, or puts a thing where the report puts none.

    Of what is said to be there, or may be, each word for a thing ("stone", "swollen") must have its like among what the
    findings say is there, each word for a part of the body anywhere in the report; and where a part of the claim has
    both, one sentence of the findings must say such a thing of such a part.
    """

    name = "plain"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's plain words."""
        line = line_of(claim.text)
        if not plain_words().prose.search(line.full):
            return None
        denying = {w.clause for w in line.words if plain_words().denials.search(f" {w.text} ")}
        said = [
            s for s in plain_words().find(line) if s.polarity in ("asserted", "possible") and s.clause not in denying
        ]
        if not said:
            return None
        told = _Told(source, line)
        for one in said:
            if one.word.kind != "place" and not told.says(one):
                return self._fault(f"the report speaks of no {_words(claim, one)}")
        for _, members in groupby(said, key=lambda s: s.clause):
            fault = self._places(claim, list(members), told)
            if fault:
                return fault
        return None

    def _places(self, claim: Claim, said: Sequence[Said], told: _Told) -> Fault | None:
        if all(s.word.kind == "place" for s in said) and any(s.fine for s in said):
            return None
        for place in said:
            if place.word.kind == "place" and not told.names(place.word):
                return self._fault(f"the report does not speak of the {_words(claim, place)}")
        for part in _parts(said):
            things = _things(part)
            for place in part:
                side = _side(claim, place)
                if place.word.kind == "place" and not place.beside and things and told.apart(things, place, side):
                    where = " ".join(filter(None, [side, _words(claim, place).replace(f"{side} ", "")]))
                    return self._fault(f"the report puts no {_words(claim, things[0])} in the {where}")
        return None

    def _fault(self, reason: str) -> Fault:
        return Fault(self.name, "unsupported", f"plain words: {reason}")


def stands_for_something(text: str, source: Source) -> bool:
    """Whether the check has no fault to find in a text of one or more sentences."""
    check = PlainCheck()
    return not any(check(Claim(sentence, parse(sentence.text)), source) for sentence in split_sentences(text))


def _words(claim: Claim, said: Said) -> str:
    return claim.text[said.start : said.end].lower()


def _side(claim: Claim, said: Said) -> str | None:
    """The one side that stands in an expression or right before it."""
    spoken = set(_SIDE.findall(claim.text[said.before : said.end].lower()))
    return spoken.pop() if len(spoken) == 1 else None


def _things(said: Iterable[Said]) -> list[Said]:
    return [s for s in said if s.word.kind == "thing"]


def _parts(said: Sequence[Said]) -> list[list[Said]]:
    """What one clause says, cut at commas and "and" where a new thing begins."""
    parts: list[list[Said]] = []
    for _, members in groupby(said, key=lambda s: s.part):
        piece = list(members)
        if parts and not (_things(piece) and _things(parts[-1])):
            parts[-1].extend(piece)
        else:
            parts.append(piece)
    return parts


class _Told:
    """What a report says, line by line, to one who reads a claim.

    A claim that hedges may conclude more; what a claim calls gone the report may deny.
    """

    def __init__(self, source: Source, claim: Line) -> None:
        self._lines = [line_of(s.text) for s in source.sentences]
        report = source.report
        self._title = line_of(report.exam)
        self._beside = [line_of(t) for t in (report.clinical_information, report.comparison, report.technique)]
        self._hedged = plain_words().hedges.search(claim.full) is not None
        self._gone = plain_words().gone.search(claim.full) is not None

    def says(self, said: Said) -> bool:
        """Whether the findings say that what a word stands for is there."""
        return any(self._holds(line, said) for line in self._lines)

    def _holds(self, line: Line, said: Said) -> bool:
        text = line.full if self._gone else line.asserted
        if said.word.means.search(text):
            return True
        hedged = said.word.may_be if self._hedged or said.polarity == "possible" else None
        return hedged is not None and hedged.search(text) is not None

    def names(self, word: PlainWord) -> bool:
        """Whether the report speaks of a part of the body."""
        return any(word.means.search(line.full) for line in (*self._lines, self._title, *self._beside))

    def apart(self, things: Sequence[Said], place: Said, side: str | None) -> bool:
        """Whether no sentence of the findings says one of the things of a place, on a side.

        A sentence that names no part of the body is about the one that the sentence before it names. The title of the
        examination is a place of every sentence.
        """
        for before, line in zip([line_of(""), *self._lines], self._lines, strict=False):
            where = line.full + self._title.full + ("" if line.placed else before.full)
            on_it = not side or not line.sides or not line.sides.isdisjoint((side, "bilateral"))
            if on_it and place.word.means.search(where) and any(self._holds(line, t) for t in things):
                return False
        return True
