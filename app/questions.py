"""Questions about a run, answered from its trace: what a claim rests on, what was left out, what was dropped.

Every fact in an answer stands in the trace; nothing here asks a model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set

from pydantic import BaseModel, ConfigDict

from coarse2fine.agents.coverage import unaddressed
from coarse2fine.agents.critique import Audience, Evidence, Label, Layer, Significance, Verdict
from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.source import source_of
from coarse2fine.agents.statements import parse
from coarse2fine.app.phrases import phrases
from coarse2fine.graph import RunTrace, TextRun
from coarse2fine.reports import InputError, Report, Sentence, split_sentences

__all__ = [
    "DroppedClaim",
    "ExplainedClaim",
    "LeftOut",
    "LeftOutFinding",
    "explain",
    "explain_anywhere",
    "left_out",
    "mentions",
    "topic_words",
    "written",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExplainedClaim(_Frozen):
    """What one sentence of a text rests on.

    Args:
        score: probability in [0, 1] that the evidence proves it; None where a check decided, as is `threshold`.
        evidence: spans of the findings that were weighed, nearest first.
        reasons: what is wrong with it, in words; empty when supported.
    """

    audience: Audience
    text: str
    label: Label
    layer: Layer
    score: float | None
    threshold: float | None
    evidence: tuple[Evidence, ...]
    reasons: tuple[str, ...]


class LeftOutFinding(_Frozen):
    """A finding, `findings[start:end]`, that a text does not name."""

    audience: Audience
    text: str
    start: int
    end: int
    significance: Significance


class DroppedClaim(_Frozen):
    """A sentence of an earlier round that is not in the text any more, what the critic said of it, and why."""

    audience: Audience
    text: str
    label: Label
    reasons: tuple[str, ...]
    round: int


class LeftOut(_Frozen):
    """What texts do not say: findings that they do not name, and claims that were dropped on the way."""

    findings: tuple[LeftOutFinding, ...]
    dropped: tuple[DroppedClaim, ...]


_ORDINALS = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "fifth": 4,
             "5th": 4, "last": -1}  # fmt: skip
_ORDINAL = re.compile(
    rf"\b({'|'.join(_ORDINALS)})\s+(?:one|sentence|claim|bullet|point|line|item|statement)\b", re.IGNORECASE
)


def written(trace: RunTrace, audiences: Sequence[Audience] = ()) -> tuple[TextRun, ...]:
    """The texts of a run for these audiences, in their order; for none: all but the draft.

    Raises:
        InputError: the run wrote none for an audience.
    """
    found = {text.audience: text for text in trace.texts}
    chosen = list(audiences) or [name for name in found if name != "draft"] or list(found)
    missing = [name for name in chosen if name not in found]
    if missing:
        raise InputError(f"run {trace.id} wrote no text for {missing[0]!r}; it wrote {', '.join(found)}")
    return tuple(found[name] for name in chosen)


def explain(trace: RunTrace, topic: str = "", audiences: Sequence[Audience] = ()) -> tuple[ExplainedClaim, ...]:
    """The claims that a question is about, each with its verdict and evidence; all of them where it names no finding.

    Args:
        topic: the question or the claim in the asker's words: "why do you say there is an effusion?", "the second
            sentence", or a sentence of the text.
        audiences: whose texts; none for all impressions. Those that say it are taken, each claim once.

    Raises:
        InputError: the run wrote no text for an audience.
    """
    claims = [ExplainedClaim(**_told(text, v)) for text in written(trace, audiences) for v in text.critique.verdicts]
    return tuple(_once(_meant(claims, topic, trace.report)))


def explain_anywhere(trace: RunTrace, topic: str, audiences: Sequence[Audience] = ()) -> tuple[ExplainedClaim, ...]:
    """`explain`, in the texts for other audiences and the draft where these ones do not say it.

    Raises:
        InputError: the run wrote no text for an audience.
    """
    for chosen in (audiences, (), ("draft",)):
        found = explain(trace, topic, chosen)
        if found:
            return found
    return ()


def left_out(trace: RunTrace, audiences: Sequence[Audience] = ()) -> LeftOut:
    """Findings that texts do not name, with what they matter, and claims that earlier rounds made and lost.

    Incidental findings are listed, too: an audience's text may pass without them.

    Raises:
        InputError: the run wrote no text for an audience.
    """
    texts = written(trace, audiences)
    findings = (finding for text in texts for finding in _left_out(trace.report, text))
    drafts = tuple(text for text in trace.texts if text.audience == "draft" and text not in texts)
    return LeftOut(
        findings=tuple(findings), dropped=tuple(claim for text in (*drafts, *texts) for claim in _dropped(text))
    )


def mentions(report: Report, topic: str) -> tuple[Sentence, ...]:
    """The sentences of the findings that hold the rarest words which a question shares with them."""
    sentences = report.sentences()
    return tuple(sentences[i] for i in _nearest([s.text for s in sentences], topic_words(topic)))


def topic_words(question: str) -> frozenset[str]:
    """The words of a question that name what it is about, in their canonical form."""
    empty = phrases().no_topic
    tokens = (token for token in lexicon().tokens(question) if token.raw[0].isalnum())
    return frozenset(token.word for token in tokens if token.raw.split("'")[0] not in empty and token.word not in empty)


def _told(text: TextRun, verdict: Verdict) -> dict[str, object]:
    kept = ("text", "label", "layer", "score", "threshold", "evidence", "reasons")
    return {"audience": text.audience, **{name: getattr(verdict, name) for name in kept}}


def _meant(claims: Sequence[ExplainedClaim], topic: str, report: Report) -> list[ExplainedClaim]:
    """The claims that say it, and those that are proven by what the findings say of it ("fluid" by "effusion")."""
    same = [claim for claim in claims if _plain(claim.text) == _plain(topic)]
    if same or not claims:
        return same
    ordinal = _ORDINAL.search(topic)
    if ordinal:
        place = _ORDINALS[ordinal[1].lower()]
        of_first = [claim for claim in claims if claim.audience == claims[0].audience]
        return of_first[place:][:1] if place < len(of_first) else []
    wanted = topic_words(topic)
    if not wanted:
        return list(claims)
    say = set(_nearest([claim.text for claim in claims], wanted))
    found = {(sentence.start, sentence.end) for sentence in mentions(report, topic)}
    return [claim for i, claim in enumerate(claims) if i in say or _rests_on(claim, found)]


def _rests_on(claim: ExplainedClaim, spans: Set[tuple[int, int]]) -> bool:
    """Whether it is proven by one of these spans alone: of several that were weighed, none need be about it."""
    alone = claim.evidence[0] if claim.label == "supported" and len(claim.evidence) == 1 else None
    return alone is not None and (alone.start, alone.end) in spans


def _nearest(texts: Sequence[str], wanted: frozenset[str]) -> list[int]:
    """Places of texts that share the weightiest words with what is wanted, rare words first; none, where none does."""
    words = [frozenset(lexicon().phrase(text)) for text in texts]
    seen = Counter(word for found in words for word in found)
    weight = {word: math.log(1 + len(texts) / seen[word]) for word in wanted if seen[word]}
    scores = [sum(weight[word] for word in wanted & found) for found in words]
    best = max(scores, default=0.0)
    return [i for i, score in enumerate(scores) if best and score >= 0.75 * best]


def _once(claims: Sequence[ExplainedClaim]) -> Iterator[ExplainedClaim]:
    seen: set[str] = set()
    for claim in claims:
        if _plain(claim.text) not in seen:
            seen.add(_plain(claim.text))
            yield claim


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _left_out(report: Report, text: TextRun) -> Iterator[LeftOutFinding]:
    named = {(o.start, o.end): o for o in text.critique.omissions}
    stated = [statement for sentence in split_sentences(text.text) for statement in parse(sentence.text)]
    for finding in unaddressed(source_of(report), stated, incidental=True):
        if finding.significance == "incidental":
            omission = finding.omission()
            named.setdefault((omission.start, omission.end), omission)
    for (start, end), omission in sorted(named.items()):
        yield LeftOutFinding(
            audience=text.audience, text=omission.text, start=start, end=end, significance=omission.significance
        )


def _dropped(text: TextRun) -> Iterator[DroppedClaim]:
    kept = {_plain(sentence.text) for sentence in split_sentences(text.text)}
    seen: set[str] = set()
    for this in text.rounds:
        for verdict in this.critique.faults:
            words = _plain(verdict.text)
            if words not in kept and words not in seen:
                seen.add(words)
                yield DroppedClaim(
                    audience=text.audience,
                    text=verdict.text,
                    label=verdict.label,
                    reasons=verdict.reasons,
                    round=this.number,
                )
