"""`coarse2fine eval critic-set`: derives a critic benchmark from real findings by rules (after FactCC).

Each report gives at most one claim of a kind. A claim is kept only where its label is sure: a changed side, severity,
level or number must not be true elsewhere in the same findings, a negation must not be said elsewhere, an invention
must share no word for a finding with them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from coarse2fine.evals.critic_benchmark import ClaimRow
from coarse2fine.evals.paraphrases import paraphrase
from coarse2fine.evals.rewrites import Rewrite, negate, other_level, other_number, other_severity, other_side
from coarse2fine.evals.wording import is_plain
from coarse2fine.reports import Report, split_sentences

__all__ = ["KINDS", "derive"]

_MASK = "XXXX"
_FINDING = re.compile(
    r"\b(effusion|fluid|blunt|pneumothora|consolidat|infiltrat|opaci|airspace|air space|pneumonia|atelecta|edema|"
    r"congest|"
    r"cardiomegal|enlarg|heart|cardiac|nodul|mass|lesion|granulom|calcif|scar|fibros|emphysem|copd|hyperinfl|"
    r"hyperexp|fractur|deform|"
    r"degenerat|spur|osteophyt|scolio|kyphos|hernia|tortuo|ectasi|atheroscl|aneurysm|catheter|tube|line|pacemaker|"
    r"lead|wire|sternotom|"
    r"clip|valve|surg|thicken|elevat|hemidiaphragm|lymph|adenopath|hilar|hilum|osteopeni|deminerali|wedg|compress|"
    r"spondyl|arthr|bulla|bleb|cavit|"
    r"bronchi|interstit|reticul|markings|shunt|stent|drain|device|port|hardware|screw|gastric|bowel|density|densit)",
    re.IGNORECASE,
)
_ALIKE = (
    {"effusion", "fluid", "blunt"},
    {
        "consolidat",
        "infiltrat",
        "opaci",
        "airspace",
        "air space",
        "pneumonia",
        "atelecta",
        "densit",
        "density",
        "scar",
        "fibros",
    },
    {"edema", "congest", "interstit", "reticul", "markings"},
    {"cardiomegal", "enlarg", "heart", "cardiac"},
    {"nodul", "mass", "lesion", "granulom", "calcif", "densit", "density", "opaci"},
    {"emphysem", "copd", "hyperinfl", "hyperexp", "bulla", "bleb"},
    {"fractur", "deform", "wedg", "compress"},
    {"degenerat", "spur", "osteophyt", "spondyl", "arthr"},
    {"scolio", "kyphos"},
    {"catheter", "tube", "line", "port", "pacemaker", "lead", "wire", "device", "drain", "stent", "shunt"},
    {"sternotom", "clip", "valve", "surg", "wire", "hardware", "screw"},
    {"tortuo", "ectasi", "aneurysm", "atheroscl", "calcif"},
    {"hilar", "hilum", "lymph", "adenopath"},
    {"elevat", "hemidiaphragm"},
    {"osteopeni", "deminerali"},
)
_LOOSE = frozenset(
    word
    for words in (
        "the a an is are was there of in on at to and with within without no not or seen noted identified "
        "present left right",
        "upper lower middle lobe lung lungs base basilar region area mild small minimal large moderate severe "
        "for by over",
        "along side that this has have be been which as its it from near into",
    )
    for word in words.split()
)


class _Row(NamedTuple):
    findings: str
    sentences: tuple[str, ...]


_Sure = Callable[[str, str, _Row], bool]
"""A sentence, the claim made of it, and where both belong → whether the claim's label is sure."""


def _content(text: str) -> set[str]:
    return {word[:6] for word in re.findall(r"[a-z]{3,}", text.lower()) if word not in _LOOSE}


def _not_elsewhere(old: str, new: str, row: _Row) -> bool:
    """No other sentence says of the same thing what only the changed claim says."""
    added = set(re.findall(r"[a-z]+|\d+(?:\.\d+)?", new.lower())) - set(
        re.findall(r"[a-z]+|\d+(?:\.\d+)?", old.lower())
    )
    both = {"bilateral", "bilaterally", "both", "bibasilar", "biapical", "diffuse", "throughout"}
    for other in row.sentences:
        words = set(re.findall(r"[a-z]+|\d+(?:\.\d+)?", other.lower()))
        if other != old and _content(old) & _content(other) and words & (added | both):
            return False
    return True


