"""Checks of attributes: what a claim says of a finding, beside what the report says of the same finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from coarse2fine.agents.attributes import Attributes, Measure, attributes
from coarse2fine.agents.faults import Check, Fault, listed, sentences_of
from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.source import Claim, Placed, Source, fits_sides, telling
from coarse2fine.agents.statements import Statement

__all__ = ["ATTRIBUTE_CHECKS", "AttributeCheck"]

_Finding = tuple[Literal["contradicted", "unsupported"], str] | None


class _Case(NamedTuple):
    """One statement of a claim, and what the findings assert of the same thing."""

    statement: Statement
    about: Sequence[Placed]
    claim: Claim
    source: Source

    @property
    def name(self) -> str:
        """What the claim calls it."""
        return self.claim.text[self.statement.start : self.statement.end].strip(" .,;") or self.claim.text

    @property
    def said(self) -> Attributes:
        """Everything that the findings say of it, in its own words or else in its clause's."""
        joined = Attributes()
        for placed in self.about:
            joined = joined.joined(placed.statement.own.or_else(placed.statement.clause))
        return joined


class AttributeCheck:
    """Compares one kind of attribute.

    Args:
        name: what it is called; key: the field of `Attributes`; compare: the fault of one statement, or None.
    """

    def __init__(self, name: str, key: str, compare: Callable[[_Case], _Finding]) -> None:
        self.name, self._key, self._compare = name, key, compare

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's statements."""
        for statement in claim.statements:
            if statement.normal or statement.polarity == "denied":
                continue
            about = source.about(statement) or source.alike(statement)
            case = _Case(statement, self._nearest(statement, about), claim, source)
            found = self._compare(case)
            if found and not self._said_elsewhere(case, about):
                return Fault(self.name, *found, sentences_of(case.about))
        return None

    def _nearest(self, statement: Statement, about: Sequence[Placed]) -> Sequence[Placed]:
        """Of several findings of the name, those of the claim's age, level, side and structure; else all."""
        asked = statement.own
        if asked.acuity == {"acute"} and self._key != "acuity":
            about = [p for p in about if not p.statement.old] or about
        if asked.levels and self._key != "levels":
            about = [p for p in about if asked.levels & (p.statement.own.levels or p.statement.clause.levels)] or about
        if asked.sides and self._key != "sides":
            about = [
                p for p in about if fits_sides(p.statement.own.sides or p.statement.clause.sides, asked.sides)
            ] or about
        if statement.parts:
            about = [p for p in about if statement.parts & (p.statement.parts | p.statement.near)] or about
        return about

    def _said_elsewhere(self, case: _Case, about: Sequence[Placed]) -> bool:
        """Whether the findings say it of something else that shares a word of the name: then a model must decide."""
        asked = set(getattr(case.statement.own, self._key))
        names = telling(case.statement.name or case.statement.words) - lexicon().attribute_words
        acute = "acute" in case.statement.own.acuity
        others = [p.statement for p in case.source.asserted() if p not in about and not (acute and p.statement.old)]
        return bool(asked) and any(asked <= set(getattr(o.clause, self._key)) and names & o.words for o in others)


# ---------------------------------------------------------------------- side
_HEMISPHERES = re.compile(r"\bhemispheres\b", re.IGNORECASE)
"""The plural, which the lexicon's one form of a word no longer shows. It is no word of sides: "no infarct in the
cerebral hemispheres" denies one on either side."""


def _side(case: _Case) -> _Finding:
    asked = case.statement.own.sides
    if not asked and "hemisphere" in case.statement.words and _HEMISPHERES.search(case.claim.text):
        asked = frozenset(["bilateral"])
    if not asked or not case.about:
        return None
    said = case.said.sides
    if "bilateral" in asked:
        said = said | _sides_beside(case)
    said = said | {"bilateral"} if {"left", "right"} <= said else said
    name = case.name
    if said and not fits_sides(said, asked - {"left", "right"} if "bilateral" in asked else asked):
        return "contradicted", f"side: the findings put {name} on the {listed(said)}, not {listed(asked)}"
    everywhere = frozenset(side for p in case.source.placed for side in p.statement.clause.sides)
    if not said and not fits_sides(everywhere, asked):
        return "unsupported", f"side: the findings give no side for {name}, the claim says {listed(asked)}"
    return None


