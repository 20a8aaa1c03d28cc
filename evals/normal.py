"""Which reference impressions call an examination normal: the rule behind every "abnormal-only" figure."""

from __future__ import annotations

import re

__all__ = ["is_normal"]

_MARKER = re.compile(r"(?:^|\s)\d{1,2}[.)]\s+")
_SENTENCE = re.compile(r"[.;!?]\s+|\n+")
_NEGATED = re.compile(
    r"^(?:there (?:is|are|has been) )?(?:no|without|negative|nothing|absence of|free of)\b", re.IGNORECASE
)
_NORMAL = re.compile(
    r"\b(?:normal|clear|unremarkable|negative|within normal limits|no (?:acute|active|evidence|radiographic|"
    r"significant))\b"
    r"|\b(?:stable|similar|unchanged) (?:appearance of the )?(?:chest|exam(?:ination)?|appearance|study)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\b(?:recommend|consider|suggest|follow-?up|correlat|if (?:clinical|there|the patient|symptom)|see above|"
    r"please note|"
    r"limited (?:study|exam)|discussed|notified|telephone)",
    re.IGNORECASE,
)
_POSITIVE = re.compile(
    r"\b(?:but|except|however|with (?!no\b|out\b)|opacit|effusion|atelect|cardiomegaly|enlarge|edema|emphysema|"
    r"copd|hyperexpan|"
    r"hyperinflat|hypoinflat|hypoventilat|hypoexpan|scar|fibro|granulom|nodul|mass|fractur|degenerat|consolidat|"
    r"infiltrat|"
    r"pneumonia|pneumothora|congest|tortuous|atherosclero|hernia|scoliosis|deform|thicken|catheter|pacemaker|tube|"
    r"sternotomy|"
    r"calcif|elevat|low lung|densit|lesion|prominen|dilat|ectat|aneurysm|chronic|disease|abnormal|senescent|"
    r"changes)\w*",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\b(?:no|without|negative for)\b", re.IGNORECASE)
_TURN = re.compile(
    r"\b(?:but|except|however)\b|\bwith (?:stable|mild|moderate|chronic|unchanged|small|large)\b"
    r"|^no (?:\w+ ){0,3}(?:change|progression|improvement)s? (?:in|of) (?!the (?:chest|exam|appearance))",
    re.IGNORECASE,
)


def is_normal(impression: str) -> bool:
    """Whether an impression reports nothing: each sentence denies, or calls normal and names no finding.

    A sentence counts as normal when it begins with a negation ("No acute disease."), or when it says normal, clear,
    unremarkable, negative, a stable chest or the like and names no finding outside a negation ("Clear lungs." but not
    "Clear lungs with cardiomegaly."). Advice and remarks on the study that name no finding ("Consider CT.") count for
    nothing. One sentence of another kind makes the report abnormal, and so does an impression of remarks alone.
    """
    text = _MARKER.sub(" ; ", f" {impression}").replace(";", ". ")
    sentences = [part.strip(" .;") for part in _SENTENCE.split(text) if re.search(r"[a-z]", part, re.IGNORECASE)]
    telling = [sentence for sentence in sentences if not _is_remark(sentence)]
    return bool(telling) and all(_calls_normal(sentence) for sentence in telling)


def _is_remark(sentence: str) -> bool:
    return _BESIDE.search(sentence) is not None and not _POSITIVE.search(sentence) and not _calls_normal(sentence)


def _calls_normal(sentence: str) -> bool:
    if _NEGATED.match(sentence):
        return _TURN.search(sentence) is None
    if not _NORMAL.search(sentence):
        return False
    return _POSITIVE.search(_DENIAL.split(sentence, maxsplit=1)[0]) is None
