"""Impressions for composed reports: by radiologist's style, by audience, and spoilt ones with their critique."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from coarse2fine.training.corpus.compose import Composed, compose
from coarse2fine.training.corpus.facts import Fact, denial, say
from coarse2fine.training.corpus.grammar import Template, tidy
from coarse2fine.training.corpus.styles import Style

__all__ = ["AUDIENCES", "Claim", "Spoilt", "audience_text", "claims", "impression", "layout", "spoil"]

AUDIENCES = ("brief", "bullet", "comprehensive")
RANK = {"critical": 0, "significant": 1, "incidental": 2}


@dataclass(frozen=True)
class Claim:
    """One sentence of an impression and the fact it rests on; None for negatives and normal statements."""

    text: str
    fact: Fact | None


def _lower_first(text: str) -> str:
    return text if re.match(r"[A-Z][A-Z0-9]|[A-Z]-|I\b", text) else text[:1].lower() + text[1:]


def _overlap(text: str, source: str) -> float:
    words = set(re.findall(r"\w+", text.lower()))
    return len(words & set(re.findall(r"\w+", source.lower()))) / max(1, len(words))


def _state(rng: random.Random, fact: Fact, style: Style) -> str:
    """Conclude one fact; of several wordings the one nearest to the findings is preferred."""
    told = "level" not in fact.values or fact.values["level"] in fact.text
    rng = style.hand(rng, fact.finding.id)
    if told and rng.random() < style.verbatim:
        return fact.text
    made = [say(rng, fact, fact.finding.impression, keep=style.keep, usual=style.usual * 0.4) for _ in range(3)]
    options = [text for text in made if text] or [fact.text]
    return max(options, key=lambda text: _overlap(text, fact.text)) if rng.random() < 0.9 else options[0]


def _kept(composed: Composed, style: Style) -> list[Fact]:
    facts = [f for f in composed.facts if f.finding.significance != "incidental"]
    minor = [f for f in composed.facts if f.finding.significance == "incidental"]
    if style.incidentals == "all":
        facts += minor
    elif style.incidentals == "some":
        facts += minor[: 1 if facts else 2]
    position = {id(f): composed.report.findings.find(f.text) for f in facts}
    if style.order == "report":
        return sorted(facts, key=lambda f: position[id(f)])
    return sorted(facts, key=lambda f: (RANK[f.finding.significance], position[id(f)]))


def _negatives(rng: random.Random, composed: Composed, most: int) -> str | None:
    denied = sorted({f.id: (f, p) for f, p in composed.denied}.values(), key=lambda d: RANK[d[0].significance])
    phrases = list(dict.fromkeys(p for _, p in denied))[:most]
    return denial(rng, phrases) if phrases else None


_LEADS = ("No", "No evidence of", "Negative for", "There is no", "No evidence for", "Without", "No signs of")
_NOUNS = ("abnormality", "abnormalities", "process", "disease", "findings", "finding", "pathology", "change")
_NOUN_AT_END = re.compile(rf"\b({'|'.join(_NOUNS)})\.$")


def _normal(rng: random.Random, style: Style, templates: Sequence[str]) -> str:
    """That nothing is wrong, in the field's usual words, in others, or as one radiologist coins it."""
    rng = style.hand(rng, templates[0])
    source = templates[0] if rng.random() < style.usual else rng.choice(templates)
    made = Template(source).expand(rng)
    text = made.text if made else tidy(templates[0])
    return _coined(rng, text) if style.habit and rng.random() < 0.5 else text


def _coined(rng: random.Random, text: str) -> str:
    """ "No acute cardiopulmonary abnormality." with another beginning and another noun."""
    text = re.sub(r"^No\b", rng.choice(_LEADS), text)
    text = _NOUN_AT_END.sub(f"{rng.choice(_NOUNS)}.", text)
    return text.replace("acute", rng.choice(("acute", "acute", "active", "significant")), 1)


def claims(rng: random.Random, composed: Composed, style: Style) -> list[Claim]:
    """The sentences of an impression in a radiologist's style."""
    facts = _kept(composed, style)
    found = [Claim(_state(rng, fact, style), fact) for fact in facts]
    serious = any(f.finding.significance != "incidental" for f in facts)
    if not serious:
        found.insert(0, Claim(_normal(rng, style, composed.exam.normal_impression), None))
    elif style.closing:
        found.append(Claim(_normal(rng, style, composed.exam.otherwise), None))
    if style.negatives != "none" and serious and (text := _negatives(rng, composed, 2)):
        found.insert(0 if style.negatives == "first" else len(found), Claim(text, None))
    unique: dict[str, Claim] = {}
    for claim in found:
        unique.setdefault(claim.text.lower(), claim)
    return _merged(rng, list(unique.values()))


def _merged(rng: random.Random, found: list[Claim]) -> list[Claim]:
    """Sometimes join two short findings: "Cardiomegaly and small left effusion." """
    for i in range(len(found) - 1):
        one, two = found[i], found[i + 1]
        short = all(
            c.fact and len(c.text.split()) < 8 and not re.search(r"\b(is|are|has|have|,)\b|,|\.\s", c.text)
            for c in (one, two)
        )
        if short and rng.random() < 0.15:
            joined = Claim(f"{one.text[:-1]} {rng.choice(['and', 'and', 'with'])} {_lower_first(two.text)}", one.fact)
            return [*found[:i], joined, *found[i + 2 :]]
    return found


