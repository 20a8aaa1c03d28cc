"""Texts and findings cut at the places that point to one another: sentences, and the spans that prove them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from coarse2fine.agents.critique import Evidence, Omission, Verdict
from coarse2fine.graph import RunTrace, TextRun
from coarse2fine.reports import Report

__all__ = ["Line", "Mark", "Piece", "Shown", "Stretch", "findings_pieces", "shown_edit", "shown_texts"]

_LEAD = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s+")


class Mark(NamedTuple):
    """A sentence of a text with its verdict; `key` is unique on a page, such as "brief-2"."""

    key: str
    number: int
    verdict: Verdict

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The spans of the findings that were weighed, nearest first."""
        return self.verdict.evidence


class Stretch(NamedTuple):
    """A part of a text: a sentence, or what stands between two (`mark` is None)."""

    text: str
    mark: Mark | None


class Line(NamedTuple):
    """A line of a text; `lead` is the dash or number that it begins with, "" where it is no item of a list."""

    lead: str
    stretches: tuple[Stretch, ...]


class Shown(NamedTuple):
    """A text ready to be shown: its stretches joined are the text.

    Args:
        name: unique on a page: the audience, or "brief-edit" for what a person made of that text.
    """

    name: str
    run: TextRun
    stretches: tuple[Stretch, ...]
    omissions: tuple[Omission, ...]
    warnings: tuple[str, ...]

    @property
    def marks(self) -> list[Mark]:
        """Its sentences."""
        return [stretch.mark for stretch in self.stretches if stretch.mark]

    @property
    def lines(self) -> list[Line]:
        """Its lines, but for empty ones; a sentence that runs over two stays in one."""
        rows: list[list[Stretch]] = [[]]
        for stretch in self.stretches:
            first, *others = [stretch.text] if stretch.mark else stretch.text.split("\n")
            rows[-1].append(Stretch(first, stretch.mark))
            rows.extend([Stretch(text, None)] for text in others)
        return [_line(row) for row in rows if any(stretch.text.strip() for stretch in row)]


class Piece(NamedTuple):
    """A part of the findings, `findings[start:end] == text`.

    Args:
        keys: of the sentences that it proves, or was weighed for.
        left_out: names of the texts that do not address it.
    """

    text: str
    start: int
    end: int
    keys: tuple[str, ...]
    left_out: tuple[str, ...]


def shown_texts(trace: RunTrace) -> list[Shown]:
    """All texts of a run, the draft first."""
    return [_shown(run.audience, run) for run in trace.texts]


def shown_edit(run: TextRun) -> Shown:
    """What a person made of a text."""
    return _shown(f"{run.audience}-edit", run)


def _shown(name: str, run: TextRun) -> Shown:
    critique = run.critique
    return Shown(name, run, tuple(_stretches(name, run, critique.verdicts)), critique.omissions, critique.warnings)


def _line(row: Sequence[Stretch]) -> Line:
    lead = "" if row[0].mark else row[0].text
    return Line(lead, tuple(row[1:])) if len(row) > 1 and _LEAD.fullmatch(lead) else Line("", tuple(row))


def _stretches(name: str, run: TextRun, verdicts: Sequence[Verdict]) -> Iterator[Stretch]:
    position = 0
    for number, verdict in enumerate(sorted(verdicts, key=lambda one: one.start), 1):
        start = max(position, verdict.start)
        if start > position:
            yield Stretch(run.text[position:start], None)
        yield Stretch(run.text[start : verdict.end], Mark(f"{name}-{number}", number, verdict))
        position = max(position, verdict.end)
    if position < len(run.text):
        yield Stretch(run.text[position:], None)


def findings_pieces(report: Report, texts: Sequence[Shown]) -> list[Piece]:
    """The findings, cut wherever evidence or an omission begins or ends; joined they are the findings."""
    spans = [(e.start, e.end, mark.key) for text in texts for mark in text.marks for e in mark.evidence]
    omitted = [(o.start, o.end, text.name) for text in texts for o in text.omissions]
    length = len(report.findings)
    cuts = sorted({0, length, *(min(place, length) for start, end, _ in spans + omitted for place in (start, end))})
    return [
        Piece(report.findings[start:end], start, end, _over(spans, start, end), _over(omitted, start, end))
        for start, end in pairwise(cuts)
    ]


def _over(spans: Sequence[tuple[int, int, str]], start: int, end: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for first, last, name in spans if first <= start and end <= last))
