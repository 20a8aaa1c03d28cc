"""NLI triples from composed reports: claims that the evidence proves, and claims that differ from it by one thing.

FactCC-style (Kryscinski et al., 2020): a composed report's facts are known, so every hypothesis' label is. A premise is
what the critic sees in production: the report's sentences nearest to the claim, in report order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from coarse2fine.agents.evidence import select_evidence
from coarse2fine.reports import Sentence
from coarse2fine.training.corpus.compose import Composed, compose
from coarse2fine.training.corpus.nli_case import Background, Case, Label, Said
from coarse2fine.training.corpus.nli_noise import Pairing, disturb
from coarse2fine.training.corpus.nli_refuted import CONTRADICTED
from coarse2fine.training.corpus.nli_supported import SUPPORTED
from coarse2fine.training.corpus.nli_unsaid import UNSAID

__all__ = ["Background", "Label", "Triple", "premise", "triples"]

MAKERS: Mapping[Label, Mapping[Callable[[Case], Said | None], float]] = {
    "entailment": SUPPORTED,
    "contradiction": CONTRADICTED,
    "neutral": UNSAID,
}
SHARES: Mapping[Label, float] = {"entailment": 0.54, "contradiction": 0.27, "neutral": 0.19}
"""How often each label is asked for; with what `disturb` spoils, about half of all claims are supported."""
ATTEMPTS = 6
SHORT_REPORT = 80
"""Words up to which a whole report may stand as the premise."""


class Triple(NamedTuple):
    """A premise (evidence), a hypothesis (claim), what holds between them, and how the hypothesis was made."""

    premise: str
    hypothesis: str
    label: Label
    kind: str


def triples(rng: random.Random, background: Background, number: int = 8) -> Iterator[Triple]:
    """Compose one report and at most `number` triples on it; the same state of `rng` gives the same triples."""
    case = Case(rng, background, _composed(rng, background))
    seen: set[str] = set()
    for _ in range(number):
        if (made := _one(case)) is None or made[1].text in seen:
            continue
        label, said = made
        seen.add(said.text)
        yield Triple(*disturb(case, Pairing(premise(case, said), said.text, said.label or label, said.kind)))


def _composed(rng: random.Random, background: Background) -> Composed:
    """A report; often the one of two that says more attributes, for there is more to get wrong in it."""
    findings = rng.choices([None, 1, 2, 3, 4, 5], [30, 14, 18, 16, 12, 10])[0]
    made = [compose(background.exam, rng, findings) for _ in range(rng.choice([1, 2, 3]))]
    return max(made, key=lambda composed: sum(len(fact.values) for fact in composed.facts))


def _one(case: Case) -> tuple[Label, Said] | None:
    label = case.rng.choices(list(SHARES), list(SHARES.values()))[0]
    makers = MAKERS[label]
    for maker in case.rng.choices(list(makers), list(makers.values()), k=ATTEMPTS):
        said = maker(case)
        if said is not None and re.search(r"[A-Za-z]{3}", said.text):
            return label, said
    return None


def premise(case: Case, said: Said) -> str:
    """Evidence as production selects it; sometimes shorter, with a distractor, or the whole of a short report."""
    rng, sentences = case.rng, case.sentences
    if len(case.text.split()) <= SHORT_REPORT and rng.random() < 0.1:
        return " ".join(s.text for s in sentences)
    most = rng.choice([1, 2]) if rng.random() < 0.2 else 3
    needed = {i for i, s in enumerate(sentences) if any(_overlaps(case.text, piece, s) for piece in said.needs)}
    nearest = [sentences.index(s) for s in select_evidence(said.text, sentences, most)]
    chosen = needed | set([i for i in nearest if i not in needed][: max(0, most - len(needed))])
    if rng.random() < 0.2:
        chosen.add(rng.randrange(len(sentences)))
    return " ".join(sentences[i].text for i in sorted(chosen))


def _overlaps(text: str, piece: str, sentence: Sentence) -> bool:
    """Whether a piece of the findings overlaps a sentence of them."""
    at = text.find(piece)
    return 0 <= at < sentence.end and sentence.start < at + len(piece)
