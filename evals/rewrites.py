"""Rules that reword a sentence of findings without changing what it says, or with exactly one error (after FactCC).

Nothing here is shared with the critic that is measured by them. A rule gives None wherever it is not sure.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

__all__ = ["Rewrite", "is_plain", "negate", "other_level", "other_number", "other_severity", "other_side", "paraphrase"]

Rewrite = Callable[[str, random.Random], str | None]
"""A sentence and a source of chance → the rewritten sentence, or None."""

_CUE = re.compile(
    r"\b(?:no|not|without|negative|free|absen\w+|nor|never|neither|resol\w+|clear\w*|normal\w*|unremarkable|intact|grossly|within|"
    r"may|might|could|can|cannot|possibl\w+|probabl\w+|likely|suspect\w*|suggest\w*|question\w*|versus|vs|represent\w*|or|if|"
    r"limit\w*|evaluat\w+|recommend\w*|but|although|however|although|except|unchanged|change\w*|compar\w+|previous\w*|prior)\b|\?",
    re.IGNORECASE,
)


def is_plain(sentence: str) -> bool:
    """Whether a sentence states something without negation, normality, doubt, comparison or advice."""
    return _CUE.search(sentence) is None


def _sentence(text: str) -> str:
    text = " ".join(text.split()).strip(" .,;")
    return text[:1].upper() + text[1:] + "."


def _low(text: str) -> str:
    """A phrase for use inside a sentence: its first letter small, unless it begins an abbreviation."""
    return text if text[:2].isupper() or re.match(r"[A-Z]\d", text) else text[:1].lower() + text[1:]


# ------------------------------------------------------------------------------------------------------- paraphrase
_SEEN = r"(?:is|are) (?:seen|noted|identified|present|demonstrated|evident|visualized)"
_BE = re.compile(r"s$(?<!ss)(?<!is)(?<!us)")


_FIRST = re.compile(r",|\bor\b|\band\b")


def _are(phrase: str) -> str:
    head = re.split(r"\b(?:in|of|at|within|along|overlying|with|on|over|projecting)\b", phrase)[0].strip()
    return "are" if _BE.search(head) or re.search(r"\b(?:and|or)\b|,", head) else "is"


def _there_is(match: re.Match[str]) -> str | None:
    thing = match["thing"]
    return None if re.match(r"(?:no|not)\b", thing, re.I) or "," in thing else f"{thing} {_are(thing)} seen"


def _there_is_no(match: re.Match[str]) -> str:
    return f"No {match['thing']}"


def _no(match: re.Match[str]) -> str:
    return f"There {_are(_FIRST.split(match['thing'])[0])} no {match['thing']}"


def _no_seen(match: re.Match[str]) -> str:
    return f"There {_are(_FIRST.split(match['thing'])[0])} no {match['thing']}"


def _seen(match: re.Match[str]) -> str | None:
    thing = match["thing"]
    return None if re.match(r"(?:no|not)\b", thing, re.I) else f"There {_are(thing)} {_low(thing)}"


def _swap_denied(match: re.Match[str]) -> str | None:
    first, second = match["a"], match["b"]
    if re.search(r"\b(?:of|in|for|to|with|evidence)\b|,", f"{first} {second}") or len(first.split()) > 3:
        return None
    qualified = re.match(r"(?:acute|focal|large|suspicious|definite|significant|displaced|new|evidence|discrete|airspace)\b", first)
    return None if qualified else f"No {second} or {first}"


def _normal_of(match: re.Match[str]) -> str:
    rest = match["rest"] or ""
    return f"Normal {_low(match['thing'])}" if not rest else f"Normal {rest.removeprefix('in ')} of the {_low(match['thing'])}"


def _adjective_first(match: re.Match[str]) -> str | None:
    if re.search(r"\b(?:and|or|otherwise|which|that|there)\b", match["thing"], re.IGNORECASE):
        return None
    return f"{match['how']} {_low(match['thing'])}"


def _verbless(match: re.Match[str]) -> str | None:
    thing = match["thing"]
    return f"{thing} {_are(thing)} present" if is_plain(thing) and not _VERB.search(thing) else None


_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|appear\w*|remain\w*|seen|noted|identified|present|show\w*|demonstrat\w+|"
    r"measur\w+|overl\w+|project\w*|reveal\w*|developed|contain\w*|extend\w*|terminat\w+|view\w*|image\w*|films?|consist\w*|status)\b",
    re.IGNORECASE,
)
_STATE = (
    r"(?:(?:mildly|minimally|slightly|moderately|markedly|severely|grossly) )?(?:tortuous|hyperexpanded|hyperinflated|enlarged|calcified|"
    r"elevated|low|clear|normal|stable|unchanged|prominent|ectatic|hypoinflated|flattened|unremarkable|osteopenic|dilated)"
)
_STRUCTURES: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]] = tuple(
    (re.compile(pattern, re.IGNORECASE), change)
    for pattern, change in (
        (r"^there (?:is|are|has been) no (?:evidence of (?:an? )?)?(?P<thing>[^,;]+)$", _there_is_no),
        (rf"^no (?:evidence of (?:an? )?)?(?P<thing>.+?) {_SEEN}$", _no_seen),
        (r"^no (?P<a>[^,;]+?) or (?P<b>[^,;]+)$", _swap_denied),
        (r"^no (?:evidence of (?:an? )?)?(?P<thing>(?!(?:significant )?(?:interval )?change)[^;]+)$", _no),
        (r"^there (?:is|are) (?P<thing>[^;]+)$", _there_is),
        (rf"^(?P<thing>[^,;]+?) {_SEEN}(?P<rest>)$", _seen),
        (r"^(?:the )?lungs are clear(?: bilaterally)?$", lambda match: "Clear lungs"),
        (
            r"^(?:the )?(?P<thing>heart|heart size|cardiac silhouette|mediastinum|cardiomediastinal silhouette|"
            r"mediastinal contours?|pulmonary vascularity|pulmonary vasculature|visualized bony structures) (?:is|are|appears?) "
            r"(?:normal|within normal limits|unremarkable)(?: (?P<rest>in size))?$",
            _normal_of,
        ),
        (rf"^(?:the )?(?P<thing>[\w -]{{3,40}}?) (?:is|are|appears?|remains?) (?P<how>{_STATE})$", _adjective_first),
        (r"^(?P<thing>[^,;:]{8,90})$", _verbless),
    )
)
_SYNONYMS: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(rf"\b{pattern}\b", re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"cardiac silhouette is (?:mildly )?enlarged", "heart is enlarged"),
        (r"cardiomegaly", "enlargement of the heart"),
        (r"the heart is enlarged", "there is cardiomegaly"),
        (r"(?<!small )(?<!large )pleural effusions?(?= or| is| are|$)", "pleural fluid"),
        (r"osseous", "bony"),
        (r"bony", "osseous"),
        (r"pulmonary nodules", "lung nodules"),
        (r"pulmonary nodule", "lung nodule"),
        (r"within normal limits", "normal"),
        (r"are unremarkable", "are normal"),
        (r"is unremarkable", "is normal"),
        (r"demonstrates?", "shows"),
        (r"(?:visualized|identified|noted|appreciated)(?=$|\.)", "seen"),
        (r"mildly", "slightly"),
        (r"mild", "slight"),
        (r"bilateral (?P<x>pleural effusions|airspace opacities|hilar prominence)", r"\g<x> on both sides"),
        (r"right-sided", "right"),
        (r"left-sided", "left"),
        (r"thoracic spine", "spine of the chest"),
        (r"heart size", "size of the heart"),
        (r"scattered", "several scattered"),
        (r"lung bases", "bases of the lungs"),
        (r"left lung base", "base of the left lung"),
        (r"right lung base", "base of the right lung"),
        (r"(?:left|right) (?:upper|lower|middle) lobe(?= nodule| opacity| granuloma| consolidation)", r"\g<0>"),
        (r"degenerative changes? (?:of|in) the spine", "spinal degenerative change"),
        (r"airspace", "air space"),
    )
    if replacement != r"\g<0>" and pattern != "scattered"
)


def paraphrase(sentence: str, rng: random.Random) -> str | None:
    """The same statement in other words."""
    body = " ".join(sentence.split()).strip(" .")
    changed = _restructured(body)
    candidates = [rule for rule in _SYNONYMS if rule[0].search(changed or body)]
    for pattern, replacement in rng.sample(candidates, min(len(candidates), 1 if changed else 2)):
        changed = pattern.sub(replacement, changed or body, count=1)
    return _sentence(changed) if changed and _words(changed) != _words(body) else None


def _restructured(body: str) -> str | None:
    for pattern, change in _STRUCTURES:
        if (match := pattern.match(body)) and (changed := change(match)):
            return changed
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


# --------------------------------------------------------------------------------------------------------- negation
_SEVERITY_FIRST = re.compile(r"^(?:stable|unchanged|mild|minimal|slight|moderate|severe|marked|small|tiny|trace|large|an?|the) ", re.IGNORECASE)
_ITEM = re.compile(
    r"^(?:focal |large |acute |pleural |pulmonary |airspace |air space |bony |osseous |suspicious )*"
    r"(?:effusions?|pneumothora(?:x|ces)|consolidations?|infiltrates?|edema|nodules?|mass(?:es)?|fractures?|opacit(?:y|ies)|"
    r"disease|abnormalit(?:y|ies)|cardiomegaly|adenopathy|lymphadenopathy|atelectasis|free air)$",
    re.IGNORECASE,
)
_NORMAL_HEART = re.compile(
    r"^(?:the )?(?:heart|heart size|cardiac silhouette)(?: size)? (?:is|appears) (?:normal|within normal limits)(?: in size)?$", re.IGNORECASE
)


def negate(sentence: str, rng: random.Random) -> str | None:
    """The opposite: a stated finding denied, one item of a denied list asserted, a normal heart called enlarged."""
    body = " ".join(sentence.split()).strip(" .")
    if _NORMAL_HEART.match(body):
        return rng.choice(("The heart is enlarged.", "Cardiomegaly is present."))
    denied = re.match(rf"^(?:there (?:is|are) )?no (?:evidence of )?(?P<list>[^;]+?)(?: {_SEEN})?$", body, re.IGNORECASE)
    if denied:
        items = [item.strip() for item in re.split(r",\s*(?:or\s+)?|\s+or\s+", denied["list"])]
        known = [item for item in items if _ITEM.match(item)]
        return _asserted(rng.choice(known), rng) if known and len(known) == len(items) else None
    if not is_plain(body):
        return None
    if match := re.match(r"^there (?:is|are) (?:an? )?(?P<thing>[^,;]+)$", body, re.IGNORECASE):
        return _sentence(f"There is no {match['thing']}")
    if match := re.match(rf"^(?P<thing>[^,;]+?) (?P<be>is|are) (?P<how>{_SEEN.split(' ', 1)[1]})$", body, re.IGNORECASE):
        return _sentence(f"{match['thing']} {match['be']} not {match['how']}")
    if match := re.match(rf"^(?P<thing>[^,;]+?) (?P<be>is|are) (?P<how>{_STATE})$", body, re.IGNORECASE):
        return _sentence(f"{match['thing']} {match['be']} not {match['how'].split()[-1]}")
    if re.search(r"[,;:\d]", body) or _VERB.search(body):
        return None
    return _sentence(f"no {_low(_SEVERITY_FIRST.sub('', body))}")


def _asserted(item: str, rng: random.Random) -> str:
    item = item.lower()
    if rng.random() < 0.5:
        return _sentence(f"{item} {_are(item)} present")
    single = _are(item) == "is" and not re.search(r"(?:edema|cardiomegaly|adenopathy|atelectasis|disease|free air)$", item)
    article = ("an " if item[0] in "aeiou" else "a ") if single else ""
    return _sentence(f"there {_are(item)} {article}{item}")


# -------------------------------------------------------------------------------------------- one attribute changed
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def _keep_case(old: str, new: str) -> str:
    return new.capitalize() if old[:1].isupper() else new


def other_side(sentence: str, rng: random.Random) -> str | None:
    """Left for right or right for left, where the sentence names one side and states something."""
    del rng
    sides = {side.lower() for side in _SIDE.findall(sentence)}
    if len(sides) != 1 or not is_plain(sentence) or re.search(r"\b(?:bilateral|both|lateral|decubitus|oblique)", sentence, re.IGNORECASE):
        return None
    return _SIDE.sub(lambda m: _keep_case(m[0], "right" if m[0].lower() == "left" else "left"), sentence)


_SEVERITY: Mapping[str, Sequence[str]] = {
    "mild": ("severe", "marked"), "minimal": ("severe", "marked"), "slight": ("severe", "marked"), "mildly": ("severely", "markedly"),
    "minimally": ("severely", "markedly"), "slightly": ("severely", "markedly"), "moderate": ("severe", "minimal"),
    "moderately": ("severely", "minimally"), "severe": ("mild", "minimal"), "marked": ("mild", "minimal"),
    "severely": ("mildly", "slightly"), "markedly": ("mildly", "slightly"), "small": ("large", "massive"),
    "tiny": ("large", "massive"), "trace": ("large", "massive"), "large": ("small", "tiny"), "massive": ("small", "trace"),
}  # fmt: skip
_SEVERITY_WORD = re.compile(rf"\b(?:{'|'.join(_SEVERITY)})\b", re.IGNORECASE)


def other_severity(sentence: str, rng: random.Random) -> str | None:
    """A severity or size of another class, where the sentence gives exactly one."""
    found = _SEVERITY_WORD.findall(sentence)
    fixed = re.search(r"\b(?:small|large)[ -](?:bowel|bore|vessel|caliber|airway)|\bto[ -](?:mod|sev|mild|lar)|\bvolume", sentence, re.I)
    if len(found) != 1 or fixed or not is_plain(sentence):
        return None
    return _SEVERITY_WORD.sub(lambda m: _keep_case(m[0], rng.choice(_SEVERITY[m[0].lower()])), sentence)


_LEVEL = re.compile(
    r"(?<![\w-])(?P<region>[CTL])(?P<level>\d{1,2})(?![\w.]|-?\d)|(?P<ordinal>\b\d{1,2})(?:st|nd|rd|th)(?=[\w ]{0,20}\brib)", re.IGNORECASE
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


_FIGURE = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?=\s*(?:cm|mm|centimeters?|millimeters?|x\s|views?\b|images?\b|[a-z]+ (?:leads?|wires?|clips?)))", re.IGNORECASE)


def other_number(sentence: str, rng: random.Random) -> str | None:
    """Another size or count, where the sentence has exactly one in digits with its unit or noun."""
    found = list(_FIGURE.finditer(sentence))
    if len(found) != 1 or len(re.findall(r"\d+(?:\.\d+)?", sentence)) != 1:
        return None
    match = found[0]
    value = float(match[0])
    new = f"{value * rng.choice((0.5, 2, 3)):.1f}" if "." in match[0] else str(int(value) + rng.choice((2, 3, 5)))
    return sentence[: match.start()] + new + sentence[match.end() :]
