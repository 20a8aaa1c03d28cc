"""Learns a style card from reports: plain statistics of how the impressions are written, the same card every time."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations, islice
from statistics import median
from typing import Protocol, TypeVar

from coarse2fine.agents.coverage import Finding, findings_of, unaddressed
from coarse2fine.agents.layout import lines_of
from coarse2fine.agents.lexicon import RANK
from coarse2fine.agents.overall import is_finding
from coarse2fine.agents.phrasings import phrasings
from coarse2fine.agents.source import Placed, Source, may_be_the_same, same_finding, source_of
from coarse2fine.agents.statements import Statement, parse
from coarse2fine.agents.style_card import NormalPhrase, StyleCard
from coarse2fine.agents.style_words import Detail, Incidentals, Layout, Negatives, Order, Wording
from coarse2fine.reports import InputError, Report, Sentence

__all__ = ["MOST_REPORTS", "Dictated", "learn_style"]

MOST_REPORTS = 2_000
"""A card is learnt from so many reports at most, the first ones given: more change no habit and take seconds."""

_SEVERAL = 3
"""A phrase stands on a card where at least so many reports have it."""

_MOST_EXAMS = 12
_OFTEN, _USUAL = 0.3, 0.5
_TERSE, _DETAILED = 0.42, 0.66
"""Share of the findings with figures whose figures are kept: borders between terse, plain and detailed."""
_IN_ORDER = 0.9
_ENOUGH = 10
_FIGURE = re.compile(r"\d+(?:\.\d+)?")
_MARK = re.compile(r"\s*(\d{1,2}[.)]|[-–*•])\s+")
_Name = TypeVar("_Name", bound=Hashable)


class Dictated(Protocol):
    """A report or a case: findings and the impression that a radiologist wrote for them."""

    @property
    def findings(self) -> str: ...  # noqa: D102
    @property
    def impression(self) -> str | None: ...  # noqa: D102
    @property
    def exam(self) -> str: ...  # noqa: D102


class _Read:
    """One impression beside its findings, read once."""

    def __init__(self, report: Dictated) -> None:
        self.exam = " ".join(report.exam.split())
        self.text = (report.impression or "").strip()
        self.findings = report.findings
        self.source: Source = source_of(Report(findings=report.findings, exam=report.exam))
        self.sentences = [s for line in lines_of(self.text) for s in line.sentences]
        self.statements = [parse(sentence) for sentence in self.sentences]
        self.found = [any(is_finding(_placed(s)) for s in made) for made in self.statements]

    @property
    def layout(self) -> Layout:
        mark = _MARK.match(self.text)
        return "prose" if mark is None else "numbered" if mark[1][0].isdigit() else "dashes"

    @property
    def reports_something(self) -> bool:
        return any(self.found)

    @cached_property
    def denials(self) -> list[int]:
        """Places of the sentences that only deny particular findings."""
        return [
            place
            for place, made in enumerate(self.statements)
            if made and not self.found[place] and any(s.polarity == "denied" and not s.normal for s in made)
        ]

    @property
    def closing(self) -> str:
        """The last sentence, where it calls the rest normal."""
        last = self.statements[-1] if self.statements else ()
        calls = last and not self.found[-1] and any(s.normal for s in last)
        return self.sentences[-1] if calls and len(self.sentences) > 1 else ""

    @cached_property
    def pairs(self) -> list[tuple[Finding, str]]:
        """Findings, each with the sentence of the impression that sums it up, in the order of the impression."""
        findings = findings_of(self.source)
        summed = zip(self.sentences, self.statements, self.found, strict=True)
        return [
            (finding, sentence)
            for sentence, made, found in summed
            if found and (finding := _alike(made, findings)) is not None
        ]


def learn_style(reports: Iterable[Dictated]) -> StyleCard:
    """The style card of the impressions of reports; those without an impression are passed over.

    Raises:
        InputError: there are fewer than three impressions to learn from.
    """
    given = (report for report in reports if (report.impression or "").strip())
    read = [_Read(report) for report in islice(given, MOST_REPORTS)]
    if len(read) < _SEVERAL:
        raise InputError(f"a style is learnt from at least {_SEVERAL} reports with an impression, not from {len(read)}")
    telling = [one for one in read if one.reports_something]
    return StyleCard(
        layout=_layout(read),
        detail=_detail(telling),
        order=_order(telling),
        negatives=_negatives(telling),
        incidentals=_incidentals(telling),
        wording=_wording(read),
        verbatim=_share(_verbatim(telling)) > _USUAL,
        closing=_closing(telling),
        typical_words=round(median(len(_MARK.sub(" ", one.text).split()) for one in read)),
        typical_sentences=round(median(len(one.sentences) for one in read)),
        capitals=_capitals(read),
        full_stops=_share([one.text.rstrip()[-1:] in ".!?" for one in read]) >= _USUAL,
        normal=_normal(read),
        phrasings=phrasings((finding.sentence.text, said) for one in telling for finding, said in one.pairs),
        learnt_from=len(read),
    )


def _placed(statement: Statement) -> Placed:
    return Placed(statement, Sentence(text="", start=0, end=0), limit=False)


def _alike(stated: Sequence[Statement], findings: Sequence[Finding]) -> Finding | None:
    for finding in findings:
        for one in finding.statements:
            if any(same_finding(one, other) and may_be_the_same(one, other) for other in stated):
                return finding
    return None


def _share(marks: Iterable[bool]) -> float:
    known = list(marks)
    return sum(known) / len(known) if known else 0.0


def _commonest(names: Iterable[_Name], otherwise: _Name) -> _Name:
    counts = Counter(names)
    return min(counts, key=lambda name: (-counts[name], str(name)), default=otherwise)


def _layout(read: Sequence[_Read]) -> Layout:
    """Of the impressions that have several sentences: a single one is often left without its number."""
    several = [one.layout for one in read if len(one.sentences) > 1]
    return _commonest(several or [one.layout for one in read], "prose")


def _detail(telling: Sequence[_Read]) -> Detail:
    """Whether the figures of a finding's sentence (sizes, counts, grades) come along into the impression's."""
    sized = [(found, said) for one in telling for f, said in one.pairs if (found := _FIGURE.findall(f.sentence.text))]
    if len(sized) < _ENOUGH:
        return "plain"
    share = _share(all(figure in said for figure in found) for found, said in sized)
    return "terse" if share < _TERSE else "plain" if share < _DETAILED else "detailed"


def _order(telling: Sequence[_Read]) -> Order:
    """The report's order, where it nearly always wins if the lesser of two findings comes first in the report."""
    by_report = [
        first.sentence.start < second.sentence.start
        for one in telling
        for (first, _), (second, _) in combinations(one.pairs, 2)
        if (first.sentence.start < second.sentence.start) is (RANK[first.significance] < RANK[second.significance])
        and first.significance != second.significance
    ]
    return "report" if len(by_report) >= _ENOUGH and _share(by_report) > _IN_ORDER else "importance"


