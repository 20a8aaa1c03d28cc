"""Texts and findings cut at the places that point to one another: sentences, and the spans that prove them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from coarse2fine.agents.critique import Evidence, Omission, Verdict
from coarse2fine.graph import RunTrace, TextRun
from coarse2fine.reports import Report

__all__ = ["Mark", "Piece", "Shown", "Stretch", "findings_pieces", "shown_texts"]


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


class Shown(NamedTuple):
    """A text ready to be shown: its stretches joined are the text."""

    run: TextRun
    stretches: tuple[Stretch, ...]
    omissions: tuple[Omission, ...]
    warnings: tuple[str, ...]

    @property
    def marks(self) -> list[Mark]:
        """Its sentences."""
        return [stretch.mark for stretch in self.stretches if stretch.mark]


class Piece(NamedTuple):
    """A part of the findings, `findings[start:end] == text`.

    Args:
        keys: of the sentences that it proves, or was weighed for.
        left_out: audiences whose texts do not address it.
    """

    text: str
    start: int
    end: int
    keys: tuple[str, ...]
    left_out: tuple[str, ...]


def shown_texts(trace: RunTrace) -> list[Shown]:
    """All texts of a run, the draft first."""
    return [_shown(run) for run in trace.texts]


def _shown(run: TextRun) -> Shown:
    critique = run.critique
    return Shown(run, tuple(_stretches(run, critique.verdicts)), critique.omissions, critique.warnings)


def _stretches(run: TextRun, verdicts: Sequence[Verdict]) -> Iterator[Stretch]:
    position = 0
    for number, verdict in enumerate(sorted(verdicts, key=lambda one: one.start), 1):
        start = max(position, verdict.start)
        if start > position:
            yield Stretch(run.text[position:start], None)
        yield Stretch(run.text[start : verdict.end], Mark(f"{run.audience}-{number}", number, verdict))
        position = max(position, verdict.end)
    if position < len(run.text):
        yield Stretch(run.text[position:], None)


def findings_pieces(report: Report, texts: Sequence[Shown]) -> list[Piece]:
    """The findings, cut wherever evidence or an omission begins or ends; joined they are the findings."""
    spans = [(e.start, e.end, mark.key) for text in texts for mark in text.marks for e in mark.evidence]
    omitted = [(o.start, o.end, text.run.audience) for text in texts for o in text.omissions]
    length = len(report.findings)
    cuts = sorted({0, length, *(min(place, length) for start, end, _ in spans + omitted for place in (start, end))})
    return [
        Piece(report.findings[start:end], start, end, _over(spans, start, end), _over(omitted, start, end))
        for start, end in pairwise(cuts)
    ]


def _over(spans: Sequence[tuple[int, int, str]], start: int, end: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for first, last, name in spans if first <= start and end <= last))
