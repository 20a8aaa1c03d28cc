"""A report's findings as the critic reads them: statements, each in its sentence, and what a claim speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.statements import Statement, parse
from coarse2fine.reports import Report, Sentence

__all__ = [
    "Claim",
    "Placed",
    "Source",
    "covers",
    "fits_sides",
    "is_hand_named",
    "may_be_the_same",
    "proves",
    "same_finding",
    "source_of",
    "telling",
    "wider_findings",
]

_LIKE = 0.6
_SIDE_WORDS = frozenset({"left", "right", "bilateral", "both"})
_ONE_PROPERTY = frozenset(
    ["size", "caliber", "contour", "position", "thickness", "signal", "volume", "distended", "course", "location"]
)
"""Words of sentences that call only one property of a structure normal."""
_NAMING_ORGANS = frozenset({"bone", "joint", "vein", "vessel", "bowel"})


class Placed(NamedTuple):
    """A statement of the findings, and the sentence that makes it."""

    statement: Statement
    sentence: Sentence
    limit: bool


_LEANING = re.compile(r"(?i)(it|they|this|these|that|those|he|she)\b")


class Claim(NamedTuple):
    """One sentence of a candidate text, what the other sentences of that text state, and the sentence before it."""

    sentence: Sentence
    statements: tuple[Statement, ...]
    others: tuple[Statement, ...] = ()
    before: str = ""

    @property
    def whole(self) -> str:
        """The claim's words; one that leans on the sentence before it ("It is not new.") with that sentence."""
        return f"{self.before} {self.text}" if self.before and _LEANING.match(self.text) else self.text

    @property
    def text(self) -> str:
        """The claim's words."""
        return self.sentence.text


class Source:
    """The findings of one report, parsed once."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.sentences = report.sentences()
        self.placed = tuple(self._place())
        self.words = tuple(frozenset(lexicon().phrase(s.text)) for s in self.sentences)
        self.all_words: frozenset[str] = frozenset().union(*self.words)
        self._asserted = [
            p for p in self.placed if p.statement.polarity in ("asserted", "possible") and not p.statement.normal
        ]
        self._denied = [p for p in self.placed if p.statement.polarity == "denied" and not p.statement.normal]
        self._normal = [p for p in self.placed if p.statement.normal]

    def _place(self) -> Iterator[Placed]:
        for sentence in self.sentences:
            words = lexicon().phrase(sentence.text)
            limit = next(lexicon().limits.find(words), None) is not None
            for statement in parse(sentence.text):
                yield Placed(statement, sentence, limit)

    def asserted(self) -> Sequence[Placed]:
        """What the findings say is, or may be, there."""
        return self._asserted

    def denied(self) -> Sequence[Placed]:
        """Findings that the report denies by name."""
        return self._denied

    def normal(self) -> Sequence[Placed]:
        """Organs that the report calls normal."""
        return self._normal

    def fine_parts(self, statement: Statement) -> list[Placed]:
        """What calls all structures of an asserted statement normal; [] where the report says more of one of them.

        What one side's structure is called says nothing of the other side's, and "normal in size" nothing of the rest.
        """
        proof: list[Placed] = []
        asked = statement.own.sides
        for part in sorted(statement.parts):
            spoken = [p for p in self.placed if part in p.statement.parts | p.statement.near]
            if asked:
                spoken = [p for p in spoken if not p.statement.own.sides or p.statement.own.sides & asked]
            against = [p for p in spoken if p.statement.normal or p.statement.polarity == "denied"]
            fine = [p for p in against if p.statement.normal and not p.statement.words & _ONE_PROPERTY]
            if not fine or len(against) < len(spoken):
                return []
            proof += fine
        return proof

    def signs_of(self, statement: Statement) -> list[Placed]:
        """What the findings assert, and do not say to have gone, from which the statement may be concluded."""
        signs = [lexicon().signs[c] for c in statement.concepts if c in lexicon().signs]
        shown = [p for p in self.asserted() if not p.limit and "better" not in p.statement.clause.changes]
        return [
            p for p in shown if any(next(s.find(lexicon().phrase(p.sentence.text)), None) is not None for s in signs)
        ]

    def speaks_of(self, place: str) -> bool:
        """Whether the report, its title or its clinical information has a word for a place of the lexicon."""
        report = self.report
        text = f"{report.findings} {report.exam} {report.clinical_information} {report.technique}".lower()
        return lexicon().place_words[place].search(text) is not None

    def about(self, statement: Statement) -> list[Placed]:
        """What the findings assert of the same thing: of the same name, else of a synonym, else in the same words."""
        asserted = self.asserted()
        if statement.concepts:
            same = [p for p in asserted if same_finding(p.statement, statement)]
            return same or [p for p in asserted if p.statement.concepts & statement.concepts]
        return self._in_most_words(telling(statement.words))

    def alike(self, statement: Statement) -> list[Placed]:
        """What the findings assert in most of the same words, whatever it is called."""
        return self._in_most_words(telling(statement.words) - lexicon().attribute_words)

    def _in_most_words(self, wanted: frozenset[str]) -> list[Placed]:
        return [p for p in self.asserted() if wanted and len(wanted & p.statement.words) / len(wanted) >= _LIKE]


@lru_cache(maxsize=256)
def source_of(report: Report) -> Source:
    """The parsed findings of a report; a report that was read lately is not read again."""
    return Source(report)


def telling(words: Iterable[str]) -> frozenset[str]:
    """The words that carry a fact: no generic word, no number, no side."""
    lex = lexicon()
    return (
        frozenset(w for w in words if w not in lex.generic and w not in lex.terms["units"] and not w[0].isdigit())
        - _SIDE_WORDS
    )


def _hand(statement: Statement) -> frozenset[str]:
    return _by_hand(statement.concepts)


@lru_cache(maxsize=16_384)
def _by_hand(concepts: frozenset[str]) -> frozenset[str]:
    return frozenset(c for c in concepts if not c.startswith("kb:"))


def is_hand_named(statement: Statement) -> bool:
    """Whether a statement names a finding whose synonyms are listed by hand, so that silence about it is silence."""
    return bool(_hand(statement))


def wider_findings(statement: Statement) -> frozenset[str]:
    """Ids of a statement's findings and of all the wider ones that they are kinds of."""
    return _wider(_hand(statement))


