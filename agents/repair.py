"""Deterministic repair: what a model could not mend is cut out, what it left out is added in the report's own words."""

from __future__ import annotations

from coarse2fine.agents.core import core
from coarse2fine.agents.coverage import findings_of
from coarse2fine.agents.critique import Audience, Critique, Verdict
from coarse2fine.agents.layout import Line, closed, lines_of, unrepeated, write
from coarse2fine.agents.plain import in_plain_words
from coarse2fine.agents.source import Source, source_of
from coarse2fine.agents.statements import parse
from coarse2fine.agents.terse import terse
from coarse2fine.reports import Report

__all__ = ["repair"]


def repair(report: Report, text: str, critique: Critique, audience: Audience = "draft") -> str:
    """Cut or drop the claims that failed and add omitted critical and significant findings; "" if nothing is left.

    A claim that is half proven is cut to its core, once: the next critique keeps it, or the next repair drops it.
    Added findings stand in the words of the report, without "There is"; critical ones before all else; where every
    claim is dropped, all such findings are added. The layout of `text` is kept: a list goes on as a list, prose as
    prose. For a patient, what is half proven and what is added is first said in the plain words that are known for it.

    Args:
        report: what the text was written from.
        text: the text that was critiqued.
        critique: its critique.
        audience: for whom the text is.
    """
    source = source_of(report)
    cut = _plainly if audience == "brief" else _core
    changed = {(verdict.start, verdict.end): cut(verdict, source) for verdict in critique.faults}
    lines = unrepeated(lines_of(text, changed))
    said = frozenset(sentence.casefold() for line in lines_of(text) for sentence in line.sentences)
    standing = {sentence.casefold() for line in lines for sentence in line.sentences}
    omitted = _omitted(report, critique) if lines else _weighty(report)
    critical = {closed(o.text) for o in critique.omissions if o.significance == "critical"}
    told = {text: _in_plain_words(text, source, said) if audience == "brief" else terse(text) for text in omitted}
    omitted, critical = [told[text] for text in omitted], {told.get(text, text) for text in critical}
    added = [s for s in dict.fromkeys(omitted) if s.casefold() not in standing]
    mark = next((line.mark for line in reversed(lines_of(text))), "")
    if lines and (first := [s for s in added if s in critical]):
        lines = [*_add([], first, mark), *lines] if mark else _before(first, lines)
        added = [s for s in added if s not in critical]
    return write(_add(lines, added, mark))


HALF_PROVEN = 0.3
"""Score from which on a claim without proof is worth cutting to its core; what nothing speaks for is dropped whole."""


def _core(verdict: Verdict, source: Source) -> str:
    """What stays of a failed claim: its core where it only says more than is proven, else nothing."""
    too_much = verdict.label == "unsupported" and (verdict.score or 0.0) >= HALF_PROVEN
    return (core(verdict.text, source) or "") if too_much else ""


def _plainly(verdict: Verdict, source: Source) -> str:
    """What a patient is told in place of a failed claim that something speaks for; nothing where nothing does."""
    if (verdict.score or 0.0) < HALF_PROVEN:
        return ""
    named = [s for s in parse(verdict.text) if s.polarity == "asserted" and s.name and not s.normal]
    told = in_plain_words(named[0], source) if named else []
    return told[0] if told and verdict.text not in told else ""


def _in_plain_words(sentence: str, source: Source, said: frozenset[str]) -> str:
    """A sentence of the findings as a patient is told it, where plain words are known and were not tried before."""
    named = [p.statement for p in source.placed if closed(p.sentence.text) == sentence and p.statement.name]
    asserted = [s for s in named if s.polarity == "asserted" and not s.normal]
    told = in_plain_words(asserted[0], source) if len(asserted) == 1 else []
    return told[0] if told and told[0].casefold() not in said else sentence


def _omitted(report: Report, critique: Critique) -> list[str]:
    wanted = [o for o in critique.omissions if o.significance != "incidental"]
    sentences = report.sentences()
    found = [closed(s.text) for s in sentences if any(o.start < s.end and s.start < o.end for o in wanted)]
    return list(dict.fromkeys(found))


def _weighty(report: Report) -> list[str]:
    found = [
        finding.sentence.text for finding in findings_of(source_of(report)) if finding.significance != "incidental"
    ]
    return list(dict.fromkeys(closed(text) for text in found))


def _before(added: list[str], lines: list[Line]) -> list[Line]:
    return [Line("", (*added, *lines[0].sentences)), *lines[1:]]


def _add(lines: list[Line], added: list[str], mark: str) -> list[Line]:
    if mark or not added:
        return [*lines, *(Line(mark, (sentence,)) for sentence in added)]
    last = lines[-1].sentences if lines else ()
    return [*lines[:-1], Line("", (*(closed(s) for s in last), *added))]
