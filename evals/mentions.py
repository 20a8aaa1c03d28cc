"""Things that a text speaks of, with side and polarity, by small regular expressions: for the auditor only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from coarse2fine.reports import split_sentences

__all__ = ["Mention", "Side", "mentions", "sides_named"]

Side = Literal["left", "right", "both"]


class Mention(NamedTuple):
    """A finding named in a clause.

    Args:
        thing: the finding, one word for all its synonyms.
        side: the side that its clause gives it, None where it gives none or several.
        polarity: asserted, denied, or hedged ("cannot be excluded").
        limits: what narrows it: "acute", "new", "displaced", ...
        clause: where it stands.
        exact: whether its name is exact enough to compare polarity.
    """

    thing: str
    side: Side | None
    polarity: Literal["asserted", "denied", "hedged"]
    limits: frozenset[str]
    clause: str
    exact: bool = True


_THINGS: Mapping[str, str] = {
    "pleural effusion": r"(?:pleural |parapneumonic )?effusions?|pleural fluid|fluid in the pleural",
    "pneumothorax": r"pneumothora(?:x|ces)|collapsed lung",
    "consolidation": r"consolidations?|infiltrates?|pneumonias?|air ?-?space disease",
    "edema": r"(?:pulmonary |interstitial |alveolar )?(?:o?edema)",
    "atelectasis": r"atelecta(?:sis|tic)",
    "cardiomegaly": r"cardiomegaly|enlarged (?:heart|cardiac (?:silhouette|shadow))|cardiac enlargement"
    r"|(?:heart|cardiac silhouette|heart size|cardiac size) (?:is |appears |remains )?(?:(?!not )\w+ )?enlarged",
    "fracture": r"fractures?",
    "nodule": r"nodules?",
    "mass": r"mass(?:es)?(?! effect)",
    "hemorrhage": r"ha?emorrhages?|ha?ematomas?",
    "infarct": r"infarct(?:s|ion|ions)?|isch(?:a)?emi(?:a|c)|strokes?",
    "hydronephrosis": r"hydronephrosis|hydroureteronephrosis",
    "thrombus": r"thromb(?:us|osis|i)|emboli(?:sm)?|embolus|dvt",
    "hernia": r"hernias?",
    "aneurysm": r"aneurysms?",
    "emphysema": r"emphysema(?:tous)?",
    "scoliosis": r"scoliosis",
    "lymphadenopathy": r"(?:lymph)?adenopathy|enlarged lymph nodes?",
    "stone": r"(?:gall|kidney |renal |ureteral )?stones?|(?:nephro|chole|uro)lithiasis|calcul(?:us|i)",
    "ascites": r"ascites|free fluid",
    "free air": r"free (?:intraperitoneal )?air|pneumoperitoneum",
    "dislocation": r"dislocations?",
    "tear": r"tears?",
}
_ONLY_SIDED: Mapping[str, str] = {
    "opacity": r"opacit(?:y|ies)|opacification",
    "granuloma": r"granulomas?",
    "hemidiaphragm": r"hemidiaphragm",
    "catheter": r"(?:catheter|picc|central venous line|port)s?",
    "clips": r"clips?",
    "scarring": r"scar(?:s|ring)?",
    "bulla": r"bull(?:a|ae)|blebs?",
    "device": r"pacemakers?|defibrillators?|icd",
    "chest tube": r"chest tubes?",
    "deformity": r"deformit(?:y|ies)",
    "pleural thickening": r"pleural thickening",
}
"""Things too loosely named to compare by polarity; by side they are."""

_THING = {thing: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for thing, words in {**_THINGS, **_ONLY_SIDED}.items()}
_NORMAL = (
    (
        re.compile(
            r"\b(?:heart|cardi(?:ac|omediastinal) silhouette)\b.*\b(?:normal|unremarkable|not enlarged)\b",
            re.IGNORECASE,
        ),
        ("cardiomegaly",),
    ),
    (
        re.compile(
            r"^(?!.*\b(?:remainder|rest|otherwise|remaining|left|right)\b).*"
            r"\blungs (?:are|appear|remain) (?:\w+ )?clear(?! of)\b|^clear lungs\b",
            re.IGNORECASE,
        ),
        ("consolidation", "edema"),
    ),
)
_BORDERLINE = re.compile(r"\b(?:upper limits?|borderline|mildly|top)\b", re.IGNORECASE)

_SIDES: Mapping[Side, re.Pattern[str]] = {
    "left": re.compile(r"\b(?:left|lingular?)\b", re.IGNORECASE),
    "right": re.compile(r"\bright\b", re.IGNORECASE),
    "both": re.compile(
        r"\b(?:bilateral(?:ly)?|both|bi(?:basilar|basal|apical|hilar|frontal|parietal|temporal)\w*)\b", re.IGNORECASE
    ),
}

_SPLIT = re.compile(
    r"[;:]|,?\s\b(?:but|however|although|though|except|while|whereas|which|with(?!in|out)|and (?=(?:there|the|a|"
    r"an|is|are|small|mild|"
    r"moderate|large|stable|unchanged|left|right|bilateral|old|new|minimal|trace|tiny)\b))"
    r"|,\s+(?=(?:there|the|a|an|small|mild|moderate|large|stable|left|right)\b)",
    re.IGNORECASE,
)
_NO_CHANGE = re.compile(
    r"\b(?:no|without|not)\s+(?:\w+\s+){0,3}(?:change|changed|increase|decrease|progression|improvement|different)\w*",
    re.IGNORECASE,
)
_DENY = re.compile(
    r"\b(?:no|without|negative for|free of|absence of|absent|nor|never|lack of|clear of|resolved|resolution of|neither|"
    r"rather than|not (?:have|show|demonstrate|see)\w*)\b",
    re.IGNORECASE,
)
_DENY_BEHIND = re.compile(
    r"\b(?:(?:is|are|was|were|has|have)\s+(?:\w+\s+)?(?:not|no longer)\s+(?:\w+\s+)?(?:seen|identified|present|"
    r"evident|visible|visualized|detected|demonstrated|appreciated|noted|found)|(?:is|are) absent|ha(?:s|ve) resolved|"
    r"ruled out|not (?:seen|identified))\b(?! on (?:the )?(?:prior|previous|earlier|lateral|frontal))",
    re.IGNORECASE,
)
_NEXT_ITEM = re.compile(r",|\b(?:or|and|nor)\b")
_HEDGED = re.compile(
    r"\b(?:cannot|can not|not (?:entirely |completely )?(?:be )?exclude|could|may|might|possibl|probabl|likely|"
    r"versus|vs|suspect|suggest|"
    r"question|concern|risk|evaluate|if |rule out|differential|or)\b|\?",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"\b(?:acute|new|old|healed|chronic|remote|subacute|displaced|large|larger|big|sizable|significant|suspicious|"
    r"active|additional|other|further|residual|recurrent|pericardial|joint|gross|massive|"
    r"enlarging|dense|lobar|"
    r"superimposed|intracranial|skull|rib|hiatal|vertebral|compression|interstitial|alveolar|axillary|"
    r"hilar|mediastinal|cerebellar|lacunar|small|"
    r"full-thickness|full|calcified|noncalcified|tension|loculated|cavitary|mural|deep|portal|bulky|"
    r"pathologic)\b",
    re.IGNORECASE,
)


def sides_named(text: str) -> frozenset[Side]:
    """The sides that a text names anywhere."""
    return frozenset(side for side, pattern in _SIDES.items() if pattern.search(text))


def mentions(text: str) -> Iterator[Mention]:
    """The findings that a text names, clause by clause."""
    for sentence in split_sentences(text):
        for clause in _clauses(sentence.text):
            yield from _of_clause(clause)


def _clauses(sentence: str) -> Iterator[str]:
    start = 0
    for match in _SPLIT.finditer(sentence):
        yield sentence[start : match.start()]
        start = match.end()
    yield sentence[start:]


def _of_clause(clause: str) -> Iterator[Mention]:
    clause = " ".join(clause.split())
    for pattern, things in _NORMAL:
        if pattern.search(clause) and not _BORDERLINE.search(clause) and not _HEDGED.search(clause):
            yield from (Mention(thing, None, "denied", frozenset(), clause) for thing in things)
    named = sides_named(clause)
    side = next(iter(named)) if len(named) == 1 else None
    for thing, pattern in _THING.items():
        if match := pattern.search(clause):
            polarity = _polarity(clause, match.start())
            limits = _limits(_phrase(clause, match.end()) if polarity == "denied" else clause)
            yield Mention(thing, side, polarity, limits, clause, thing in _THINGS)


def _limits(phrase: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _LIMIT.findall(phrase))


def _phrase(clause: str, end: int) -> str:
    """A clause up to the end of the phrase that ends at `end` or behind: what narrows one item of a denied list."""
    return clause[:end] + _NEXT_ITEM.split(clause[end:], maxsplit=1)[0]


def _polarity(clause: str, place: int) -> Literal["asserted", "denied", "hedged"]:
    plain = _NO_CHANGE.sub(lambda match: "x" * len(match[0]), clause)
    if _DENY.search(plain, 0, place) or _DENY_BEHIND.search(plain, place):
        return "denied"
    return "hedged" if _HEDGED.search(plain) else "asserted"