@lru_cache(maxsize=16_384)
def _wider(concepts: frozenset[str]) -> frozenset[str]:
    known = lexicon().concepts
    return frozenset(parent for c in concepts for parent in known[c].parents)


def _ends_with(longer: Sequence[str], shorter: Sequence[str]) -> bool:
    return bool(shorter) and tuple(longer[-len(shorter) :]) == tuple(shorter)


def same_finding(one: Statement, other: Statement) -> bool:
    """Whether two statements speak of the same finding, or one of a kind of the other."""
    first, second = _hand(one), _hand(other)
    if first & second or first & wider_findings(other) or second & wider_findings(one):
        return True
    if one.name and one.name == other.name:
        return True
    if first and second:
        return False
    shared = not first and not second and bool(one.concepts & other.concepts)
    return shared or _ends_with(one.name, other.name) or _ends_with(other.name, one.name)


def may_be_the_same(finding: Statement, stated: Statement) -> bool:
    """Whether a statement of a text can be about a finding: not where side, level or age say that it is another one.

    "Chronic right cerebellar infarct" does not speak of the acute one beside it.
    """
    if stated.old and not finding.old:
        return False
    for key in ("sides", "levels"):
        there = getattr(finding.own, key) or getattr(finding.clause, key)
        said = getattr(stated.own, key) or getattr(stated.clause, key)
        if there and said and not there & said and "bilateral" not in there | said:
            return False
    return True


def proves(evidence: Statement, claim: Statement) -> bool:
    """Whether what is asserted names the claim's finding or a kind of it; an "opacity" does not prove a "mass"."""
    if _hand(claim):
        return bool(_hand(claim) & wider_findings(evidence)) or _ends_with(evidence.name, claim.name)
    return True


def covers(denial: Statement, assertion: Statement) -> bool:
    """Whether a denial, were it true, makes an assertion false: "no large effusion" does not deny a small one."""
    named = bool(_hand(denial) & wider_findings(assertion)) or (bool(denial.name) and denial.name == assertion.name)
    named = named or (not _hand(assertion) and _ends_with(assertion.name, denial.name))
    unnamed = not denial.name and not assertion.name and _same_words(denial, assertion)
    if not named and not unnamed:
        return False
    if "acute" in denial.own.acuity and assertion.old:
        return False
    if denial.own.severity and not denial.own.severity & assertion.own.severity:
        return False
    if denial.own.changes and "better" not in denial.own.changes and not denial.own.changes & assertion.own.changes:
        return False
    narrower = _restricting(denial) - assertion.words
    if assertion.parts and assertion.parts <= denial.parts:  # "no skull fracture" denies one of the parietal bone
        narrower = frozenset(w for w in narrower if not any(True for _ in lexicon().structures.find([w])))
    return fits_sides(assertion.own.sides, denial.own.sides) and not narrower


def _same_words(denial: Statement, assertion: Statement) -> bool:
    wanted, there = telling(denial.words), telling(assertion.words)
    return bool(wanted) and wanted <= there and len(wanted) >= _LIKE * len(there)


def _restricting(denial: Statement) -> frozenset[str]:
    """Words of a denial that narrow what it denies."""
    lex = lexicon()
    organs = {w for w in denial.words for m in lex.organ_words.find([w]) if not m.value & _NAMING_ORGANS}
    return telling(denial.words) - set(denial.name) - organs - _severity_words() - _clearing_words() - {"line"}


@cache
def _clearing_words() -> frozenset[str]:
    """Words that say that something has gone: they deny it whole."""
    phrases = lexicon().terms["changes"]["better"]
    return frozenset(word for phrase in phrases for word in lexicon().phrase(phrase))


@cache
def _severity_words() -> frozenset[str]:
    lex = lexicon()
    return frozenset(form for words in lex.terms["severity"].values() for w in words for form in (w, lex.canonical(w)))


def fits_sides(said: frozenset[str], asked: frozenset[str]) -> bool:
    """Whether what is said to be on these sides proves it for the sides asked for; no side asked: any will do."""
    if not asked:
        return True
    if "bilateral" in said:
        return True
    return asked <= said