def _sides_beside(case: _Case) -> frozenset[str]:
    """Sides that the finding's clause names and no other finding of it has: "in the right ... and in the left ..."."""
    there = frozenset(side for p in case.about for side in p.statement.clause.sides)
    sentences = {p.sentence for p in case.about}
    others = [p for p in case.source.placed if p.sentence in sentences and p not in case.about and p.statement.name]
    return there - {"bilateral"} - frozenset(side for p in others for side in p.statement.own.sides)


# ---------------------------------------------------------------------- zone
def _zone(case: _Case) -> _Finding:
    asked, said = case.statement.own.zones, case.said.zones
    for one, other in lexicon().terms["zone_pairs"]:
        for here, there in ((one, other), (other, one)):
            if here in asked and there in said and here not in said and there not in asked:
                where = f"place: the findings put {case.name} in the {there} part, not the {here} part"
                what = f"kind: the findings call {case.name} {there}, not {here}"
                return "contradicted", what if here in lexicon().terms["kinds"] else where
    return None


# ---------------------------------------------------------------------- severity
_CLASS = {1: "slight", 2: "moderate", 3: "great"}


def _severity(case: _Case) -> _Finding:
    asked = case.statement.own.severity
    if not asked or not case.about:
        return None
    said = frozenset(s for p in case.about for s in (p.statement.own.severity or p.statement.clause.severity))
    if said and asked - said:
        words = listed(_CLASS[s] for s in said)
        return (
            "contradicted",
            f"severity: the findings call {case.name} {words}, not {listed(_CLASS[s] for s in asked)}",
        )
    measured = any(p.statement.own.measures or p.statement.clause.measures for p in case.about)
    if not said and not (measured and asked == {1}):  # what is measured may be called small; a model judges that
        return (
            "unsupported",
            f"severity: the findings do not grade {case.name}, the claim says {listed(_CLASS[s] for s in asked)}",
        )
    return None


# ---------------------------------------------------------------------- measurement
def _measurement(case: _Case) -> _Finding:
    asked = case.statement.own.measures or (case.statement.clause.measures if len(case.claim.statements) == 1 else ())
    if not asked:
        return None
    near = [m for p in case.about for m in attributes(lexicon().tokens(p.sentence.text), p.sentence.text).measures]
    everywhere = [m for p in case.source.placed for m in (*p.statement.own.measures, *p.statement.clause.measures)]
    for measure in asked:
        beside = [m for m in near if m.kind == measure.kind]
        if beside and not _equals_one(measure, beside):
            if _equals_one(measure, everywhere) and not beside:
                continue
            return (
                "contradicted",
                f"measurement: the findings say {listed({m.text for m in beside})}, the claim says {measure.text}",
            )
        if not beside and not _equals_one(measure, everywhere):
            return "unsupported", f"measurement: {measure.text} does not stand in the findings"
    return None


def _equals_one(measure: Measure, others: Iterable[Measure]) -> bool:
    return any(m.kind == measure.kind and abs(m.value - measure.value) < 1e-6 for m in others)


# ---------------------------------------------------------------------- count
def _count(case: _Case) -> _Finding:
    asked = case.statement.own.counts
    if not asked or not case.about:
        return None
    said = frozenset(c for p in case.about for c in p.statement.own.counts)
    if said and not asked & said:
        return "contradicted", f"count: the findings count {listed(said)}, the claim {listed(asked)}"
    if not said and (any(p.statement.own.many for p in case.about) or asked != {1}):
        return "unsupported", f"count: the findings do not say that there are {listed(asked)}"
    return None


