"""Typing and dictation errors in findings, with a seed (the paper's stability test, section 5.2).

    noisy("There is no hilar adenopathy.", rate=0.2, seed=1)

The paper does not tell what its "3 % typographical error rate" counts. Here a rate is the share of words that are
struck, one error a word. The errors at a rate are among those at any greater one with the same seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

import yaml

from coarse2fine.reports import InputError, Report

__all__ = [
    "KINDS",
    "NOISE_SEED",
    "NoiseKind",
    "Struck",
    "count_words",
    "known_kinds",
    "noisy",
    "noisy_report",
    "strike",
]

NoiseKind = Literal["neighbour", "transposition", "deletion", "doubling", "heard"]
"""A neighbouring key; two letters swapped; one left out; one typed twice; a word that sounds alike, as a dictation
machine hears it ("there is know effusion")."""
KINDS: Sequence[NoiseKind] = get_args(NoiseKind)
NOISE_SEED = 20260101
_SHORTEST = 3
"""Letters that a word must have before its letters are struck: units and articles stay."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Struck(NamedTuple):
    """One error: where the word stood in the text as it was, the word, what took its place, and how."""

    start: int
    end: int
    word: str
    written: str
    kind: NoiseKind


class _Lists(NamedTuple):
    heard: Mapping[str, Sequence[str]]
    numbers: frozenset[str]
    beside: Mapping[str, str]


def noisy(
    text: str, rate: float, seed: int = NOISE_SEED, *, numbers: bool = False, kinds: Sequence[NoiseKind] = KINDS
) -> str:
    """The text with errors in about this share of its words; see `strike`."""
    made, at = [], 0
    for error in strike(text, rate, seed, numbers=numbers, kinds=kinds):
        made += [text[at : error.start], error.written]
        at = error.end
    return "".join([*made, text[at:]])


def noisy_report(
    report: Report, rate: float, seed: int = NOISE_SEED, *, numbers: bool = False, kinds: Sequence[NoiseKind] = KINDS
) -> Report:
    """The report with errors in its findings; nothing else of it changes."""
    return report.model_copy(update={"findings": noisy(report.findings, rate, seed, numbers=numbers, kinds=kinds)})


def strike(
    text: str, rate: float, seed: int = NOISE_SEED, *, numbers: bool = False, kinds: Sequence[NoiseKind] = KINDS
) -> list[Struck]:
    """The errors, in the order of the text.

    Args:
        rate: share of all words that are struck, 0 to 1; a fraction of a word is struck with that probability. Where
            fewer words can be, all of those are.
        seed: with the text, decides everything.
        numbers: whether numbers may be struck: words with a digit, and words such as "two".
        kinds: which errors may happen; each alike often where a word allows it.

    Raises:
        InputError: `rate` is not from 0 to 1, or a kind is unknown.
    """
    _check(rate)
    kinds = known_kinds(kinds)
    rng = random.Random(f"{seed}\x1f{text}")
    share = rng.random()
    words = list(_WORD.finditer(text))
    wanted = int(rate * len(words) + share)
    struck = [error for match in words if (error := _error(match, rng, numbers, kinds)) is not None]
    rng.shuffle(struck)
    return sorted(struck[:wanted]) if rate else []


def count_words(text: str) -> int:
    """What a rate is a share of: words and numbers."""
    return sum(1 for _ in _WORD.finditer(text))


def known_kinds(names: Sequence[str] | None = None) -> tuple[NoiseKind, ...]:
    """Kinds by name, each once; all where none is named.

    Raises:
        InputError: there is no such kind.
    """
    wanted = dict.fromkeys(names or KINDS)
    unknown = [name for name in wanted if name not in KINDS]
    if unknown:
        raise InputError(f"there is no kind of error {unknown[0]!r}; there are {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in wanted)


def _check(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise InputError(f"a rate of errors is a share from 0 to 1, not {rate:g}")


def _error(match: re.Match[str], rng: random.Random, numbers: bool, kinds: Sequence[NoiseKind]) -> Struck | None:
    """The error that this word would have; None where it can have none."""
    word = match[0]
    number = any(c.isdigit() for c in word) or word.lower() in _lists().numbers
    if number and not numbers:
        return None
    for kind in rng.sample(list(kinds), len(kinds)):
        written = _MAKERS[kind](word, rng)
        if written is not None:
            return Struck(match.start(), match.end(), word, written, kind)
    return None


# ------------------------------------------------------------------------------------------------------ kinds of error
def _places(word: str, allowed: Callable[[int], bool]) -> list[int]:
    """Where a letter may be struck: not the first, which people seldom get wrong and which names the word."""
    long = sum(c.isalnum() for c in word) >= _SHORTEST
    return [i for i in range(1, len(word)) if long and word[i].isalnum() and allowed(i)]


def _neighbour(word: str, rng: random.Random) -> str | None:
    beside = _lists().beside
    places = _places(word, lambda i: word[i].lower() in beside)
    if not places:
        return None
    i = rng.choice(places)
    hit = rng.choice(beside[word[i].lower()])
    return word[:i] + (hit.upper() if word[i].isupper() else hit) + word[i + 1 :]


def _transposed(word: str, rng: random.Random) -> str | None:
    places = _places(word, lambda i: i + 1 < len(word) and word[i + 1].isalnum() and word[i] != word[i + 1])
    if not places:
        return None
    i = rng.choice(places)
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _shortened(word: str, rng: random.Random) -> str | None:
    places = _places(word, lambda _: True)
    if not places:
        return None
    i = rng.choice(places)
    return word[:i] + word[i + 1 :]


def _doubled(word: str, rng: random.Random) -> str | None:
    places = _places(word, lambda _: True)
    if not places:
        return None
    i = rng.choice(places)
    return word[: i + 1] + word[i:]


def _misheard(word: str, rng: random.Random) -> str | None:
    found = _lists().heard.get(word.lower())
    if not found:
        return None
    heard = rng.choice(list(found))
    return heard[0].upper() + heard[1:] if word[0].isupper() else heard


_MAKERS: Mapping[NoiseKind, Callable[[str, random.Random], str | None]] = {
    "neighbour": _neighbour,
    "transposition": _transposed,
    "deletion": _shortened,
    "doubling": _doubled,
    "heard": _misheard,
}


@cache
def _lists() -> _Lists:
    held: dict[str, Any] = yaml.safe_load((files("coarse2fine.evals") / "noise.yaml").read_text("utf-8"))
    rows: list[str] = held["keys"]
    digits = {"1": "2", "0": "9", **{str(n): f"{n - 1}{n + 1}" for n in range(2, 9)}, "9": "80"}
    return _Lists(held["heard"], frozenset(held["numbers"]), {**dict(_beside(rows)), **digits})


def _beside(rows: Sequence[str]) -> Iterator[tuple[str, str]]:
    for y, row in enumerate(rows):
        for x, key in enumerate(row):
            near = [(y, x - 1), (y, x + 1), (y - 1, x), (y - 1, x + 1), (y + 1, x - 1), (y + 1, x)]
            yield key, "".join(rows[b][a] for b, a in near if 0 <= b < len(rows) and 0 <= a < len(rows[b]))
