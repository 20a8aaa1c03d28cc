"""The core of a claim that goes too far: the finding it names, without the words that nobody said."""

from __future__ import annotations

from coarse2fine.agents.layout import closed
from coarse2fine.agents.lexicon import Token, lexicon
from coarse2fine.agents.source import Source
from coarse2fine.agents.statements import Statement, parse

__all__ = ["core"]


def core(claim: str, source: Source) -> str | None:
    """A claim cut down to its first finding: "Acute right MCA territory infarct." → "Acute right infarct."

    Kept are the words that name the finding, its side, acuity and severity, and what stands in the report; all else,
    such as a place or a cause that the findings do not give, goes, and so does what comes after the name. The result
    is a claim like any other: only a critique can say whether it holds.

    Args:
        claim: one sentence of an impression.
        source: the findings.

    Returns:
        The shorter claim; None where the claim asserts no finding by name or nothing can be cut.
    """
    named = [s for s in parse(claim) if s.polarity == "asserted" and s.name and not s.normal]
    if not named:
        return None
    tokens = [token for token in lexicon().tokens(claim) if token.raw[0].isalnum()]
    staying = [_stays(token, named[0], source) for token in tokens]
    for i, token in enumerate(tokens):  # "patchy foci of ischemia" without its foci is "patchy ischemia"
        staying[i] = staying[i] and not (i and token.raw == "of" and not staying[i - 1])
    kept = [token for token, stays in zip(tokens, staying, strict=True) if stays]
    if len(kept) == len(tokens):
        return None
    return closed(" ".join(claim[token.start : token.end] for token in kept))


def _stays(token: Token, finding: Statement, source: Source) -> bool:
    if token.start >= finding.end:
        return False
    if token.start >= finding.start or token.word in source.all_words:
        return True
    terms = lexicon().terms
    return token.word in terms["adjectives"] or token.word in terms["acuity"]
