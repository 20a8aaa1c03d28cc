"""The critic: decides for each claim of a text whether the findings prove it, and names what the text leaves out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from langchain_core.language_models import BaseChatModel

from coarse2fine.agents.checks import ALL_CHECKS, run_checks
from coarse2fine.agents.coverage import Finding, unaddressed
from coarse2fine.agents.critique import Audience, Critique, Evidence, Label, Verdict
from coarse2fine.agents.evidence import select_evidence
from coarse2fine.agents.faults import Check, Fault
from coarse2fine.agents.judge import ChatJudge, Judgement
from coarse2fine.agents.source import Claim, Placed, Source, is_hand_named, source_of
from coarse2fine.agents.statements import Statement, parse, split_parts
from coarse2fine.agents.support import agreement, verbatim
from coarse2fine.agents.warnings import report_warnings
from coarse2fine.reports import Report, Sentence, split_sentences
from coarse2fine.serving import NLIModel, NLIScores, Pair

__all__ = ["THRESHOLDS", "ClaimKind", "Critic", "CritiqueJob", "factual_consistency"]

ClaimKind = Literal["denial", "normal", "finding", "conclusion"]
"""What a claim mainly says: that something is absent, is normal, or is there; a conclusion is a finding that the report
does not name, so that it must follow from what the report describes."""

_THRESHOLD = 0.5
THRESHOLDS: Mapping[str, float] = {
    "finding": 0.6, "conclusion": 0.6, "denial": 0.6, "normal": 0.5, "coverage": 0.5, "brief": 0.75,
    "default": _THRESHOLD,
}  # fmt: skip
"""Entailment probabilities that prove a claim, by its kind, chosen on evals/claims/dev.jsonl: where few true claims are
lost, rather too strict than too lenient. "brief" is the least that what is asserted to a patient must reach: plain
words say more than they seem to."""
_MOST_EVIDENCE = 3


class CritiqueJob(NamedTuple):
    """One text to critique."""

    report: Report
    text: str
    audience: Audience = "draft"


class _Open(NamedTuple):
    """A claim that waits for the model."""

    claim: Claim
    evidence: tuple[Sentence, ...]
    kind: ClaimKind
    audience: Audience


class _Read(NamedTuple):
    """A text as read before the model is asked.

    Args:
        claims: verdicts that stand, and claims that wait.
        missing: findings that seem left out.
        asserts: whether the text says that anything is there: one that only denies names no finding, whatever a model
            makes of it.
    """

    source: Source
    claims: tuple[Verdict | _Open, ...]
    missing: tuple[Finding, ...]
    asserts: bool


class Critic:
    """Checks texts against findings: verbatim words and deterministic checks, then an NLI model, then coverage.

    Args:
        nli: the model for what the checks cannot decide.
        thresholds: the entailment probability that proves a claim: one number, or numbers by `ClaimKind`, with
            "default" for the others; "coverage" is what a text must reach to name a finding.
        checks: the deterministic checks to run.
        judge: a chat model that decides on claims in place of `nli`; coverage stays with `nli`.
        agree: whether a claim may be proven without a model where each of its statements has its like in the findings.
        incidental: whether findings that may be left out count as omissions of comprehensive texts.
    """

    def __init__(
        self,
        nli: NLIModel,
        *,
        thresholds: Mapping[str, float] | float = THRESHOLDS,
        checks: Sequence[Check] = ALL_CHECKS,
        judge: BaseChatModel | ChatJudge | None = None,
        agree: bool = True,
        incidental: bool = False,
    ) -> None:
        self.nli, self.checks, self.agree, self.incidental = nli, tuple(checks), agree, incidental
        self.judge = ChatJudge(judge) if isinstance(judge, BaseChatModel) else judge
        self._thresholds = thresholds if isinstance(thresholds, Mapping) else {"default": thresholds}

    def threshold(self, kind: str) -> float:
        """The probability that a kind of claim must reach."""
        return self._thresholds.get(kind, self._thresholds.get("default", _THRESHOLD))

    def critique(self, report: Report, text: str, audience: Audience = "draft") -> Critique:
        """The critique of one text."""
        return self.critique_many([CritiqueJob(report, text, audience)])[0]

    async def acritique(self, report: Report, text: str, audience: Audience = "draft") -> Critique:
        """The critique of one text, worked out in a thread."""
        return await asyncio.to_thread(self.critique, report, text, audience)

    def critique_many(self, jobs: Sequence[CritiqueJob]) -> list[Critique]:
        """Critiques in the order of `jobs`; the NLI model is asked once for all of them."""
        read = [self._read(job) for job in jobs]
        waiting = [c for r in read for c in r.claims if isinstance(c, _Open)]
        questions = [Pair(" ".join(s.text for s in w.evidence), w.claim.whole) for w in waiting]
        covering = [Pair(job.text, f.sentence.text) for job, r in zip(jobs, read, strict=True) for f in r.missing]
        scores = iter(self.nli.score([*(questions if self.judge is None else []), *covering]))
        if self.judge is None:
            decided = iter([self._by_nli(w, next(scores)) for w in waiting])
        else:
            decided = iter([_by_judge(w, j) for w, j in zip(waiting, self.judge.judge(questions), strict=True)])
        critiques = []
        for job, r in zip(jobs, read, strict=True):
            verdicts = tuple(next(decided) if isinstance(c, _Open) else c for c in r.claims)
            named = [self._names(f, next(scores)) and r.asserts for f in r.missing]
            omitted = [f for f, is_named in zip(r.missing, named, strict=True) if not is_named]
            critiques.append(
                Critique(
                    verdicts=verdicts,
                    omissions=tuple(f.omission() for f in omitted),
                    warnings=report_warnings(job.report),
                )
            )
        return critiques

    def _names(self, finding: Finding, scores: NLIScores) -> bool:
        """Whether the model finds a finding in a text; a critical one whose synonyms are known must be named."""
        known = finding.significance == "critical" and any(is_hand_named(s) for s in finding.statements)
        return not known and scores.entailment >= self.threshold("coverage")

    # ------------------------------------------------------------------ before the model
    def _read(self, job: CritiqueJob) -> _Read:
        source = source_of(job.report)
        sentences = split_sentences(job.text)
        stated = [parse(s.text) for s in sentences]
        claims = [
            Claim(
                s,
                stated[i],
                tuple(o for j, others in enumerate(stated) if j != i for o in others),
                sentences[i - 1].text if i else "",
            )
            for i, s in enumerate(sentences)
        ]
        everything = [statement for statements in stated for statement in statements]
        incidental = self.incidental and job.audience == "comprehensive"
        missing = unaddressed(source, everything, incidental)
        read = tuple(self._without_model(claim, source, job.audience) for claim in claims)
        asserts = not everything or any(s.polarity != "denied" and not s.normal for s in everything)
        return _Read(source, read, tuple(missing), asserts)

    def _without_model(self, claim: Claim, source: Source, audience: Audience) -> Verdict | _Open:
        stands = verbatim(claim, source)
        if stands:
            return _verdict(claim, "supported", "verbatim", [stands], score=1.0)
        faults = run_checks(claim, source, self.checks)
        if faults:
            return _refused(claim, faults, source)
        proof = agreement(claim, source) if self.agree else None
        if proof:
            return _verdict(claim, "supported", "check", _sentences(proof))
        return _Open(claim, _weighed(claim, source), kind_of(claim.statements, source), audience)

    # ------------------------------------------------------------------ by the model
    def _by_nli(self, waiting: _Open, scores: NLIScores) -> Verdict:
        threshold = self.threshold(waiting.kind)
        if waiting.audience == "brief" and waiting.kind in ("finding", "conclusion") and "brief" in self._thresholds:
            threshold = max(threshold, self._thresholds["brief"])
        label: Label = "supported"
        reasons: tuple[str, ...] = ()
        if scores.entailment < threshold:
            refuted = scores.contradiction > max(scores.entailment, scores.neutral)
            label = "contradicted" if refuted else "unsupported"
            word = "contradict" if refuted else "do not prove"
            reasons = (f"the findings {word} it (entailment {scores.entailment:.2f}, needed {threshold:.2f})",)
        return _verdict(waiting.claim, label, "nli", waiting.evidence, scores.entailment, threshold, reasons)


def _by_judge(waiting: _Open, judgement: Judgement) -> Verdict:
    reasons = () if judgement.label == "supported" else (judgement.reason or f"the judge calls it {judgement.label}",)
    return _verdict(waiting.claim, judgement.label, "judge", waiting.evidence, reasons=reasons)


def _refused(claim: Claim, faults: Sequence[Fault], source: Source) -> Verdict:
    evidence = tuple(dict.fromkeys(s for fault in faults for s in fault.evidence)) or evidence_for(
        claim.text, source.sentences
    )
    return _verdict(claim, faults[0].label, "check", evidence[:_MOST_EVIDENCE], reasons=tuple(f.reason for f in faults))


def _verdict(
    claim: Claim, label: Label, layer: Literal["verbatim", "check", "nli", "judge"], evidence: Iterable[Sentence],
    score: float | None = None, threshold: float | None = None, reasons: tuple[str, ...] = (),
) -> Verdict:  # fmt: skip
    spans = tuple(Evidence(start=s.start, end=s.end, text=s.text) for s in evidence)
    s = claim.sentence
    return Verdict(
        text=s.text,
        start=s.start,
        end=s.end,
        label=label,
        layer=layer,
        score=score,
        threshold=threshold,
        evidence=spans,
        reasons=reasons,
    )


def _sentences(placed: Iterable[Placed]) -> list[Sentence]:
    return list(dict.fromkeys(p.sentence for p in placed))[:_MOST_EVIDENCE]


def kind_of(statements: Sequence[Statement], source: Source) -> ClaimKind:
    """What a claim mainly says, for its threshold: a finding where it asserts one, else normal or denial."""
    asserted = [s for s in statements if not s.normal and s.polarity != "denied"]
    if asserted or not statements:
        named = all(source.about(s) or source.alike(s) for s in asserted)
        return "finding" if named and asserted else "conclusion"
    return "normal" if any(s.normal for s in statements) else "denial"


def evidence_for(claim: str, sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """The sentences nearest to a claim and to each of its parts, in the report's order."""
    chosen = select_evidence(claim, sentences, _MOST_EVIDENCE)
    parts = split_parts(claim)
    if len(parts) > 1:
        best = [select_evidence(part, sentences, 1)[0] for part in parts]
        chosen = list(dict.fromkeys([*best, *chosen]))[: max(_MOST_EVIDENCE, len(set(best)))]
    return tuple(sorted(chosen, key=lambda s: s.start))


def _weighed(claim: Claim, source: Source) -> tuple[Sentence, ...]:
    """What the model weighs: the nearest sentences, and those that name the claim's findings or show signs of them."""
    nearest = evidence_for(claim.whole, source.sentences)
    told = [p.sentence for s in claim.statements for p in (*source.about(s), *source.signs_of(s))]
    chosen = list(dict.fromkeys([*told[:2], *nearest]))[: max(_MOST_EVIDENCE, len(nearest))]
    return tuple(sorted(chosen, key=lambda s: s.start))


def factual_consistency(findings: str, impression: str, nli: NLIModel) -> float:
    """The paper's FC (section 4.2): the probability that the findings entail the whole impression."""
    return nli.score([Pair(findings, impression)])[0].entailment