def layout(texts: Sequence[str], form: str) -> str:
    """Lay sentences out as prose, a numbered list or dashes; one numbered sentence stays prose."""
    if form == "prose" or (len(texts) == 1 and form == "numbered"):
        return " ".join(texts)
    marks = [f"{i + 1}." if form == "numbered" else "-" for i in range(len(texts))]
    return "\n".join(f"{mark} {text}" for mark, text in zip(marks, texts, strict=True))


def impression(rng: random.Random, composed: Composed, style: Style) -> str:
    """An impression in a radiologist's style."""
    return layout([c.text for c in claims(rng, composed, style)], style.layout)


_BULLETS = Style("bullet", "dashes", keep=0.35, incidentals="all")
_FULL = Style("comprehensive", "prose", keep=0.97, incidentals="all", negatives="last", verbatim=0.35)


def _audience_claims(rng: random.Random, composed: Composed, audience: str, style: Style) -> tuple[list[Claim], str]:
    """Sentences and layout of a text for "brief", "bullet" or "comprehensive", or for "draft" in the given style."""
    if audience == "brief":
        return _brief(rng, composed), "prose"
    chosen = {"bullet": _BULLETS, "comprehensive": _FULL}.get(audience, style)
    return claims(rng, composed, chosen), chosen.layout


def audience_text(rng: random.Random, composed: Composed, audience: str) -> str:
    """The text for one audience: "brief" (plain words, for patients), "bullet" or "comprehensive"."""
    found, form = _audience_claims(rng, composed, audience, _FULL)
    return layout([claim.text for claim in found], form)


def _brief(rng: random.Random, composed: Composed) -> list[Claim]:
    facts = [f for f in _kept(composed, _BULLETS) if f.finding.significance != "incidental"]
    lay = [(say(rng, fact, fact.finding.lay, keep=0.5, usual=0.3), fact) for fact in facts]
    found = list({text: Claim(text, fact) for text, fact in lay if text}.values())
    if not found:
        source = composed.exam.normal_lay
        made = Template(source[0] if rng.random() < 0.6 else rng.choice(source)).expand(rng)
        found = [Claim(made.text if made else tidy(source[0]), None)]
    negatives = [f for f, _ in composed.denied if f.deny_lay and f.significance == "critical"]
    if facts and negatives and rng.random() < 0.3:
        phrase = rng.choice(rng.choice(negatives).deny_lay)
        found.append(Claim(tidy(f"{rng.choice(['There is no', 'We saw no'])} {phrase}"), None))
    return found


@dataclass(frozen=True)
class Spoilt:
    """A bad draft, what a critic says of it, and the good one."""

    draft: str
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    good: str


_FLIP = {"left": "right", "right": "left"}


def _flip_side(text: str) -> str | None:
    flipped = re.sub(r"\b(left|right)\b", lambda m: _FLIP[m.group()], text)
    flipped = re.sub(r"\b(Left|Right)\b", lambda m: _FLIP[m.group().lower()].capitalize(), flipped)
    return flipped if flipped != text else None


def _invented(rng: random.Random, composed: Composed, audience: str) -> str | None:
    other = compose(composed.exam, rng, findings=1)
    present = {name.lower() for f in composed.facts for name in f.finding.names}
    if not other.facts or present & {n.lower() for n in other.facts[0].finding.names}:
        return None
    finding = other.facts[0].finding
    return say(rng, other.facts[0], finding.lay if audience == "brief" else finding.impression)


def spoil(rng: random.Random, composed: Composed, audience: str, style: Style) -> Spoilt | None:
    """Spoil a text by an invention, a wrong side or an omission; None where nothing can be spoilt.

    Args:
        audience: "draft" (in `style`), "brief", "bullet" or "comprehensive".
    """
    good, form = _audience_claims(rng, composed, audience, style)
    bad = [claim.text for claim in good]
    wrong: list[str] = []
    if rng.random() < 0.5 and (text := _invented(rng, composed, audience)):
        bad.insert(rng.randrange(len(bad) + 1), text)
        wrong.append(text)
    if rng.random() < 0.5:
        wrong += _flip_one(good, bad)
    missing = _drop_one(rng, good, bad) if rng.random() < 0.6 else []
    if not wrong and not missing:
        return None
    if not bad:
        source = composed.exam.normal_lay if audience == "brief" else composed.exam.normal_impression
        made = Template(source[0]).expand(rng)
        bad = [made.text] if made else []
        wrong += bad
    return Spoilt(layout(bad, form), tuple(wrong), tuple(missing), layout([c.text for c in good], form))


def _flip_one(good: list[Claim], bad: list[str]) -> list[str]:
    for claim in good:
        flipped = _flip_side(claim.text) if claim.fact else None
        if flipped:
            bad[bad.index(claim.text)] = flipped
            return [flipped]
    return []


def _drop_one(rng: random.Random, good: list[Claim], bad: list[str]) -> list[str]:
    serious = [c for c in good if c.fact and c.fact.finding.significance != "incidental" and c.text in bad]
    if not serious:
        return []
    lost = rng.choice(serious)
    bad.remove(lost.text)
    return [lost.fact.text] if lost.fact else []
