"""How much of a text its findings support, by a judge that the loop never hears: does the loop earn its keep?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from coarse2fine.agents import factual_consistency
from coarse2fine.agents.checks import run_checks
from coarse2fine.agents.source import Claim, source_of
from coarse2fine.agents.statements import parse
from coarse2fine.evals.audit import audit
from coarse2fine.reports import Report, split_sentences
from coarse2fine.serving import NLIModel

__all__ = ["CONSISTENT", "Support", "SupportFigures", "judge_support", "sum_up"]

CONSISTENT = 0.5
"""Factual consistency from which on the findings count as entailing a whole text."""


class Support(NamedTuple):
    """One text: its sentences, those that a check or the auditor refutes, and its factual consistency in [0, 1].

    Factual consistency is the paper's FC (section 4.2): the probability that the findings entail the whole text.
    """

    claims: int
    refuted: int
    consistency: float

    @property
    def unsupported(self) -> int:
        """Claims that do not hold: the refuted ones, or one where none is and the text as a whole is not entailed."""
        return self.refuted or int(self.claims > 0 and self.consistency < CONSISTENT)


class SupportFigures(NamedTuple):
    """Many texts: how many claims they make, how many of those do not hold, and the mean factual consistency."""

    claims: int
    unsupported: int
    consistency: float


def judge_support(report: Report, texts: Sequence[str], nli: NLIModel) -> list[Support]:
    """Judge texts by the deterministic checks, by the auditor, and by the model that reads all findings at once.

    The loop's critic shows its model the nearest sentences of each claim; this judge shows all findings and the whole
    text, and adds the auditor's rules, which share nothing with the critic's.

    Args:
        report: what the texts were written from.
        texts: impressions; an empty one makes no claim and is consistent.
    """
    source = source_of(report)
    judged = []
    for text in texts:
        sentences = split_sentences(text)
        audited = {found.sentence for found in audit(report, text)}
        refuted = sum(s.text in audited or bool(run_checks(Claim(s, parse(s.text)), source)) for s in sentences)
        consistency = factual_consistency(report.findings, text, nli) if sentences else 1.0
        judged.append(Support(len(sentences), refuted, consistency))
    return judged


def sum_up(judged: Iterable[Support]) -> SupportFigures:
    """Sums over texts and the mean consistency of those that make a claim (1.0 where none does)."""
    made = [support for support in judged if support.claims]
    return SupportFigures(
        claims=sum(s.claims for s in made),
        unsupported=sum(s.unsupported for s in made),
        consistency=sum(s.consistency for s in made) / len(made) if made else 1.0,
    )