def _negatives(telling: Sequence[_Read]) -> Negatives:
    """Where pertinent negatives stand, in the impressions that could have some."""
    able = [one for one in telling if one.source.denied()]
    having = [one for one in able if one.denials]
    if not having or len(having) < _OFTEN * len(able):
        return "none"
    first = _share(one.denials[0] < one.found.index(True) for one in having)
    return "first" if first > _USUAL else "last"


def _incidentals(telling: Sequence[_Read]) -> Incidentals:
    """How many of the incidental findings are named, where there are others beside them."""
    named: list[bool] = []
    for one in telling:
        findings = findings_of(one.source)
        if all(finding.significance == "incidental" for finding in findings):
            continue
        stated = [statement for made in one.statements for statement in made]
        missing = {finding.sentence for finding in unaddressed(one.source, stated, incidental=True)}
        named += [f.sentence not in missing for f in findings if f.significance == "incidental"]
    share = _share(named)
    return "all" if share >= 0.75 else "some" if share >= 0.25 else "drop"


def _verbatim(telling: Sequence[_Read]) -> Iterator[bool]:
    for one in telling:
        for finding, said in one.pairs:
            yield _plain(finding.sentence.text) == _plain(said)


def _closing(telling: Sequence[_Read]) -> str:
    closing = Counter(one.closing for one in telling if one.closing)
    if sum(closing.values()) < _OFTEN * max(1, len(telling)):
        return ""
    sentence = _commonest(closing.elements(), "")
    return sentence if closing[sentence] >= _SEVERAL else ""


def _normal_texts(read: Sequence[_Read]) -> dict[str, Counter[str]]:
    texts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in read:
        if not one.reports_something and any(s.normal for made in one.statements for s in made):
            texts[one.exam][" ".join(one.sentences)] += 1
    return texts


def _normal(read: Sequence[_Read]) -> dict[str, NormalPhrase]:
    texts = _normal_texts(read)
    usual = sorted(texts, key=lambda exam: (-texts[exam].total(), exam))[:_MOST_EXAMS]
    phrases = {exam: _commonest(texts[exam].elements(), "") for exam in usual}
    return {
        exam: NormalPhrase(text=phrase, share=round(texts[exam][phrase] / texts[exam].total(), 2))
        for exam, phrase in phrases.items()
        if texts[exam][phrase] >= _SEVERAL
    }


def _wording(read: Sequence[_Read]) -> Wording:
    """Whether normal examinations are mostly summed up in the same words: there wording is free of what was found."""
    texts = [counts for counts in _normal_texts(read).values() if counts.total() > _SEVERAL]
    total = sum(counts.total() for counts in texts)
    same = sum(counts.most_common(1)[0][1] for counts in texts)
    return "varied" if total and same < _OFTEN * total else "usual"


def _capitals(read: Sequence[_Read]) -> str:
    texts = [_MARK.sub("", one.text, count=1) for one in read]
    if _share(text.isupper() for text in texts) > _USUAL:
        return "all"
    return "none" if _share(text[:1].islower() for text in texts) > _USUAL else "sentence"


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
