"""Deterministic checks: each compares one kind of fact of a claim with the findings, and says in words what is wrong.

A check says nothing where it cannot tell; what no check refuses goes on to the NLI model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from coarse2fine.agents.attributes import Attributes, Measure, attributes
from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.overall import calls_normal, normal_fault
from coarse2fine.agents.source import Claim, Placed, Source, covers, fits_sides
from coarse2fine.agents.statements import Statement
from coarse2fine.reports import Sentence, patient_from

__all__ = ["ALL_CHECKS", "Check", "Fault", "run_checks"]


class Fault(NamedTuple):
    """What a check found wrong with a claim.

    Args:
        label: "contradicted" where the findings say otherwise, "unsupported" where they do not say it.
        reason: in words; evidence: the sentences of the findings that show it.
    """

    check: str
    label: Literal["contradicted", "unsupported"]
    reason: str
    evidence: tuple[Sentence, ...] = ()


class Check(Protocol):
    """A deterministic check."""

    @property
    def name(self) -> str:
        """What it is called in reasons and settings."""
        ...

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The fault of a claim; None where there is none, or none that can be told."""
        ...


class _StatementCheck:
    """A check that looks at each finding that a claim asserts, beside what the report says of the same finding."""

    def __init__(self, name: str, compare: Callable[[Statement, Sequence[Placed], Claim, Source], _Finding]) -> None:
        self.name, self._compare = name, compare

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's statements."""
        for statement in claim.statements:
            if statement.normal or statement.polarity in ("denied", "hypothetical"):
                continue
            about = source.about(statement)
            found = self._compare(statement, about, claim, source)
            if found:
                return Fault(self.name, *found, _sentences(about))
        return None


_Finding = tuple[Literal["contradicted", "unsupported"], str] | None


def _sentences(placed: Iterable[Placed], most: int = 3) -> tuple[Sentence, ...]:
    return tuple(dict.fromkeys(p.sentence for p in placed))[:most]


def _all(about: Iterable[Placed]) -> Attributes:
    """Everything that is said of a thing, in its own words or in its clause's."""
    joined = Attributes()
    for placed in about:
        own, clause = placed.statement.own, placed.statement.clause
        mixed = (a or b for a, b in zip(own, clause, strict=True))
        joined = joined | Attributes(*mixed)
    return joined


def _name(statement: Statement, claim: Claim) -> str:
    return claim.text[statement.start : statement.end].strip(" .,;") or claim.text


def _list(values: Iterable[object]) -> str:
    return " and ".join(sorted(str(v) for v in values))


