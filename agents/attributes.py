"""The attributes of a finding in a run of words: sides, severity, sizes, counts, levels, zones, changes, acuity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from coarse2fine.agents.lexicon import Phrases, Token, lexicon

__all__ = ["Attributes", "Measure", "attributes"]


class Measure(NamedTuple):
    """A number with a unit, in its kind's base unit (length in mm); `kind` is "" for a bare number."""

    kind: str
    value: float
    text: str


class Attributes(NamedTuple):
    """What is said of a finding; empty where nothing is."""

    sides: frozenset[str] = frozenset()
    severity: frozenset[int] = frozenset()
    measures: tuple[Measure, ...] = ()
    counts: frozenset[int] = frozenset()
    many: bool = False
    levels: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    acuity: frozenset[str] = frozenset()
    grades: frozenset[tuple[str, str]] = frozenset()

    def joined(self, other: Attributes) -> Attributes:
        """What either says."""
        return Attributes(
            self.sides | other.sides, self.severity | other.severity, self.measures + other.measures,
            self.counts | other.counts, self.many or other.many, self.levels | other.levels, self.zones | other.zones,
            self.changes | other.changes, self.acuity | other.acuity, self.grades | other.grades,
        )  # fmt: skip

    def or_else(self, other: Attributes) -> Attributes:
        """What this says; where it says nothing of a kind, what the other says."""
        return Attributes(
            self.sides or other.sides, self.severity or other.severity, self.measures or other.measures,
            self.counts or other.counts, self.many or other.many, self.levels or other.levels,
            self.zones or other.zones, self.changes or other.changes, self.acuity or other.acuity,
            self.grades or other.grades,
        )  # fmt: skip


class _Tables(NamedTuple):
    sides: Phrases
    severity: Phrases
    changes: Phrases
    acuity: Phrases
    zones: Phrases


_LEVEL = re.compile(
    r"\b([ctls])[\s-]?(\d{1,2})(?:\s*(?:[-–/]|to|through|thru)\s*([ctls])?[\s-]?(\d{1,2})\b)?"
    r"(?![.\d]|\s*(?:mm|cm)\b)",
    re.IGNORECASE,
)


@cache
def _tables() -> _Tables:
    lex = lexicon()
    changes = {**lex.terms["changes"], "none": lex.terms["not_changes"]}
    phrases = Phrases((lex.phrase(w), name) for name, words in changes.items() for w in words)
    zones = Phrases((lex.phrase(w), name) for name, words in lex.terms["zones"].items() for w in words)
    return _Tables(lex.classes("sides"), lex.classes("severity"), phrases, lex.classes("acuity"), zones)


def attributes(tokens: Sequence[Token], text: str) -> Attributes:
    """Attributes in a run of tokens.

    Args:
        tokens: the run; text: the sentence that the tokens' offsets point into.
    """
    if not tokens:
        return Attributes()
    tables, raws, words = _tables(), [t.raw for t in tokens], [t.word for t in tokens]
    piece = text[tokens[0].start : tokens[-1].end]
    counts, many = _counts(tokens)
    return Attributes(
        sides=_sides(tables.sides, raws, words),
        severity=frozenset(
            int(m.value) for m in tables.severity.find(raws) if m.end == len(words) or words[m.end] not in _NOT_GRADED
        ),
        measures=_measures(tokens),
        counts=counts,
        many=many,
        levels=_levels(piece, tokens),
        zones=frozenset(m.value for m in tables.zones.find(words)),
        changes=frozenset(m.value for m in tables.changes.find(words)) - {"none"},
        acuity=frozenset(m.value for m in tables.acuity.find(raws)),
        grades=_grades(piece),
    )


_NOT_GRADED = frozenset(["vessel", "bowel", "airway", "saphenous", "territory"])
""" "Small vessel disease" is not small, "large territory infarct" not large."""
_SCHEMES = {"tr": "tirads", "lr": "lirads", "br": "birads", "category": "birads"}
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8"}
_GRADED = re.compile(
    r"\b(bi-?rads|pi-?rads|ti-?rads|li-?rads|lung-?rads|tr(?=\s?\d)|lr(?=[\s-]?\d)|grade|segment|stage|type|bosniak|modic"
    r"|deauville|outerbridge|fazekas|zone)[\s-]*(?:score|category|assessment|class|type|grade|:)?[\s-]*(?:of )?"
    r"(\d{1,2}|viii|vii|vi|iv|v|i{1,3})(?:[a-c](?![a-z]))?\b",
    re.IGNORECASE,
)


