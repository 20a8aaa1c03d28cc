"""Small words of grammar that the rules of the critic's benchmark share."""

from __future__ import annotations

import re

__all__ = ["SEEN", "STATE", "VERB", "are", "first_item", "is_plain", "keep_case", "low", "sentence"]

_CUE = re.compile(
    r"\b(?:no|not|without|negative|free|absen\w+|nor|never|neither|resol\w+|clear\w*|normal\w*|unremarkable|"
    r"intact|grossly|within|"
    r"may|might|could|can|cannot|possibl\w+|probabl\w+|likely|suspect\w*|suggest\w*|question\w*|versus|vs|"
    r"represent\w*|or|if|"
    r"limit\w*|evaluat\w+|recommend\w*|but|although|however|although|except|unchanged|change\w*|compar\w+|"
    r"previous\w*|prior)\b|\?",
    re.IGNORECASE,
)


SEEN = r"(?:is|are) (?:seen|noted|identified|present|demonstrated|evident|visualized)"
"""A pattern for the ways to say that something is there."""

VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|appear\w*|remain\w*|seen|noted|identified|present|"
    r"show\w*|demonstrat\w+|"
    r"measur\w+|overl\w+|project\w*|reveal\w*|developed|contain\w*|extend\w*|terminat\w+|view\w*|image\w*|films?|"
    r"consist\w*|status)\b",
    re.IGNORECASE,
)
"""Words that make a phrase a sentence of its own."""

STATE = (
    r"(?:(?:mildly|minimally|slightly|moderately|markedly|severely|grossly) )?(?:tortuous|hyperexpanded|"
    r"hyperinflated|enlarged|calcified|"
    r"elevated|low|clear|normal|stable|unchanged|prominent|ectatic|hypoinflated|flattened|unremarkable|osteopenic|"
    r"dilated)"
)
"""A pattern for the states that an organ may be in."""

_PLURAL = re.compile(r"s$(?<!ss)(?<!is)(?<!us)")
_PLACE = re.compile(r"\b(?:in|of|at|within|along|overlying|with|on|over|projecting)\b")
_ITEMS = re.compile(r",|\bor\b|\band\b")


def is_plain(text: str) -> bool:
    """Whether a text states something without negation, normality, doubt, comparison or advice."""
    return _CUE.search(text) is None


def sentence(text: str) -> str:
    """A phrase as a sentence: a capital before, a full stop behind."""
    text = " ".join(text.split()).strip(" .,;")
    return text[:1].upper() + text[1:] + "."


def low(phrase: str) -> str:
    """A phrase for use inside a sentence: its first letter small, unless it begins an abbreviation."""
    return phrase if re.match(r"[A-Z][A-Z\d]", phrase) else phrase[:1].lower() + phrase[1:]


def keep_case(old: str, new: str) -> str:
    """A new word with a capital where the old one had one."""
    return new.capitalize() if old[:1].isupper() else new


def first_item(listing: str) -> str:
    """The first of "a, b or c"."""
    return _ITEMS.split(listing)[0].strip()


def are(phrase: str) -> str:
    """ "is" or "are", as a phrase needs it."""
    head = _PLACE.split(phrase)[0].strip()
    return "are" if _PLURAL.search(head) or _ITEMS.search(head) else "is"
