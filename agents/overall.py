"""Statements that call something normal: "No acute cardiopulmonary abnormality", "Normal chest", "Normal heart"."""

from __future__ import annotations

from collections.abc import Iterable

from coarse2fine.agents.exams import exam_of
from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.source import Claim, Placed, Source, fits_sides, may_be_the_same, same_finding
from coarse2fine.agents.statements import Statement

__all__ = [
    "calls_normal",
    "is_finding",
    "normal_fault",
    "normal_proof",
    "organs_found_normal",
    "significance_of",
    "unaddressed_by",
]


_TOLD_INCIDENTAL = frozenset(["incidental", "incidentally"])


def significance_of(placed: Placed, exam: str) -> str:
    """How much a finding of the report matters; what is old, healed, calcified or called so is incidental."""
    statement = placed.statement
    if statement.old or statement.words & _TOLD_INCIDENTAL:
        return "incidental"
    if not statement.concepts:
        return "significant"
    return lexicon().significance(statement.concepts, exam_of(exam), statement.organs, statement.name)


def is_finding(placed: Placed) -> bool:
    """Whether a statement of the findings reports something abnormal; limits of the study are none."""
    statement = placed.statement
    if statement.normal or statement.polarity not in ("asserted", "possible"):
        return False
    if statement.abnormal:
        return True
    if statement.concepts:
        return True
    return bool(statement.words & lexicon().abnormal) and not placed.limit


def normal_fault(statement: Statement, claim: Claim, source: Source) -> list[Placed]:
    """The findings that refute a normal statement; none for other statements."""
    if not statement.normal or _said_alike(statement, source):
        return []
    exam = source.report.exam
    against = [p for p in source.placed if is_finding(p) and _refutes(p, statement, exam)]
    return unaddressed_by(claim, against, source) if statement.rest else against


def organs_found_normal(statement: Statement, source: Source) -> list[Placed]:
    """What refutes that organs are abnormal: the findings call them normal and report nothing of them."""
    if not statement.abnormal:
        return []
    found = [p for p in source.normal() if p.statement.organs & statement.organs]
    plain = [p for p in found if p.statement.organs == statement.organs and not p.statement.rest]
    if plain:
        return plain
    reported = [p for p in source.placed if is_finding(p) and _organs(p.statement) & statement.organs]
    return [] if reported else found


def normal_proof(statement: Statement, claim: Claim, source: Source) -> list[Placed] | None:
    """What proves a normal statement; None where nothing does.

    A statement about the whole examination, or about the chest's organs together, is proven by findings that report
    nothing against it; one about a single organ needs a sentence about that organ.
    """
    if not statement.normal or normal_fault(statement, claim, source):
        return None
    alike = _said_alike(statement, source)
    if alike:
        return alike
    wide = "*" in statement.organs or (len(statement.organs) > 2 and (statement.acute_only or statement.rest))
    spoken = [
        p for p in source.placed if p.statement.organs & statement.organs or _organs(p.statement) & statement.organs
    ]
    denied = [p for p in spoken if p.statement.polarity == "denied"]
    if wide or (denied and (statement.acute_only or not _named(statement))):
        return denied or spoken or list(source.placed[:1])
    return None


def _named(statement: Statement) -> bool:
    return not statement.words & lexicon().global_nouns


def _said_alike(statement: Statement, source: Source) -> list[Placed]:
    """Normal statements of the findings that say at least as much."""
    found: list[Placed] = []
    covered: set[str] = set()
    for placed in source.normal():
        other = placed.statement
        if statement.parts and other.parts and not statement.parts & other.parts:
            continue
        stricter = statement.acute_only or not other.acute_only
        fits = other.rest <= statement.rest and fits_sides(
            other.own.sides or frozenset({"bilateral"}), statement.own.sides
        )
        if stricter and fits and ("*" in other.organs or other.organs & statement.organs):
            found.append(placed)
            covered |= other.organs
    complete = "*" in covered or statement.organs <= covered
    return found if complete else []


def _organs(statement: Statement) -> frozenset[str]:
    if statement.abnormal:
        return statement.organs
    concepts = lexicon().concepts
    hand = [c for c in statement.concepts if not c.startswith("kb:")] or list(statement.concepts)
    return frozenset(o for c in hand if c in concepts for o in concepts[c].organs) | (
        frozenset() if hand else statement.organs
    )


def _refutes(placed: Placed, normal: Statement, exam: str) -> bool:
    statement = placed.statement
    whole = "*" in normal.organs
    if not whole and not _organs(statement) & normal.organs:
        return False
    if normal.own.sides and statement.own.sides and not fits_sides(statement.own.sides, normal.own.sides):
        return False
    if normal.parts and not normal.parts & (statement.parts | statement.near):
        return False
    if normal.acute_only or whole:
        if significance_of(placed, exam) == "incidental":
            return False
        return not normal.acute_only or _is_acute(statement)
    return _denied_by_organ(statement, normal) and not statement.old


def _is_acute(statement: Statement) -> bool:
    concepts = lexicon().concepts
    hand = [c for c in statement.concepts if not c.startswith("kb:")] or list(statement.concepts)
    if "acute" in statement.own.acuity:
        return True
    if "stable" in statement.own.changes or "chronic" in statement.own.acuity:
        return False
    return any(concepts[c].acute for c in hand if c in concepts)


def _denied_by_organ(statement: Statement, normal: Statement) -> bool:
    if statement.abnormal:
        return True
    lex = lexicon()
    denies = frozenset(c for name in normal.organs if name in lex.organs for c in lex.organs[name].denies)
    wider = frozenset(p for c in statement.concepts if c in lex.concepts for p in lex.concepts[c].parents)
    return bool(denies & wider)


def unaddressed_by(claim: Claim, placed: Iterable[Placed], source: Source) -> list[Placed]:
    """Findings whose sentence no other claim of the same text states any part of; for "otherwise" and "no other"."""
    stated = [o for o in claim.others if not o.normal and o.polarity != "denied"]
    addressed = {
        p.sentence
        for p in source.asserted()
        if any(same_finding(p.statement, o) and may_be_the_same(p.statement, o) for o in stated)
    }
    return [p for p in placed if p.sentence not in addressed]


def calls_normal(normal: Statement, statement: Statement) -> bool:
    """Whether an organ that the findings call normal cannot have this finding."""
    if normal.acute_only or normal.rest or not statement.concepts or statement.old:
        return False
    if normal.parts and not (statement.parts and statement.parts <= normal.parts):
        return False
    organs, concepts = lexicon().organs, lexicon().concepts
    denies = frozenset(c for name in normal.organs if name in organs for c in organs[name].denies)
    wider = frozenset(p for c in statement.concepts if c in concepts for p in concepts[c].parents)
    if normal.own.sides and not (statement.own.sides and fits_sides(normal.own.sides, statement.own.sides)):
        return False
    return bool(denies & wider)
