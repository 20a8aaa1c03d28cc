"""Plain words for a patient: of a finding, the sentence that the knowledge base has for it."""

from __future__ import annotations

from coarse2fine.agents.lexicon import lay_sentences, lexicon
from coarse2fine.agents.plain_checks import stands_for_something
from coarse2fine.agents.source import Source
from coarse2fine.agents.statements import Statement

__all__ = ["in_plain_words"]

_ACUTE = frozenset({"new", "recent", "fresh", "acute"})
_NAMED = "kb:"


def in_plain_words(statement: Statement, source: Source) -> list[str]:
    """Sentences that say a statement to a patient, the likeliest first; none where the finding has none.

    Of the findings that carry the statement's name, the one counts whose own name has most of its words and fewest
    others. The side is the statement's; without one, or with more than one, sentences that need none are given.
    What stands at a numbered level has none: they would lose it. Sentences that name a part of the body of which the
    findings do not speak, or use plain words for what the findings do not say, are left out: they are of another
    examination.
    """
    if statement.own.levels or statement.clause.levels:
        return []
    words = statement.words | frozenset(statement.name)
    words |= frozenset({"acute"}) if words & _ACUTE else frozenset()
    known = lay_sentences()
    ids = [c.removeprefix(_NAMED) for c in sorted(statement.concepts) if c.startswith(_NAMED)]
    scored = [(_fit(frozenset(name.split("_")), words), name) for name in ids if name in known]
    best = max(scored, default=(0, ""))
    if best[0] <= 0:
        return []
    sides = statement.own.sides or statement.clause.sides
    side = next(iter(sides)) if len(sides) == 1 and "bilateral" not in sides else ""
    told = known[best[1]]
    sided = [text.replace("{side}", side) for text in told if "{side}" in text] if side else []
    every = [*sided, *[text for text in told if "{side}" not in text]]
    return [text for text in every if _parts(text) <= source.all_words and stands_for_something(text, source)]


def _parts(text: str) -> frozenset[str]:
    """Parts of the body that a sentence names, in canonical words."""
    lex = lexicon()
    return frozenset(lex.phrase(text)) & frozenset(lex.terms["organs"])


def _fit(name: frozenset[str], words: frozenset[str]) -> int:
    return 2 * len(name & words) - len(name - words)
