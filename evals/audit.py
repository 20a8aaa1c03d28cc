"""An independent auditor of texts that passed: own small rules, nothing shared with the critic.

It counts sentences that state a number, a side or a polarity that the report contradicts. Its rules are blunt and its
silence proves nothing; its count over hundreds of texts shows whether the critic lets such errors through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from coarse2fine.evals.mentions import Mention, Side, mentions, sides_named
from coarse2fine.reports import Report, split_sentences

__all__ = ["Contradiction", "audit"]


class Contradiction(NamedTuple):
    """A sentence of a text that its report contradicts, and how."""

    kind: Literal["number", "side", "asserted", "denied"]
    sentence: str
    detail: str


_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MEASURE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:(?:x|by)\s*)?(?=(?:[\d.x\s]|by)*(cm|mm|centimet|millimet))", re.IGNORECASE)
_WORDS: Mapping[str, str] = {
    "one": "1", "single": "1", "two": "2", "both": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "first": "1",
    "second": "2", "third": "3",
    "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7", "eighth": "8", "ninth": "9", "tenth": "10",
    "eleventh": "11", "twelfth": "12",
}  # fmt: skip


def audit(report: Report, text: str) -> list[Contradiction]:
    """What a text says that its report contradicts.

    Args:
        report: numbers may come from any of its sections; sides and polarity are compared with the findings.
        text: an impression, with or without list markers.
    """
    found: list[Contradiction] = []
    for sentence in split_sentences(text):
        found += _numbers(report, sentence.text)
        found += _sides(report.findings, sentence.text)
        found += _polarity(report.findings, sentence.text)
    return found


# ---------------------------------------------------------------------------------------------------------- numbers
def _numbers(report: Report, sentence: str) -> Iterator[Contradiction]:
    known = _known_numbers(report)
    for number in _NUMBER.findall(sentence):
        if _plain(number) not in known:
            yield Contradiction("number", sentence, f"{number} stands nowhere in the report")


@lru_cache(maxsize=64)
def _known_numbers(report: Report) -> frozenset[str]:
    whole = " ".join(
        (
            report.findings,
            report.clinical_information,
            report.exam,
            report.comparison,
            report.technique,
            str(report.age or ""),
        )
    )
    numbers = {_plain(number) for number in _NUMBER.findall(whole)}
    for number, unit in _MEASURE.findall(whole):
        numbers.add(_plain(f"{float(number) * (10 if unit.lower().startswith('c') else 0.1):.4f}"))
    numbers |= {figure for word, figure in _WORDS.items() if re.search(rf"\b{word}\b", whole, re.IGNORECASE)}
    return frozenset(numbers)


def _plain(number: str) -> str:
    return f"{float(number):.4f}".rstrip("0").rstrip(".")


# ------------------------------------------------------------------------------------------------------------ sides
def _sides(findings: str, sentence: str) -> Iterator[Contradiction]:
    there = sides_named(findings)
    for side in sorted(sides_named(sentence) - there):
        if there and "both" not in there and side != "both":
            yield Contradiction("side", sentence, f"the findings say {_listed(there)}, never {side}")
            return
    for mention in mentions(sentence):
        theirs = [m for m in _mentions(findings) if m.thing == mention.thing and m.polarity == "asserted"]
        if not mention.side or mention.polarity != "asserted" or not theirs or any(m.side is None for m in theirs):
            continue
        if not _covers(mention.side, {m.side for m in theirs if m.side}):
            yield Contradiction(
                "side",
                sentence,
                f"{mention.thing}: {mention.side}, the findings say {_listed({m.side for m in theirs})}",
            )


def _covers(side: Side, given: set[Side]) -> bool:
    return side in given or "both" in given or (side == "both" and {"left", "right"} <= given)


def _listed(sides: set[Side | None] | frozenset[Side]) -> str:
    return " and ".join(sorted(str(side) for side in sides))


# --------------------------------------------------------------------------------------------------------- polarity
def _polarity(findings: str, sentence: str) -> Iterator[Contradiction]:
    for mention in mentions(sentence):
        theirs = [m for m in _mentions(findings) if m.thing == mention.thing]
        if not theirs or not mention.exact or mention.polarity == "hedged":
            continue
        if mention.polarity == "asserted" and all(_refutes(mention, m) for m in theirs):
            yield Contradiction("asserted", sentence, f"the findings only deny {mention.thing}: {theirs[0].clause!r}")
        if mention.polarity == "denied" and all(_refutes(m, mention) for m in theirs):
            yield Contradiction("denied", sentence, f"the findings only assert {mention.thing}: {theirs[0].clause!r}")


def _refutes(asserted: Mention, denied: Mention) -> bool:
    """Whether an assertion refutes a denial: "no acute fracture" is refuted by an acute fracture only."""
    if (asserted.polarity, denied.polarity) != ("asserted", "denied"):
        return False
    return denied.limits <= asserted.limits and denied.side in (None, asserted.side)


@lru_cache(maxsize=64)
def _mentions(findings: str) -> Sequence[Mention]:
    return tuple(mentions(findings))