# ---------------------------------------------------------------------- side
def _side(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked = statement.own.sides
    if not asked or not about:
        return None
    said = _all(about).sides
    said = said | {"bilateral"} if {"left", "right"} <= said else said
    name = _name(statement, claim)
    if said and not fits_sides(said, asked - {"left", "right"} if "bilateral" in asked else asked):
        return "contradicted", f"side: the findings put {name} on the {_list(said)}, not {_list(asked)}"
    everywhere = frozenset(side for p in source.placed for side in p.statement.clause.sides)
    if not said and not fits_sides(everywhere, asked):
        return "unsupported", f"side: the findings give no side for {name}, the claim says {_list(asked)}"
    return None


# ---------------------------------------------------------------------- zone
def _zone(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked, said = statement.own.zones, _all(about).zones
    for one, other in lexicon().terms["zone_pairs"]:
        for here, there in ((one, other), (other, one)):
            if here in asked and there in said and here not in said and there not in asked:
                return "contradicted", f"place: the findings put {_name(statement, claim)} in the {there} part, not the {here} part"
    return None


# ---------------------------------------------------------------------- severity
_CLASS = {1: "slight", 2: "moderate", 3: "great"}


def _severity(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked = statement.own.severity
    if not asked or not about:
        return None
    said = frozenset(s for p in about for s in (p.statement.own.severity or p.statement.clause.severity))
    if said and not asked & said:
        words = _list(_CLASS[s] for s in said)
        return "contradicted", f"severity: the findings call {_name(statement, claim)} {words}, not {_list(_CLASS[s] for s in asked)}"
    if not said:
        return "unsupported", f"severity: the findings do not grade {_name(statement, claim)}, the claim says {_list(_CLASS[s] for s in asked)}"
    return None


# ---------------------------------------------------------------------- measurement
def _measurement(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked = statement.own.measures or (statement.clause.measures if len(claim.statements) == 1 else ())
    if not asked:
        return None
    near = [m for p in about for m in attributes(lexicon().tokens(p.sentence.text), p.sentence.text).measures]
    everywhere = [m for p in source.placed for m in (*p.statement.own.measures, *p.statement.clause.measures)]
    for measure in asked:
        beside = [m for m in near if m.kind == measure.kind]
        if beside and not _equals_one(measure, beside):
            if _equals_one(measure, everywhere) and not beside:
                continue
            return "contradicted", f"measurement: the findings say {_list({m.text for m in beside})}, the claim says {measure.text}"
        if not beside and not _equals_one(measure, everywhere):
            return "unsupported", f"measurement: {measure.text} does not stand in the findings"
    return None


def _equals_one(measure: Measure, others: Iterable[Measure]) -> bool:
    return any(m.kind == measure.kind and abs(m.value - measure.value) < 1e-6 for m in others)


# ---------------------------------------------------------------------- count
def _count(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked = statement.own.counts
    if not asked or not about:
        return None
    said = frozenset(c for p in about for c in p.statement.own.counts)
    if said and not asked & said:
        return "contradicted", f"count: the findings count {_list(said)}, the claim {_list(asked)}"
    if not said and (any(p.statement.own.many for p in about) or asked != {1}):
        return "unsupported", f"count: the findings do not say that there are {_list(asked)}"
    return None


# ---------------------------------------------------------------------- level
def _level(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked = statement.own.levels or (statement.clause.levels if len(claim.statements) == 1 else frozenset())
    if not asked:
        return None
    said = frozenset(level for p in about for level in (p.statement.own.levels or p.statement.clause.levels))
    kinds = {level[0] for level in said}
    wrong = sorted(level for level in asked - said if level[0] in kinds)
    if wrong:
        return "contradicted", f"level: the findings say {_list(said)}, the claim says {_list(wrong)}"
    everywhere = frozenset(level for p in source.placed for level in p.statement.clause.levels)
    missing = asked - said - everywhere
    return ("unsupported", f"level: {_list(missing)} does not stand in the findings") if missing else None


# ---------------------------------------------------------------------- interval change
def _change(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked = statement.own.changes
    if not asked:
        return None
    said = frozenset(c for p in about for c in (p.statement.own.changes or p.statement.clause.changes))
    everywhere = frozenset(c for p in source.placed for c in p.statement.clause.changes)
    if about and said and not asked & said:
        return "contradicted", f"change: the findings call {_name(statement, claim)} {_list(said)}, the claim {_list(asked)}"
    if not asked & everywhere and not (asked == {"stable"} and source.report.comparison.strip()):
        return "unsupported", f"change: the findings compare nothing that would make {_name(statement, claim)} {_list(asked)}"
    return None


# ---------------------------------------------------------------------- acuity
def _acuity(statement: Statement, about: Sequence[Placed], claim: Claim, source: Source) -> _Finding:
    asked = statement.own.acuity
    said = frozenset(a for p in about for a in p.statement.own.acuity)
    if len(asked) == 1 and len(said) == 1 and asked != said:
        return "contradicted", f"acuity: the findings call {_name(statement, claim)} {_list(said)}, the claim {_list(asked)}"
    return None


# ---------------------------------------------------------------------- negation
class _Negation:
    """The claim asserts what the findings deny, or denies what they assert."""

    name = "negation"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's statements."""
        for statement in claim.statements:
            if statement.normal or statement.polarity == "hypothetical":
                continue
            fault = self._denied(statement, claim, source) if statement.polarity == "denied" else self._asserted(statement, claim, source)
            if fault:
                return fault
        return None

    def _asserted(self, statement: Statement, claim: Claim, source: Source) -> Fault | None:
        if source.about(statement):
            return None
        against = [p for p in source.denied() if covers(p.statement, statement)]
        against += [p for p in source.normal() if calls_normal(p.statement, statement)]
        reason = f"negation: the findings deny {_name(statement, claim)}"
        return Fault(self.name, "contradicted", reason, _sentences(against)) if against else None

    def _denied(self, statement: Statement, claim: Claim, source: Source) -> Fault | None:
        against = [p for p in source.asserted() if covers(statement, p.statement) and not p.limit]
        if not against or any(covers(p.statement, statement) for p in source.denied()):
            return None
        reason = f"negation: the claim denies {_name(statement, claim)}, which the findings report"
        return Fault(self.name, "contradicted", reason, _sentences(against))


# ---------------------------------------------------------------------- organs and whole examinations called normal
class _Normal:
    """The claim calls normal what the findings report as abnormal."""

    name = "normal"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's normal statements."""
        for statement in claim.statements:
            against = normal_fault(statement, claim, source)
            if against:
                what = against[0].sentence.text
                reason = f"normal: the claim calls normal what the findings report: {what}"
                return Fault(self.name, "contradicted", reason, _sentences(against))
        return None


# ---------------------------------------------------------------------- sex and age
_PERSON = re.compile(r"\b(?:years?|y/?o|male|female|man|woman|boy|girl|lady|gentleman|aged)\b", re.IGNORECASE)


class _Patient:
    """Sex and age differ from the report's, or organs do not go with the sex."""

    name = "patient"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The fault of a claim that names another sex or age than the report."""
        report, known = source.report, patient_from(source.report.clinical_information)
        sex, age = report.sex or known.sex, report.age if report.age is not None else known.age
        if _PERSON.search(claim.text):
            said = patient_from(claim.text)
            for what, told, true in (("sex", said.sex, sex), ("age", said.age, age)):
                if told is not None and told != true:
                    label: Literal["contradicted", "unsupported"] = "unsupported" if true is None else "contradicted"
                    return Fault(self.name, label, f"{what}: the claim says {told}, the report {'nothing' if true is None else true}")
        return self._organ(claim, source, sex) if sex else None

    def _organ(self, claim: Claim, source: Source, sex: str) -> Fault | None:
        lex = lexicon()
        for other, organs in lex.terms["sexes"].items():
            wrong = frozenset(organs) & frozenset(lex.phrase(claim.text)) - source.all_words if other != sex else frozenset()
            if wrong:
                return Fault(self.name, "contradicted", f"sex: {_list(wrong)} does not go with a {sex} patient")
        return None


# ---------------------------------------------------------------------- bare numbers
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)")


class _Number:
    """A number stands in the claim and nowhere in the report."""

    name = "number"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The fault of a claim with a number of its own, unless it recommends something."""
        lex, report = lexicon(), source.report
        if next(lex.recommendation.find(lex.phrase(claim.text)), None):
            return None
        told = {float(n) for n in _NUMBER.findall(claim.text)}
        if not told:
            return None
        measures = {m.value for m in attributes(lex.tokens(claim.text), claim.text).measures}
        counts = {float(c) for s in claim.statements for c in s.clause.counts}
        text = " ".join((report.findings, report.clinical_information, report.comparison, report.technique, report.exam))
        known = {float(n) for n in re.findall(r"\d+(?:\.\d+)?", text)} | counts
        wrong = {n for n in told - known if n not in measures and n * 10 not in measures}
        if not wrong:
            return None
        return Fault(self.name, "unsupported", f"number: {_list(f'{n:g}' for n in wrong)} does not stand in the report")


ALL_CHECKS: tuple[Check, ...] = (
    _Negation(),
    _Normal(),
    _StatementCheck("side", _side),
    _StatementCheck("level", _level),
    _StatementCheck("measurement", _measurement),
    _StatementCheck("count", _count),
    _StatementCheck("severity", _severity),
    _StatementCheck("place", _zone),
    _StatementCheck("change", _change),
    _StatementCheck("acuity", _acuity),
    _Patient(),
    _Number(),
)
"""Every check, in the order in which they run; pass a part of them to switch the others off."""


def run_checks(claim: Claim, source: Source, checks: Sequence[Check] = ALL_CHECKS) -> list[Fault]:
    """All faults of a claim, contradictions first."""
    faults = [fault for check in checks if (fault := check(claim, source))]
    return sorted(faults, key=lambda fault: fault.label != "contradicted")
