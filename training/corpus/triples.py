"""NLI triples from composed reports: claims that the evidence proves, and claims that differ from it by one thing.

FactCC-style (Kryscinski et al., 2020): a composed report's facts are known, so every hypothesis' label is. A premise is
what the critic will see in production: the report's sentences nearest to the claim, in report order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from coarse2fine.agents.evidence import select_evidence
from coarse2fine.training.corpus.case import Case, Said
from coarse2fine.training.corpus.compose import compose
from coarse2fine.training.corpus.disturb import disturb
from coarse2fine.training.corpus.knowledge import Exam
from coarse2fine.training.corpus.refuted import CONTRADICTED
from coarse2fine.training.corpus.supported import SUPPORTED
from coarse2fine.training.corpus.unsaid import UNSAID

__all__ = ["KINDS", "Label", "Triple", "premise", "triples"]

Label = Literal["entailment", "neutral", "contradiction"]
Maker = Callable[[Case], Said | None]

MAKERS: Mapping[Label, Mapping[Maker, float]] = {
    "entailment": SUPPORTED, "contradiction": CONTRADICTED, "neutral": UNSAID,
}  # fmt: skip
SHARES: Mapping[Label, float] = {"entailment": 0.5, "contradiction": 0.29, "neutral": 0.21}
"""How often each label is asked for; about half of all claims are supported."""
ATTEMPTS = 6


class Triple(NamedTuple):
    """A premise (evidence), a hypothesis (claim), what holds between them, and how the hypothesis was made."""

    premise: str
    hypothesis: str
    label: Label
    kind: str


def triples(rng: random.Random, exam: Exam, number: int = 8) -> Iterator[Triple]:
    """Compose one report and about `number` triples on it; the same state of `rng` gives the same triples."""
    findings = rng.choices([None, 1, 2, 3, 4, 5], [30, 14, 18, 16, 12, 10])[0]
    case = Case(rng, exam, compose(exam, rng, findings))
    seen: set[str] = set()
    for _ in range(number):
        made = _one(case)
        if made is None or made[1].text in seen:
            continue
        label, said = made
        seen.add(said.text)
        hypothesis, label, kind = said.text, said.label or label, said.kind
        text, hypothesis, label, kind = disturb(case, premise(case, said), hypothesis, label, kind)
        yield Triple(text, hypothesis, label, kind)


def _one(case: Case) -> tuple[Label, Said] | None:
    label = case.rng.choices(list(SHARES), list(SHARES.values()))[0]
    makers = MAKERS[label]
    for maker in case.rng.choices(list(makers), list(makers.values()), k=ATTEMPTS):
        said = maker(case)
        if said is not None and re.search(r"[a-z]{3}", said.text):
            return label, said
    return None