# ---------------------------------------------------------------------- level
def _level(case: _Case) -> _Finding:
    asked = case.statement.own.levels or (
        case.statement.clause.levels if len(case.claim.statements) == 1 else frozenset()
    )
    if not asked:
        return None
    said = frozenset(level for p in case.about for level in (p.statement.own.levels or p.statement.clause.levels))
    kinds = {level[0] for level in said}
    wrong = sorted(level for level in asked - said if level[0] in kinds)
    if wrong:
        return "contradicted", f"level: the findings say {listed(said)}, the claim says {listed(wrong)}"
    everywhere = frozenset(level for p in case.source.placed for level in p.statement.clause.levels)
    missing = asked - said - everywhere
    return ("unsupported", f"level: {listed(missing)} does not stand in the findings") if missing else None


# ---------------------------------------------------------------------- interval change
def _change(case: _Case) -> _Finding:
    asked = case.statement.own.changes
    if not asked or case.statement.polarity == "hypothetical":
        return None
    said = frozenset(c for p in case.about for c in (p.statement.own.changes or p.statement.clause.changes))
    everywhere = frozenset(c for p in case.source.placed for c in p.statement.clause.changes)
    if case.about and said and not asked & said:
        return (
            "contradicted",
            f"change: the findings call {case.name} {listed(said)}, the claim {listed(asked)}",
        )
    if asked == {"worse"} and _means_acute(case):
        return None
    if not asked & everywhere and not (asked == {"stable"} and case.source.report.comparison.strip()):
        return (
            "unsupported",
            f"change: the findings compare nothing that would make {case.name} {listed(asked)}",
        )
    return None


def _means_acute(case: _Case) -> bool:
    """Whether "new" may say "acute": "a new stroke", where the findings show an acute one."""
    new = {"new", "newly"} & {token.raw for token in lexicon().tokens(case.claim.text)}
    acute = any("acute" in p.statement.own.acuity for p in case.about) or case.source.signs_of(case.statement)
    return bool(new and acute)


# ---------------------------------------------------------------------- acuity
def _acuity(case: _Case) -> _Finding:
    asked = case.statement.own.acuity
    said = frozenset(a for p in case.about for a in (p.statement.own.acuity or {"unsaid"}))
    shown = asked == {"acute"} and any(not p.statement.old for p in case.source.signs_of(case.statement))
    if len(asked) == 1 and len(said) == 1 and said != asked and said != {"unsaid"} and not shown:
        return (
            "contradicted",
            f"acuity: the findings call {case.name} {listed(said)}, the claim {listed(asked)}",
        )
    return None


# ---------------------------------------------------------------------- grades and scores
_OWN_SCHEMES = frozenset(["grade", "segment", "stage", "type", "zone"])
"""Schemes that mean another thing with each finding; a score like BI-RADS means one thing wherever it stands."""


_ENDS = {
    "birads": 6, "pirads": 5, "tirads": 5, "lirads": 5, "lungrads": 4, "deauville": 5, "bosniak": 4, "outerbridge": 4,
    "fazekas": 3, "modic": 3,
}  # fmt: skip
"""The last step of each score: what goes beyond it is no conclusion from anything."""


def _grade(case: _Case) -> _Finding:
    for scheme, value in sorted(case.statement.own.grades):
        if int(value) > _ENDS.get(scheme, 99):
            return "unsupported", f"grade: there is no {scheme} {value}"
        near = [p.statement.own.grades or p.statement.clause.grades for p in case.about]
        told = {v for grades in near for s, v in grades if s == scheme}
        if not told and scheme not in _OWN_SCHEMES:
            told = {v for p in case.source.placed for s, v in p.statement.clause.grades if s == scheme}
        if told and value not in told:
            return "contradicted", f"grade: the findings say {scheme} {listed(told)}, the claim {value}"
    return None


ATTRIBUTE_CHECKS: tuple[Check, ...] = (
    AttributeCheck("side", "sides", _side),
    AttributeCheck("level", "levels", _level),
    AttributeCheck("measurement", "measures", _measurement),
    AttributeCheck("count", "counts", _count),
    AttributeCheck("severity", "severity", _severity),
    AttributeCheck("place", "zones", _zone),
    AttributeCheck("change", "changes", _change),
    AttributeCheck("acuity", "acuity", _acuity),
    AttributeCheck("grade", "grades", _grade),
)
"""The checks of attributes, in the order in which they run."""
