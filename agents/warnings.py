"""What is wrong with a report itself: it contradicts itself, or it is not English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.source import Placed, Source, covers, source_of
from coarse2fine.agents.statements import Statement
from coarse2fine.reports import Report

__all__ = ["report_warnings"]

_WORD = re.compile(r"[^\W\d_]+")
_FEWEST_WORDS = 6
_ENGLISH, _FOREIGN = 0.08, 0.12
# "patchy opacity" and "no focal opacity" stand side by side in sound reports
_LOOSE = frozenset({"opacity", "airspace_disease", "infiltrate"})


def report_warnings(report: Report) -> tuple[str, ...]:
    """Reasons why no text can safely rest on a report's findings; usually none."""
    return tuple(dict.fromkeys([*_language(report.findings), *_contradictions(source_of(report))]))


def _language(text: str) -> Iterator[str]:
    words = [w for w in _WORD.findall(text.lower()) if set(w) != {"x"}]
    if len(words) < _FEWEST_WORDS:
        return
    english = sum(w in lexicon().english for w in words) / len(words)
    foreign = sum(w in lexicon().foreign for w in words) / len(words)
    if english < _ENGLISH or (foreign > _FOREIGN and foreign > english):
        yield "the findings do not seem to be written in English: the critic cannot judge a text that rests on them"


def _contradictions(source: Source) -> Iterator[str]:
    asserted = [p for p in source.asserted() if p.statement.polarity == "asserted" and not p.limit]
    for one in asserted:
        for other in source.denied():
            if other.sentence != one.sentence and _plain_clash(other.statement, one.statement):
                yield _message(one, other)
    for one, other in combinations(asserted, 2):
        if _same_thing_elsewhere(one, other):
            yield _message(one, other)


def _plain_clash(denial: Statement, assertion: Statement) -> bool:
    """Whether a denial flatly refutes an assertion: of the same name, not masked, not "otherwise", not of a change."""
    if (
        assertion.old
        or "xxxx" in denial.words
        or denial.rest
        or {"better"} & (assertion.own.changes | denial.own.changes)
    ):
        return False
    if denial.name != assertion.name and (
        _LOOSE & (denial.concepts | assertion.concepts) or not _alike(denial, assertion)
    ):
        return False
    return covers(denial, assertion)


def _alike(one: Statement, other: Statement) -> bool:
    """Whether one name ends in the other ("pleural effusion", "effusion") and both are of one finding."""
    short, long = sorted((one.name, other.name), key=len)
    return bool(short) and long[-len(short) :] == short and bool(_hand(one) & _hand(other))


def _hand(statement: Statement) -> frozenset[str]:
    return frozenset(c for c in statement.concepts if not c.startswith("kb:"))


def _same_thing_elsewhere(one: Placed, other: Placed) -> bool:
    """The same finding of the same size, once on the left and once on the right."""
    first, second = one.statement, other.statement
    sides = first.own.sides | second.own.sides
    alike = first.name == second.name and first.own.measures and first.own.measures == second.own.measures
    return bool(
        alike
        and first.own.sides
        and second.own.sides
        and sides == {"left", "right"}
        and first.own.zones == second.own.zones
    )


def _message(one: Placed, other: Placed) -> str:
    return f"the findings contradict themselves: {one.sentence.text!r} and {other.sentence.text!r}"
