"""Answers in words, made of a run's trace alone. What needs a person's review says so first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from coarse2fine.agents.critique import Audience
from coarse2fine.app.intents import QUESTIONS
from coarse2fine.app.phrases import phrases
from coarse2fine.app.questions import (
    DroppedClaim,
    ExplainedClaim,
    LeftOutFinding,
    explain,
    explain_anywhere,
    left_out,
    mentions,
    topic_words,
    written,
)
from coarse2fine.graph import RunTrace, TextRun
from coarse2fine.reports import Report

__all__ = [
    "ASK_FOR_FINDINGS",
    "can_be_asked",
    "checked_words",
    "count_words",
    "findings_words",
    "impression_words",
    "left_out_words",
    "status_words",
    "text_words",
    "why_words",
]

ASK_FOR_FINDINGS = (
    "Send the findings of a report, several sentences of them or with the heading FINDINGS: before them, and I write "
    "the impressions and check every sentence against them."
)

_LAYERS = {
    "verbatim": "its words stand in the findings",
    "check": "a rule of the critic decided",
    "nli": "the critic's language inference model decided",
    "judge": "a chat model as judge decided",
}
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+", re.MULTILINE)


def can_be_asked() -> str:
    """What can be asked of a report."""
    return "You can ask for " + "; ".join(QUESTIONS.values()) + "."


def count_words(text: str) -> int:
    """The words of a text, list marks left out."""
    return sum(any(c.isalnum() for c in word) for word in _LIST_MARK.sub("", text).split())


def status_words(text: TextRun) -> str:
    """The status of one text, with the reasons why a person must look at it."""
    if text.status == "passed":
        return "checked: every sentence is proven against the findings"
    reasons = "; ".join(text.reasons) or f"writing ended with {text.stop_reason.replace('_', ' ')}"
    if text.status == "needs_review":
        return f"NEEDS REVIEW by a radiologist: {reasons}"
    return f"could not be written: {reasons}"


def text_words(text: TextRun) -> str:
    """One text under its audience and status."""
    return f"{text.audience.capitalize()} ({status_words(text)}):\n{text.text or '(no text)'}"


def impression_words(trace: RunTrace, audiences: Sequence[Audience] = ()) -> str:
    """The impressions of a run, each with its status."""
    texts = written(trace, audiences)
    words = [text_words(text) for text in texts]
    draft = trace.texts[0]
    if draft not in texts and draft.status != "passed":
        words.append(f"The draft that they rest on: {status_words(draft)}")
    return "\n\n".join(words)


def why_words(trace: RunTrace, question: str, audiences: Sequence[Audience] = ()) -> str:
    """What the claims that a question means rest on: evidence quoted, verdict and who gave it."""
    claims = explain_anywhere(trace, question, audiences)
    if claims:
        return "\n\n".join(map(_claim_words, claims))
    if not topic_words(question):
        return "There is no sentence to explain: no text was written."
    found = mentions(trace.report, question)
    if found:
        quoted = " ".join(f"“{sentence.text}”" for sentence in found)
        return f"No sentence of the texts says that. The findings say: {quoted}"
    return "Neither the texts nor the findings mention that."


def left_out_words(trace: RunTrace, question: str = "", audiences: Sequence[Audience] = ()) -> str:
    """Findings that the texts do not name and claims that were dropped, with the reasons; of those, what is meant."""
    found = left_out(trace, audiences)
    topic = topic_words(question) - phrases().leaving
    findings = [finding for finding in found.findings if topic & topic_words(finding.text)]
    dropped = [claim for claim in found.dropped if topic & topic_words(claim.text)]
    if not findings and not dropped:
        if topic and (words := _named_words(trace, " ".join(topic), audiences)):
            return words
        findings, dropped = list(found.findings), list(found.dropped)
    lines = [*_findings_lines(findings), *_dropped_lines(dropped)]
    if all(finding.significance == "incidental" for finding in found.findings):
        lines.insert(0, "Every finding that matters is named.")
    if not found.dropped:
        lines.append("No sentence was dropped on the way.")
    return "\n".join(lines)


def checked_words(trace: RunTrace, audiences: Sequence[Audience] = ()) -> str:
    """Status, rounds and verdicts of each text."""
    texts = written(trace, audiences)
    if trace.texts[0] not in texts:
        texts = (trace.texts[0], *texts)
    lines = [_checked_line(text) for text in texts]
    if trace.review:
        lines.append(f"A person chose to {trace.review}.")
    opening = (
        "Yes: every sentence of every text is proven against the findings."
        if all(text.status == "passed" for text in texts)
        else "Not all of it: a radiologist must look at what is marked."
    )
    return "\n".join([opening, *lines, f"The critic is {trace.models.get('critic', '?')}; run trace {trace.id}."])


def findings_words(report: Report) -> str:
    """The report as it was given."""
    beside = {
        "Exam": report.exam,
        "Clinical information": report.clinical_information,
        "Comparison": report.comparison,
        "Technique": report.technique,
    }
    return "\n\n".join([*(f"{name}: {text}" for name, text in beside.items() if text), f"Findings:\n{report.findings}"])


def _named_words(trace: RunTrace, topic: str, audiences: Sequence[Audience]) -> str:
    """Where what is asked for stands: in a text, or in the findings alone; "" where in neither."""
    said = explain(trace, topic, audiences)
    if said:
        return "The texts say: " + " ".join(f"“{claim.text}” ({claim.audience})." for claim in said)
    found = " ".join(f"“{sentence.text}”" for sentence in mentions(trace.report, topic))
    return f"No text names it, and the critic asks for no mention of it. The findings say: {found}" if found else ""


def _claim_words(claim: ExplainedClaim) -> str:
    lines = [f"“{claim.text}” ({claim.audience}) is {claim.label}: {_LAYERS[claim.layer]}{_score(claim)}."]
    lines += [f"  findings: “{evidence.text}”" for evidence in claim.evidence]
    lines += [f"  but: {reason}" for reason in claim.reasons]
    return "\n".join(lines)


def _score(claim: ExplainedClaim) -> str:
    if claim.score is None:
        return ""
    needed = "" if claim.threshold is None else f", {claim.threshold:.2f} needed"
    return f" ({claim.score:.2f}{needed})"


def _findings_lines(findings: Sequence[LeftOutFinding]) -> Iterator[str]:
    by_place: dict[tuple[int, int], list[LeftOutFinding]] = {}
    for finding in findings:
        by_place.setdefault((finding.start, finding.end), []).append(finding)
    if by_place:
        yield "The critic does not find named:"
    for same in by_place.values():
        where = ", ".join(finding.audience for finding in same)
        yield f"- “{same[0].text}” ({same[0].significance}; not in {where})"


def _dropped_lines(dropped: Sequence[DroppedClaim]) -> Iterator[str]:
    if dropped:
        yield "Sentences that were dropped on the way:"
    for claim in dropped:
        why = f": {'; '.join(claim.reasons)}" if claim.reasons else ""
        yield f"- “{claim.text}” ({claim.audience}, round {claim.round}) was {claim.label}{why}"


def _checked_line(text: TextRun) -> str:
    verdicts = text.critique.verdicts
    supported = sum(verdict.passed for verdict in verdicts)
    rounds = f"{len(text.rounds)} round{'s' * (len(text.rounds) != 1)}"
    proven = f"{supported} of {len(verdicts)} sentences proven"
    return f"- {text.audience}: {status_words(text)}; {proven}, {rounds}, ended: {text.stop_reason.replace('_', ' ')}"
