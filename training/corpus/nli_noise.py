"""What happens to triples afterwards: masks, lost capitals and stops, typing errors, and words that nobody knows.

Replacing a word on both sides teaches that a claim rests on how it is said, not on which words are known; replacing it
in the claim alone makes the claim unsupported.
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from coarse2fine.training.corpus.mess import MASK
from coarse2fine.training.corpus.nli_case import Case, Label

__all__ = ["Pairing", "disturb"]

SAME_WORD, OTHER_WORD, MASKED, TYPED = 0.10, 0.09, 0.05, 0.08
"""Shares of triples in which a word is exchanged on both sides or in the claim alone, masked, or mistyped."""
_FIXED_WORDS = """
acute active chronic change evidence normal abnormal possible likely suspicious consistent compatible increased
decreased unchanged stable small large moderate severe minimal bilateral right upper lower middle anterior posterior
intact preserved negative
lateral medial increase enlarged within limits unremarkable focal diffuse healed finding findings disease sided
"""
_FIXED = frozenset(_FIXED_WORDS.split())
_HEADS = (
    "bra", "cor", "dal", "fen", "gli", "hest", "jar", "kol", "lum", "mir", "nep", "ost", "pel", "quin", "ros", "sar",
    "tren", "ulm", "vas", "zeb", "thal", "cre", "plo", "dri", "sten",
)  # fmt: skip
_MIDS = ("a", "e", "i", "o", "u", "ando", "eri", "ila", "omo", "ura", "eto", "ani", "obi", "ulo")
_TAILS = (
    "ma", "sis", "tis", "lus", "rum", "ral", "nic", "dal", "tor", "phy", "cele", "gram", "ium", "ose", "tal",
)  # fmt: skip


class Pairing(NamedTuple):
    """A triple on its way."""

    premise: str
    hypothesis: str
    label: Label
    kind: str


def _made_up(rng: random.Random) -> str:
    return rng.choice(_HEADS) + rng.choice(_MIDS) + rng.choice(_TAILS) + rng.choice(["", "", "s"])


def _exchange(text: str, word: str, new: str) -> str:
    def put(match: re.Match[str]) -> str:
        return new.capitalize() if match.group()[0].isupper() else new

    return re.sub(rf"(?i)\b{word}\b", put, text)


def _unknown_word(case: Case, pair: Pairing, *, both: bool) -> Pairing:
    """Exchange an entity word of the claim, on both sides or in the claim alone."""
    here = set(re.findall(r"[a-z]{5,}", pair.premise.lower())) & set(re.findall(r"[a-z]{5,}", pair.hypothesis.lower()))
    known = [w for w in case.background.entity_words if w not in _FIXED]
    words = sorted(here & set(known))
    if not words:
        return pair
    word = case.rng.choice(words)
    new = case.rng.choice(known) if case.rng.random() < 0.5 else _made_up(case.rng)
    if new in pair.premise.lower() or new[:5] == word[:5]:
        return pair
    hypothesis = _exchange(pair.hypothesis, word, new)
    if both:
        return pair._replace(premise=_exchange(pair.premise, word, new), hypothesis=hypothesis)
    return Pairing(pair.premise, hypothesis, "neutral", "other word")


def _masked(case: Case, pair: Pairing) -> Pairing:
    words = sorted(set(re.findall(r"[a-z]{4,}", pair.premise.lower())) - {"left", "right"} - _FIXED)
    for word in case.rng.sample(words, min(len(words), case.rng.choice([1, 1, 2]))):
        pattern = re.compile(rf"(?i)\b{word}\b")
        pair = pair._replace(premise=pattern.sub(MASK, pair.premise), hypothesis=pattern.sub(MASK, pair.hypothesis))
    return pair


def _typo(rng: random.Random, text: str) -> str:
    """Swap, drop or double a letter in one or two words."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if re.fullmatch(r"[A-Za-z]{5,}", word)]
    for i in rng.sample(long, min(len(long), rng.choice([1, 1, 2]))):
        word, at = words[i], rng.randrange(1, len(words[i]) - 1)
        before, here, after = word[:at], word[at], word[at + 1 :]
        words[i] = rng.choice([before + after[0] + here + after[1:], before + after, before + here + here + after])
    return " ".join(words)


def _surface(rng: random.Random, pair: Pairing) -> Pairing:
    """Lost capitals and stops: they mean nothing."""
    premise, hypothesis = pair.premise, pair.hypothesis
    if rng.random() < 0.06:
        premise = rng.choice([premise.lower(), premise.upper(), re.sub(r"\.(?= [A-Z])", ",", premise)])
    if rng.random() < 0.12:
        hypothesis = hypothesis.rstrip(".")
    if rng.random() < TYPED:
        premise = _typo(rng, premise)
    return pair._replace(premise=premise, hypothesis=hypothesis)


def disturb(case: Case, pair: Pairing) -> Pairing:
    """Let a triple look like real text, and sometimes exchange a word; all chance comes from `case.rng`."""
    way = case.rng.random()
    if way < OTHER_WORD:
        if pair.label == "entailment" and pair.kind not in ("sweeping", "lay"):
            pair = _unknown_word(case, pair, both=False)
    elif way < OTHER_WORD + SAME_WORD:
        if pair.kind not in ("sweeping", "sweeping refuted", "invention"):
            pair = _unknown_word(case, pair, both=True)
    elif way < OTHER_WORD + SAME_WORD + MASKED:
        pair = _masked(case, pair)
    return _surface(case.rng, pair)
