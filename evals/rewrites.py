"""Rules that put exactly one error into a sentence of findings (after FactCC).

A rule gives None wherever it is not sure. Nothing here is shared with the critic that is measured by them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from coarse2fine.evals.wording import SEEN, STATE, VERB, are, is_plain, keep_case, low
from coarse2fine.evals.wording import sentence as as_sentence

__all__ = ["Rewrite", "negate", "other_level", "other_number", "other_severity", "other_side"]

Rewrite = Callable[[str, random.Random], str | None]
"""A sentence and a source of chance → the rewritten sentence, or None."""

# --------------------------------------------------------------------------------------------------------- negation
_SEVERITY_FIRST = re.compile(
    r"^(?:stable|unchanged|mild|minimal|slight|moderate|severe|marked|small|tiny|trace|large|an?|the) ", re.IGNORECASE
)
_ITEM = re.compile(
    r"^(?:focal |large |acute |pleural |pulmonary |airspace |air space |bony |osseous |suspicious )*"
    r"(?:effusions?|pneumothora(?:x|ces)|consolidations?|infiltrates?|edema|nodules?|mass(?:es)?|fractures?|"
    r"opacit(?:y|ies)|"
    r"disease|abnormalit(?:y|ies)|cardiomegaly|adenopathy|lymphadenopathy|atelectasis|free air)$",
    re.IGNORECASE,
)
_NORMAL_HEART = re.compile(
    r"^(?:the )?(?:heart|heart size|cardiac silhouette)(?: size)? (?:is|appears) (?:normal|within normal "
    r"limits)(?: in size)?$",
    re.IGNORECASE,
)


def negate(sentence: str, rng: random.Random) -> str | None:
    """The opposite: a stated finding denied, one item of a denied list asserted, a normal heart called enlarged."""
    body = " ".join(sentence.split()).strip(" .")
    if _NORMAL_HEART.match(body):
        return rng.choice(("The heart is enlarged.", "Cardiomegaly is present."))
    denied = re.match(rf"^(?:there (?:is|are) )?no (?:evidence of )?(?P<list>[^;]+?)(?: {SEEN})?$", body, re.IGNORECASE)
    if denied:
        items = [item.strip() for item in re.split(r",\s*(?:or\s+)?|\s+or\s+", denied["list"])]
        known = [item for item in items if _ITEM.match(item)]
        return _asserted(rng.choice(known), rng) if known and len(known) == len(items) else None
    if not is_plain(body):
        return None
    if match := re.match(r"^there (?:is|are) (?:an? )?(?P<thing>[^,;]+)$", body, re.IGNORECASE):
        return as_sentence(f"There is no {match['thing']}")
    if match := re.match(rf"^(?P<thing>[^,;]+?) (?P<be>is|are) (?P<how>{SEEN.split(' ', 1)[1]})$", body, re.IGNORECASE):
        return as_sentence(f"{match['thing']} {match['be']} not {match['how']}")
    if match := re.match(rf"^(?P<thing>[^,;]+?) (?P<be>is|are) (?P<how>{STATE})$", body, re.IGNORECASE):
        return as_sentence(f"{match['thing']} {match['be']} not {match['how'].split()[-1]}")
    if re.search(r"[,;:\d]", body) or VERB.search(body):
        return None
    return as_sentence(f"no {low(_SEVERITY_FIRST.sub('', body))}")


def _asserted(item: str, rng: random.Random) -> str:
    item = item.lower()
    if rng.random() < 0.5:
        return as_sentence(f"{item} {are(item)} present")
    single = are(item) == "is" and not re.search(
        r"(?:edema|cardiomegaly|adenopathy|atelectasis|disease|free air)$", item
    )
    article = ("an " if item[0] in "aeiou" else "a ") if single else ""
    return as_sentence(f"there {are(item)} {article}{item}")


# -------------------------------------------------------------------------------------------- one attribute changed
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def other_side(sentence: str, rng: random.Random) -> str | None:
    """Left for right or right for left, where the sentence names one side and states something."""
    del rng  # every rule is asked alike
    sides = {side.lower() for side in _SIDE.findall(sentence)}
    if (
        len(sides) != 1
        or not is_plain(sentence)
        or re.search(r"\b(?:bilateral|both|lateral|decubitus|oblique)", sentence, re.IGNORECASE)
    ):
        return None
    return _SIDE.sub(lambda m: keep_case(m[0], "right" if m[0].lower() == "left" else "left"), sentence)


_SEVERITY: Mapping[str, Sequence[str]] = {
    "mild": ("severe", "marked"), "minimal": ("severe", "marked"), "slight": ("severe", "marked"),
    "mildly": ("severely", "markedly"),
    "minimally": ("severely", "markedly"), "slightly": ("severely", "markedly"), "moderate": ("severe", "minimal"),
    "moderately": ("severely", "minimally"), "severe": ("mild", "minimal"), "marked": ("mild", "minimal"),
    "severely": ("mildly", "slightly"), "markedly": ("mildly", "slightly"), "small": ("large", "massive"),
    "tiny": ("large", "massive"), "trace": ("large", "massive"), "large": ("small", "tiny"),
    "massive": ("small", "trace"),
}  # fmt: skip
_SEVERITY_WORD = re.compile(rf"\b(?:{'|'.join(_SEVERITY)})\b", re.IGNORECASE)


def other_severity(sentence: str, rng: random.Random) -> str | None:
    """A severity or size of another class, where the sentence gives exactly one."""
    found = _SEVERITY_WORD.findall(sentence)
    fixed = re.search(
        r"\b(?:small|large)[ -](?:bowel|bore|vessel|caliber|airway)|\bto[ -](?:mod|sev|mild|lar)|\bvolume",
        sentence,
        re.I,
    )
    if len(found) != 1 or fixed or not is_plain(sentence):
        return None
    return _SEVERITY_WORD.sub(lambda m: keep_case(m[0], rng.choice(_SEVERITY[m[0].lower()])), sentence)


_LEVEL = re.compile(
    r"(?<![\w-])(?P<region>[CTL])(?P<level>\d{1,2})(?!\w|\.\d|-\d)|(?P<ordinal>\b\d{1,2})(?:st|nd|rd|th)(?=[\w "
    r"]{0,20}\brib)",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"\d(?:st|nd|rd|th)\b")
_HIGHEST = {"C": 7, "T": 12, "L": 5, "": 12}


def other_level(sentence: str, rng: random.Random) -> str | None:
    """Another vertebra or rib, where the sentence names exactly one."""
    found = list(_LEVEL.finditer(sentence))
    if len(found) != 1 or len(_ORDINAL.findall(sentence)) > 1 or not is_plain(sentence):
        return None
    match = found[0]
    region = (match["region"] or "").upper()
    old = int(match["level"] or match["ordinal"])
    new = rng.choice([level for level in range(1, _HIGHEST[region] + 1) if 1 <= abs(level - old) <= 4])
    text = f"{match['region']}{new}" if region else _ordinal(new)
    return sentence[: match.start()] + text + sentence[match.end() :]


def _ordinal(number: int) -> str:
    return f"{number}{'th' if 10 < number < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


_FIGURE = re.compile(
    r"(?<![\w.-])\d+(?:\.\d+)?(?=\s*(?:cm|mm|centimeters?|millimeters?|x\s|views?\b|images?\b|[a-z]+ (?:leads?|"
    r"wires?|clips?)))",
    re.IGNORECASE,
)


def other_number(sentence: str, rng: random.Random) -> str | None:
    """Another size or count, where the sentence has exactly one in digits with its unit or noun."""
    found = list(_FIGURE.finditer(sentence))
    if len(found) != 1 or len(re.findall(r"\d+(?:\.\d+)?", sentence)) != 1:
        return None
    match = found[0]
    value = float(match[0])
    new = f"{value * rng.choice((0.5, 2, 3)):.1f}" if "." in match[0] else str(int(value) + rng.choice((2, 3, 5)))
    return sentence[: match.start()] + new + sentence[match.end() :]