def _grades(piece: str) -> frozenset[tuple[str, str]]:
    """Grades by their scheme: "BI-RADS 4A" is ("birads", "4"), "grade III" ("grade", "3")."""
    found = ((m[1].lower().replace("-", ""), m[2].lower()) for m in _GRADED.finditer(piece))
    return frozenset((_SCHEMES.get(scheme, scheme), _ROMAN.get(value, value)) for scheme, value in found)


def _sides(table: Phrases, raws: Sequence[str], words: Sequence[str]) -> frozenset[str]:
    sides = {m.value for m in table.find(raws)}
    if not sides and ("middle", "lobe") in pairwise(words):
        sides.add("right")
    if {"left", "right"} <= sides:
        sides.add("bilateral")
    return frozenset(sides)


def _measures(tokens: Sequence[Token]) -> tuple[Measure, ...]:
    """Numbers with their units; the unit that ends "3.2 x 2.1 cm" or "2-3 mm" holds for all of them."""
    units, found, run = lexicon().terms["units"], [], []
    for i, token in enumerate(tokens):
        if _is_number(token.raw):
            run.append(token)
        elif run and token.word in units and i and tokens[i - 1].raw in (run[-1].raw,):
            kind, factor = units[token.word]
            found += [Measure(kind, round(float(n.raw) * float(factor), 4), f"{n.raw} {token.raw}") for n in run]
            run = []
        elif run and token.word not in ("x", "by", "to", "×", "and", "or"):
            run = []
    return tuple(found)


def _is_number(raw: str) -> bool:
    return raw.replace(".", "", 1).isdecimal()


def _counts(tokens: Sequence[Token]) -> tuple[frozenset[int], bool]:
    """Counted things: "two nodules", "2 nodules"; and whether there are "several" of them."""
    terms, counts, many = lexicon().terms, set(), False
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        many = many or token.raw in terms["many"]
        if token.raw in terms["counts"] and (token.raw != "one" or following is not None):
            counts.add(int(terms["counts"][token.raw]))
        elif token.raw.isdecimal() and 1 < int(token.raw) < 20 and following is not None:
            plural = following.raw.isalpha() and following.raw != following.word and following.raw.endswith("s")
            if plural and following.word not in terms["units"] and following.word not in _TIMES:
                counts.add(int(token.raw))
    return frozenset(counts), many


_TIMES = frozenset(["day", "week", "month", "year", "hour", "minute", "view", "lobe", "image", "level"])


def _levels(piece: str, tokens: Sequence[Token]) -> frozenset[str]:
    """Numbered places in one form: "L4/5" is L4-L5 (and L4, L5 where a range is compared), "8th rib" is "#8".

    Places on a breast's clock are levels too: "10 o'clock" is "@10".
    """
    found: set[str] = set()
    for match in _LEVEL.finditer(piece):
        letter, number, second, last = match.groups()
        if int(number) > 13:
            continue
        found.add(f"{letter.upper()}{int(number)}")
        if last and int(last) <= 13:
            found.add(f"{(second or letter).upper()}{int(last)}")
            if (second or letter).lower() == letter.lower():
                found |= {f"{letter.upper()}{n}" for n in range(int(number), int(last))}
    terms = lexicon().terms
    nouns = set(terms["level_nouns"])
    near = {i + step for i, t in enumerate(tokens) if t.word in nouns or t.raw in nouns for step in range(-6, 4)}
    for i, token in enumerate(tokens):
        digits = token.raw[:-2] if token.raw[-2:] in ("st", "nd", "rd", "th") else ""
        ordinal = terms["ordinals"].get(token.raw) or (digits if digits.isdecimal() else "")
        if ordinal and i in near:
            found.add(f"#{int(ordinal)}")
        if token.raw == "o'clock" and i and tokens[i - 1].raw.isdecimal():
            found.add(f"@{int(tokens[i - 1].raw)}")
    return frozenset(found)
