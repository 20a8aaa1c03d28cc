"""Proof without a model: the claim's words stand in the findings, or each of its statements has its like there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.overall import calls_normal, normal_proof
from coarse2fine.agents.source import Claim, Placed, Source, covers, fits_sides, same_finding, telling
from coarse2fine.agents.statements import Statement, parse
from coarse2fine.reports import Sentence

__all__ = ["agreement", "verbatim"]


def verbatim(claim: Claim, source: Source) -> Sentence | None:
    """The findings sentence in which a claim's words stand side by side and state the same; None where none does."""
    wanted = _plain(claim.text)
    if not wanted:
        return None
    stated = _stated(claim.statements)
    for sentence in source.sentences:
        words = _plain(sentence.text)
        if wanted == words:
            return sentence
        if stated and _contains(words, wanted) and stated <= _stated(parse(sentence.text)):
            return sentence
    return None


def _plain(text: str) -> tuple[str, ...]:
    return tuple(t.raw for t in lexicon().tokens(text) if t.raw[0].isalnum())


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return any(words[i : i + size] == wanted for i in range(len(words) - size + 1))


def _stated(statements: Sequence[Statement]) -> frozenset[tuple[object, ...]]:
    return frozenset(
        (s.name, s.polarity, s.normal, s.rest, s.organs if s.normal else None, s.own if s.name else None)
        for s in statements
    )


def agreement(claim: Claim, source: Source) -> list[Placed] | None:
    """What proves every statement of a claim that no check refused; None where one of them lacks its like."""
    found: list[Placed] = []
    if telling(lexicon().phrase(claim.text)) - lexicon().function_words - _covered(claim):
        return None
    for statement in claim.statements:
        proof = _proof(statement, claim, source)
        if not proof:
            return None
        found += proof
    return found or None


def _covered(claim: Claim) -> frozenset[str]:
    """Words that some statement of a claim accounts for, or that only link statements."""
    lex = lexicon()
    words = frozenset(word for s in claim.statements for word in s.words | frozenset(s.name))
    marks = frozenset(w for w in lex.phrase(claim.text) if not w[0].isalnum())
    normal = lex.global_adjectives | lex.global_nouns | lex.exam_words | lex.verbs
    return words | marks | normal | _linking()


@cache
def _linking() -> frozenset[str]:
    cues = lexicon().terms["cues"]
    kinds = ("negation_before", "negation_after", "normal", "joiners", "clause", "possible")
    return frozenset(word for kind in kinds for cue in cues[kind] for word in lexicon().phrase(cue))


def _proof(statement: Statement, claim: Claim, source: Source) -> list[Placed] | None:
    if statement.polarity == "hypothetical":
        return None
    if statement.normal:
        return normal_proof(statement, claim, source)
    if statement.polarity == "denied":
        return _denial_proof(statement, source)
    return _assertion_proof(statement, claim, source)


def _denial_proof(statement: Statement, source: Source) -> list[Placed]:
    own = statement.own
    denied = [p for p in source.denied() if covers(p.statement, statement) and p.statement.rest <= statement.rest]
    if own.changes or own.measures or own.levels:  # "the 2 cm opacity has cleared" says more than "no opacity"
        said = [(p, p.statement.own) for p in denied]
        return [p for p, a in said if (own.changes, own.measures, own.levels) == (a.changes, a.measures, a.levels)][:1]
    return denied[:1] or [p for p in source.normal() if calls_normal(p.statement, statement)][:1]


def _assertion_proof(statement: Statement, claim: Claim, source: Source) -> list[Placed] | None:
    """One finding of the report that carries every word of the statement, as surely as the statement does."""
    for placed in source.about(statement):
        other = placed.statement
        if statement.polarity == "asserted" and other.polarity == "possible":
            continue
        if statement.name and not same_finding(statement, other):
            continue
        if "acute" in statement.own.acuity and (other.old or _denied_as_acute(other, source)):
            continue
        words = frozenset(lexicon().phrase(placed.sentence.text))
        extra = (
            telling(statement.words) - words - (frozenset(statement.name) if _equals(statement, other) else frozenset())
        )
        extra -= _orienting(extra, placed)
        if not _numbers(claim.text) <= _as_any_unit(_numbers(placed.sentence.text)):
            continue
        if not extra - _graded() and fits_sides(other.own.sides or other.clause.sides, statement.own.sides):
            return [placed]
    return None


def _denied_as_acute(found: Statement, source: Source) -> bool:
    """Whether the findings deny that a finding of theirs, which they do not call acute, is: "No acute fracture." """
    acute = [p for p in source.denied() if "acute" in p.statement.own.acuity]
    return "acute" not in found.own.acuity and any(same_finding(found, p.statement) for p in acute)


def _orienting(words: frozenset[str], placed: Placed) -> frozenset[str]:
    """Words for a place that the finding's sentence gives more closely: who says "occipital lobe" says "brain"."""
    said, places = placed.sentence.text.lower(), lexicon().place_words
    return frozenset(word for word in words if word in places and places[word].search(said))


def _numbers(text: str) -> frozenset[float]:
    """Figures of a sentence without its list mark: those of a claim must stand beside the finding that proves it."""
    return frozenset(float(n) for n in re.findall(r"\d+(?:\.\d+)?", _MARK.sub("", text)))


def _as_any_unit(numbers: frozenset[float]) -> frozenset[float]:
    """Figures as they are, and as cm or mm of each other: that the unit fits, the check of measurements has seen to."""
    return frozenset(round(n * factor, 4) for n in numbers for factor in (1, 10, 0.1))


_MARK = re.compile(r"^\s*\d+[.)]\s")


def _equals(one: Statement, other: Statement) -> bool:
    """Whether two names mean the same; a narrower or a wider finding does not."""
    hand = frozenset(c for c in one.concepts if not c.startswith("kb:"))
    return one.name == other.name or bool(hand & other.concepts)


@cache
def _graded() -> frozenset[str]:
    """Words of severity: the checks have compared them already."""
    table = lexicon().terms["severity"]
    return frozenset(word for phrases in table.values() for phrase in phrases for word in lexicon().phrase(phrase))
