"""Which reference impressions call an examination normal: the rule behind every "abnormal-only" figure."""

from __future__ import annotations

import re

__all__ = ["is_normal"]

_MARKER = re.compile(r"(?:^|\s)\d{1,2}[.)]\s+")
_SENTENCE = re.compile(r"[.;!?]\s+|\n+")
_NEGATED = re.compile(r"^(?:there (?:is|are|has been) )?(?:no|without|negative|nothing|absence of|free of)\b", re.IGNORECASE)
_NORMAL = re.compile(
    r"\b(?:normal|clear|unremarkable|negative|within normal limits|stable chest|no (?:acute|active|evidence|radiographic|significant))\b",
    re.IGNORECASE,
)
_POSITIVE = re.compile(
    r"\b(?:but|except|however|with (?!no\b|out\b)|opacit|effusion|atelect|cardiomegaly|enlarge|edema|emphysema|copd|hyperexpan|"
    r"hyperinflat|scar|fibro|granulom|nodul|mass|fractur|degenerat|consolidat|infiltrat|pneumonia|congest|tortuous|"
    r"atherosclero|hernia|scoliosis|deform|thicken|catheter|pacemaker|tube|sternotomy|calcif|elevat|low lung)\w*",
    re.IGNORECASE,
)


def is_normal(impression: str) -> bool:
    """Whether an impression reports nothing: each sentence denies, or calls normal and names no finding.

    A sentence counts as normal when it begins with a negation ("No acute disease."), or when it says normal, clear,
    unremarkable, negative or the like and names no finding outside a negation ("Clear lungs." but not "Clear lungs with
    cardiomegaly."). One sentence of another kind makes the report abnormal.
    """
    sentences = [part for part in _SENTENCE.split(_MARKER.sub(" ; ", f" {impression}").replace(";", ". ")) if re.search(r"[a-z]", part, re.I)]
    return bool(sentences) and all(_calls_normal(sentence.strip(" .;")) for sentence in sentences)


def _calls_normal(sentence: str) -> bool:
    if _NEGATED.match(sentence):
        return not re.search(r"\b(?:but|except|however)\b", sentence, re.IGNORECASE)
    if not _NORMAL.search(sentence):
        return False
    asserted = re.split(r"\b(?:no|without|negative for)\b", sentence, maxsplit=1, flags=re.IGNORECASE)[0]
    return _POSITIVE.search(asserted) is None