def _number_is_new(old: str, new: str, row: _Row) -> bool:
    was, now = (set(re.findall(r"\d+(?:\.\d+)?", text)) for text in (old, new))
    return not (now - was) & set(re.findall(r"\d+(?:\.\d+)?", row.findings))


def _said_once(old: str, new: str, row: _Row) -> bool:
    """The finding that is negated is spoken of in no other sentence, under no name."""
    groups = _groups(new)
    return bool(groups) and not any(_groups(other) & groups for other in row.sentences if other != old)


class _Kind(NamedTuple):
    """How claims of a kind are made, and when their label is sure."""

    rewrite: Rewrite
    sure: _Sure | None
    supported: bool


_RULES: Mapping[str, _Kind] = {
    "verbatim": _Kind(lambda sentence, _: sentence, None, True),
    "paraphrase": _Kind(paraphrase, None, True),
    "negation": _Kind(negate, _said_once, False),
    "side": _Kind(other_side, _not_elsewhere, False),
    "severity": _Kind(other_severity, _not_elsewhere, False),
    "number": _Kind(other_number, _number_is_new, False),
    "level": _Kind(other_level, _number_is_new, False),
}
KINDS = (*_RULES, "invention")
"""All kinds; verbatim and paraphrase are supported, the others are not."""


def derive(reports: Sequence[Report], *, per_kind: int = 200, seed: int = 20260101) -> list[ClaimRow]:
    """Derive a benchmark.

    Args:
        reports: only their findings are read.
        per_kind: most claims of a kind, drawn at random; kinds that real text seldom allows come out smaller.
        seed: same seed, same reports, same rows.
    """
    rng = random.Random(seed)
    rows = [_Row(r.findings, _usable(r.findings)) for r in reports]
    claims: list[ClaimRow] = []
    for kind, rule in _RULES.items():
        made = [claim for row in rows if (claim := _claim(row, kind, rule, rng))]
        claims += rng.sample(made, min(per_kind, len(made)))
    invented = [claim for row in rows if (claim := _invention(row, rows, rng))]
    return claims + rng.sample(invented, min(per_kind, len(invented)))


def _usable(findings: str) -> tuple[str, ...]:
    return tuple(s.text for s in split_sentences(findings))


def _fit(sentence: str) -> bool:
    return _MASK not in sentence and 3 <= len(sentence.split()) <= 28 and sentence[0].isalnum()


def _claim(row: _Row, kind: str, rule: _Kind, rng: random.Random) -> ClaimRow | None:
    order = rng.sample(row.sentences, len(row.sentences))
    if rng.random() < 0.5:  # else nearly all claims would be denials: most sentences of a chest report are
        order.sort(key=is_plain, reverse=True)
    for sentence in order:
        claim = rule.rewrite(sentence, rng) if _fit(sentence) else None
        if claim and (rule.sure is None or rule.sure(sentence, claim, row)):
            return ClaimRow(findings=row.findings, claim=claim, supported=rule.supported, kind=kind)
    return None


def _invention(row: _Row, rows: Sequence[_Row], rng: random.Random) -> ClaimRow | None:
    """A plain finding of another report that shares no word for a finding, under any name, with this one."""
    here = _groups(row.findings)
    for _ in range(20):
        donor = rng.choice(rows)
        sentence = rng.choice(donor.sentences)
        groups = _groups(sentence)
        if donor is not row and _fit(sentence) and is_plain(sentence) and groups and not groups & here:
            return ClaimRow(findings=row.findings, claim=sentence, supported=False, kind="invention")
    return None


def _groups(text: str) -> set[str]:
    """The words for findings in a text, with all that may name the same."""
    found = {word.lower() for word in _FINDING.findall(text)}
    return found.union(*(alike for alike in _ALIKE if alike & found))
