"""What an edit changed: style (wording, order, layout, length) or facts. Only style edits may train a style.

A shown text and its edit are aligned sentence by sentence; the critic says of each change whether the facts differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from coarse2fine.agents.checks import run_checks
from coarse2fine.agents.critic import Critic, CritiqueJob
from coarse2fine.agents.critique import Audience, Critique, Omission, Verdict
from coarse2fine.agents.source import Claim, source_of
from coarse2fine.agents.statements import parse
from coarse2fine.reports import Report, Sentence

__all__ = ["Change", "Edit", "EditKind", "split_edit", "support_share"]

EditKind = Literal["none", "style", "fact"]

_ALIKE = 0.5
"""Sentences are one another's edit where they share more than this of their words, in any order (Dice)."""


class Change(NamedTuple):
    """One sentence before and after; "" where it was added or dropped.

    Args:
        reasons: of a fact edit, in words; of a style edit, what kind of change it is.
    """

    kind: Literal["style", "fact"]
    before: str
    after: str
    reasons: tuple[str, ...]


class Edit(NamedTuple):
    """An edit taken apart, with the critiques of both texts."""

    changes: tuple[Change, ...]
    before: Critique
    after: Critique

    @property
    def kind(self) -> EditKind:
        """ "fact" where any change is one."""
        if any(change.kind == "fact" for change in self.changes):
            return "fact"
        return "style" if self.changes else "none"


def support_share(critique: Critique) -> float:
    """The share of a text's claims that the findings prove; 0 for a text without a claim."""
    return sum(v.passed for v in critique.verdicts) / len(critique.verdicts) if critique.verdicts else 0.0


def split_edit(critic: Critic, report: Report, before: str, after: str, audience: Audience = "draft") -> Edit:
    """Take an edit apart.

    A change is one of facts where the critic refuses the sentence before or after it, where the deterministic checks
    find that one contradicts the other (negation, side, number, level, severity), or where a significant finding is
    named in one text only. All others are of style, also sentences added or dropped that the findings prove.

    Raises:
        ModelError: the critic's model failed.
    """
    jobs = [CritiqueJob(report, before, audience), CritiqueJob(report, after, audience)]
    old, new = critic.critique_many(jobs)
    pairs = _aligned(old.verdicts, new.verdicts)
    changes = [change for pair in pairs if (change := _change(pair, report))]
    changes += _coverage(old.omissions, new.omissions)
    if not changes and before.strip() != after.strip():
        changes.append(Change("style", before, after, ("order or layout",)))
    return Edit(tuple(changes), old, new)


class _Pair(NamedTuple):
    before: Verdict | None
    after: Verdict | None


def _words(text: str) -> list[str]:
    cleaned = "".join(c if c.isalnum() else f" {c} " if c in "-/.%" else " " for c in text.casefold())
    return [word for word in cleaned.split() if any(c.isalnum() for c in word)]


def _aligned(before: Sequence[Verdict], after: Sequence[Verdict]) -> list[_Pair]:
    """Sentences with their likes, the most alike first; each counts once, wherever it stands."""
    old, new = ([Counter(_words(v.text)) for v in side] for side in (before, after))
    scores = [(_alike(one, other), i, j) for i, one in enumerate(old) for j, other in enumerate(new)]
    partner: dict[int, int] = {}
    for score, i, j in sorted(scores, key=lambda found: (-found[0], abs(found[1] - found[2]))):
        if score > _ALIKE and i not in partner and j not in partner.values():
            partner[i] = j
    kept = [_Pair(v, after[partner[i]] if i in partner else None) for i, v in enumerate(before)]
    return kept + [_Pair(None, v) for j, v in enumerate(after) if j not in partner.values()]


def _alike(one: Counter[str], other: Counter[str]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def _change(pair: _Pair, report: Report) -> Change | None:
    before, after = pair
    texts = before.text if before else "", after.text if after else ""
    if before and after and _words(before.text) == _words(after.text):
        return None
    reasons = _refused(before, "what was there") + _refused(after, "what the edit says")
    if before and after and not reasons:
        reasons = _contradiction(before.text, after.text, report)
    if reasons:
        return Change("fact", *texts, reasons)
    what = "wording" if before and after else "dropped what is proven" if before else "added what is proven"
    return Change("style", *texts, (what,))


def _refused(verdict: Verdict | None, whose: str) -> tuple[str, ...]:
    if verdict is None or verdict.passed:
        return ()
    return tuple(f"{whose} is {verdict.label}: {reason}" for reason in verdict.reasons or (verdict.layer,))


def _contradiction(before: str, after: str, report: Report) -> tuple[str, ...]:
    """What deterministic checks say where one sentence is held against the other, both being proven by the findings."""
    for premise, claim in ((before, after), (after, before)):
        source = source_of(report.model_copy(update={"findings": premise}))
        whole = Sentence(claim, 0, len(claim))
        faults = run_checks(Claim(whole, parse(claim)), source)
        against = tuple(f"before and after differ: {f.reason}" for f in faults if f.label == "contradicted")
        if against:
            return against
    return ()


def _coverage(before: Sequence[Omission], after: Sequence[Omission]) -> list[Change]:
    """Significant findings that only one of the texts names."""
    old, new = ({(o.start, o.end): o for o in omissions} for omissions in (before, after))
    dropped = [
        Change("fact", o.text, "", (f"a {o.significance} finding is dropped",)) for k, o in new.items() if k not in old
    ]
    added = [
        Change("fact", "", o.text, (f"a {o.significance} finding is added",)) for k, o in old.items() if k not in new
    ]
    return dropped + added
