"""What the makers of NLI hypotheses share: one composed report with its words, and ways to say its facts."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from coarse2fine.agents.evidence import stems
from coarse2fine.reports import Sentence, split_sentences
from coarse2fine.training.corpus.compose import Composed, compose
from coarse2fine.training.corpus.facts import Fact, mentions
from coarse2fine.training.corpus.grammar import Template, tidy
from coarse2fine.training.corpus.knowledge import Exam, Finding

__all__ = ["ATTRIBUTES", "Background", "Case", "Label", "Said", "Worded", "first_sentence", "present", "word"]

Label = Literal["entailment", "neutral", "contradiction"]
ATTRIBUTES = ("side", "sev", "site", "level", "count", "size", "change")
"""What a fact can say beside its name."""
ALSO = {"side": "side_lay", "site": "broad"}
GENERAL = re.compile(r"(?i)\b(normal|unremarkable|clear|intact|within normal limits|no (focal |acute )?abnormalit)")
"""Words by which a sentence calls a whole region fine."""


class Said(NamedTuple):
    """A hypothesis.

    Args:
        text: one sentence.
        kind: how it was made; figures are given by it.
        needs: pieces of the findings that decide it and must stand in the premise.
        label: where it differs from the label that was asked for.
    """

    text: str
    kind: str
    needs: tuple[str, ...] = ()
    label: Label | None = None


class Worded(NamedTuple):
    """A wording of a fact and the attributes that it says."""

    text: str
    said: frozenset[str]


def first_sentence(text: str) -> str:
    """A claim is one sentence."""
    found = split_sentences(text)
    return tidy(found[0].text) if found else ""


def word(
    rng: random.Random, fact: Fact, templates: Sequence[str], always: Collection[str], keep: float = 0.0
) -> Worded | None:
    """Word a fact by one of `templates`, saying the attributes in `always` wherever it can and others seldom."""
    for source in rng.sample(list(templates), len(templates)):
        made = Template(source).expand(rng, fact.values, plural=fact.plural, keep=keep, always=frozenset(always))
        if made is None or not (text := first_sentence(made.text)):
            continue
        said = {a for a in made.said if a in ATTRIBUTES and _stands(text, fact.values, a)}
        return Worded(text, frozenset(said))
    return None


def _stands(text: str, values: Mapping[str, str], attribute: str) -> bool:
    forms = (values.get(attribute, ""), values.get(ALSO.get(attribute, ""), ""))
    return any(form and form.lower() in text.lower() for form in forms)


def present(text: str, finding: Finding) -> bool:
    """Whether a text speaks of a finding, by any of its names."""
    return any(mentions(text, name) for name in (*finding.names, *finding.deny))


class Background:
    """What is known of an exam beside one report; made once and shared by its reports.

    Args:
        exam: the exam type.
    """

    def __init__(self, exam: Exam) -> None:
        self.exam = exam

    @cached_property
    def pool(self) -> Mapping[str, tuple[Fact, ...]]:
        """Some facts of each finding, with attributes of every sort, by the finding's id."""
        rng = random.Random(self.exam.exam)
        pool: dict[str, list[Fact]] = {}
        for _ in range(40 + 2 * len(self.exam.findings)):
            for fact in compose(self.exam, rng, findings=6).facts:
                pool.setdefault(fact.finding.id, []).append(fact)
        return {key: tuple(facts[:12]) for key, facts in pool.items()}

    @cached_property
    def entity_words(self) -> tuple[str, ...]:
        """Words of five letters and more that name findings and places."""
        texts = [n for f in self.exam.findings for n in (*f.names, *f.deny, *(s.name for s in f.sites))]
        return tuple(sorted({w for text in texts for w in re.findall(r"[a-z]{5,}", text.lower())}))

    @cached_property
    def _normal_stems(self) -> tuple[tuple[str, frozenset[str]], ...]:
        regions = self.exam.regions.items()
        return tuple((name, frozenset(stems(source))) for name, region in regions for source in region.normal)

    def region_of(self, normal: str) -> str | None:
        """The region whose template made a normal sentence."""
        words = set(stems(normal))
        return next((name for name, source in self._normal_stems if words <= source), None)


@dataclass
class Case:
    """One composed report that claims are made about."""

    rng: random.Random
    background: Background
    composed: Composed
    sentences: tuple[Sentence, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.sentences = self.composed.report.sentences()

    @property
    def exam(self) -> Exam:
        """The exam type."""
        return self.background.exam

    @property
    def text(self) -> str:
        """The findings."""
        return self.composed.report.findings

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What the report asserts."""
        return self.composed.facts

    @property
    def serious(self) -> list[Fact]:
        """The facts that an impression must not leave out."""
        return [f for f in self.facts if f.finding.significance != "incidental"]

    @cached_property
    def denied(self) -> list[tuple[Finding, str, str]]:
        """Each denied finding with its phrase and the sentence that denies it."""
        found = []
        for finding, phrase in self.composed.denied:
            where = [s.text for s in self.sentences if mentions(s.text, phrase)]
            if where:
                found.append((finding, phrase, where[0]))
        return found

    @cached_property
    def normal_regions(self) -> list[tuple[str, str]]:
        """Each region that the report calls normal, with the sentence."""
        return [(region, text) for text in self.composed.normals if (region := self.background.region_of(text))]

    def any_fact(self, attribute: str | None = None) -> Fact | None:
        """One of the facts, with `attribute` said; None where there is none."""
        facts = [f for f in self.facts if attribute is None or f.values.get(attribute)]
        return self.rng.choice(facts) if facts else None

    def some(self, values: Mapping[str, str], most: float = 0.8) -> set[str]:
        """Attributes that a wording should keep: each with probability `most`, often all."""
        said = [a for a in ATTRIBUTES if values.get(a)]
        return {a for a in said if self.rng.random() < most} if self.rng.random() < 0.6 else set(said)

    def templates(self, finding: Finding) -> Sequence[str]:
        """Templates of one manner: as dictated, as concluded, as told to a patient."""
        return self.rng.choices([finding.findings, finding.impression, finding.lay], [35, 45, 20])[0]

    def absent(self) -> list[Finding]:
        """Findings of the exam that the report does not speak of, neither to assert nor to deny them."""
        named = {name.lower() for fact in self.facts for name in fact.finding.names}
        return [f for f in self.exam.findings if not named & {n.lower() for n in f.names} and not present(self.text, f)]

    def other_fact(self, finding: Finding) -> Fact | None:
        """A fact of a finding from another report."""
        pool = self.background.pool.get(finding.id)
        return self.rng.choice(pool) if pool else None

    def refuting(self, finding: Finding) -> str | None:
        """A sentence of the report that calls the finding's whole region fine; None where there is none."""
        roots = set(stems(finding.region.replace("_", " ")))
        for region, sentence in self.normal_regions:
            if region == finding.region and GENERAL.search(sentence) and roots & set(stems(sentence)):
                return sentence
        return None
