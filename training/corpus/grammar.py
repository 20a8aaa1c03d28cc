"""The template language of the knowledge base: `{placeholder}`, `[optional]`, `(one|two)`."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from coarse2fine.reports import InputError

__all__ = ["PLURALS", "Expansion", "Template", "tidy"]

PLURALS: Mapping[str, tuple[str, str]] = {
    "s": ("", "s"),
    "es": ("", "es"),
    "is": ("is", "are"),
    "was": ("was", "were"),
    "has": ("has", "have"),
    "a": ("a", ""),
}
"""Placeholders that follow grammatical number: (singular, plural)."""

SAID_BY = {"side_lay": "side", "broad": "site"}
"""Placeholders that say the same fact as another one."""


@dataclass(frozen=True)
class _Text:
    text: str


@dataclass(frozen=True)
class _Slot:
    name: str


@dataclass(frozen=True)
class _Choice:
    options: tuple[_Sequence, ...]
    optional: bool


_Sequence = tuple[_Text | _Slot | _Choice, ...]


@dataclass
class Expansion:
    """A text made from a template, and the attributes it says ("side", "size", ...)."""

    text: str
    said: set[str] = field(default_factory=set)


class _Missing(Exception):
    """A placeholder has no value here."""


_TOKEN = re.compile(r"\{([^{}]*)\}|([\[\]()|])")


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    position = 0
    for match in _TOKEN.finditer(source):
        if match.start() > position:
            yield "text", source[position : match.start()]
        if match.group(1) is not None:
            yield "slot", match.group(1)
        else:
            yield match.group(2), ""
        position = match.end()
    if position < len(source):
        yield "text", source[position:]


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(_tokens(source))
        self.position = 0

    def sequence(self, closer: str) -> tuple[_Sequence, ...]:
        """Parse alternatives up to `closer`; the whole template has the closer ""."""
        options: list[list[_Text | _Slot | _Choice]] = [[]]
        while self.position < len(self.tokens):
            kind, text = self.tokens[self.position]
            self.position += 1
            if kind == closer:
                return tuple(tuple(option) for option in options)
            if kind == "text":
                options[-1].append(_Text(text))
            elif kind == "slot":
                options[-1].append(_Slot(text))
            elif kind == "[":
                options[-1].append(_Choice(self.sequence("]"), optional=True))
            elif kind == "(":
                options[-1].append(_Choice(self.sequence(")"), optional=False))
            elif kind == "|" and closer:
                options.append([])
            else:
                raise InputError(f"unexpected {kind!r} in the template {self.source!r}")
        if closer:
            raise InputError(f"missing {closer!r} in the template {self.source!r}")
        return tuple(tuple(option) for option in options)


@lru_cache(maxsize=100_000)
def _parse(source: str) -> _Sequence:
    return _Parser(source).sequence("")[0]


def _required(sequence: _Sequence) -> set[str]:
    names: set[str] = set()
    for node in sequence:
        if isinstance(node, _Slot):
            names.add(node.name)
        elif isinstance(node, _Choice) and not node.optional:
            common = [_required(option) for option in node.options]
            names |= set.intersection(*common)
    return names


def _all_slots(sequence: _Sequence) -> set[str]:
    names: set[str] = set()
    for node in sequence:
        if isinstance(node, _Slot):
            names.add(node.name)
        elif isinstance(node, _Choice):
            for option in node.options:
                names |= _all_slots(option)
    return names


@dataclass(frozen=True)
class Template:
    """One template of the knowledge base.

    Args:
        source: the text with its placeholders, options and alternatives.

    Raises:
        InputError: brackets do not match (on first use).
    """

    source: str

    @property
    def slots(self) -> set[str]:
        """All placeholders that the template can say."""
        return _all_slots(_parse(self.source))

    @property
    def required(self) -> set[str]:
        """The placeholders without which it cannot be used."""
        return {name for name in _required(_parse(self.source)) if not _is_grammar(name)}

    def fits(self, values: Mapping[str, str]) -> bool:
        """Whether every required placeholder has a value."""
        return self.required <= set(values)

    def expand(
        self,
        rng: random.Random,
        values: Mapping[str, str] | None = None,
        *,
        plural: bool = False,
        keep: float = 0.5,
        always: frozenset[str] = frozenset(),
    ) -> Expansion | None:
        """Make one text; None where a required placeholder has no value.

        Args:
            values: what each placeholder becomes.
            plural: grammatical number of the thing described.
            keep: probability that an optional part stays.
            always: placeholders whose optional parts always stay, such as {"side"}.
        """
        said: set[str] = set()

        def kept(option: _Choice) -> bool:
            names = set().union(*(_all_slots(o) for o in option.options)) if always else set()
            return bool({SAID_BY.get(n, n) for n in names} & always) or rng.random() < keep

        try:
            text = _expand(_parse(self.source), values or {}, said, plural, kept, rng)
        except _Missing:
            return None
        return Expansion(tidy(text), said)


def _is_grammar(name: str) -> bool:
    return name in PLURALS or "|" in name


def _expand(
    sequence: _Sequence,
    values: Mapping[str, str],
    said: set[str],
    plural: bool,
    keep: Callable[[_Choice], bool],
    rng: random.Random,
) -> str:
    parts = []
    for node in sequence:
        if isinstance(node, _Text):
            parts.append(node.text)
        elif isinstance(node, _Slot):
            parts.append(_fill(node.name, values, said, plural))
        else:
            parts.append(_choose(node, values, said, plural, keep, rng))
    return "".join(parts)


def _fill(name: str, values: Mapping[str, str], said: set[str], plural: bool) -> str:
    if name in PLURALS:
        return PLURALS[name][plural]
    if "|" in name:
        return name.split("|")[plural]
    if not values.get(name):
        raise _Missing(name)
    said.add(SAID_BY.get(name, name))
    return values[name]


def _choose(
    node: _Choice,
    values: Mapping[str, str],
    said: set[str],
    plural: bool,
    keep: Callable[[_Choice], bool],
    rng: random.Random,
) -> str:
    if node.optional and not keep(node):
        return ""
    options = list(node.options)
    rng.shuffle(options)
    for option in options:
        here: set[str] = set()
        try:
            text = _expand(option, values, here, plural, keep, rng)
        except _Missing:
            continue
        said |= here
        return text
    if node.optional:
        return ""
    raise _Missing("no alternative fits")


_AN = re.compile(
    r"(?<![Tt]ype )(?<![Gg]rade )\b([Aa]) "
    r"(?=(?:[aeioAEIO]|un(?!i)|ul|um|ur(?!e|i)|upp|8|11\b|18\b|MR|L\d|S\d|F[A-Z]|X-))"
)
_A = re.compile(r"\b([Aa])n (?=(?:one\b|eu|uni(?!n|m)|us|ur(?=e|i)))")


def tidy(text: str) -> str:
    """Fold spaces, mend a/an and punctuation, capitalise the first letter, end with a stop."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.;:])", r"\1", text)
    text = re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text)
    text = re.sub(r"[,;:]\.", ".", text)
    text = re.sub(r"\.(?:\s*\.)+", ".", text)
    text = re.sub(r"^[,.;:\s]+", "", text)
    text = re.sub(r"[,;:\s]+$", "", text)
    text = _A.sub(r"\1 ", _AN.sub(r"\1n ", text))
    text = re.sub(r"([.?!]\s+)([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)
    if text:
        text = text[0].upper() + text[1:]
        if text[-1] not in ".?!":
            text += "."
    return text
