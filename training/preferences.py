"""Feedback made into what preference training learns from (paper, section 4.2, RLHF).

Only style is learnt as a style: an edit that changes facts trains no style, and a text that the critic supports less
than the one it is preferred to is refused. Edits of facts are kept apart: they show where the critic errs.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple

from coarse2fine.agents.critic import Critic, CritiqueJob
from coarse2fine.agents.critique import Critique
from coarse2fine.agents.edits import Change, Edit, split_edit, support_share
from coarse2fine.agents.writer import Wish
from coarse2fine.reports import Feedback, Report

__all__ = ["Asked", "FactEdit", "Pair", "Preferences", "Rated", "Refused", "preferences", "split_feedback"]

_RANK = {"negative": 0, "neutral": 1, "positive": 2}


class Asked(NamedTuple):
    """What a text was asked for: a GRPO prompt; `draft` is what a text for an audience is made of."""

    report: Report
    audience: Literal["draft", "brief", "bullet", "comprehensive"]
    draft: str = ""
    wish: Wish = Wish()


class Pair(NamedTuple):
    """A text that is preferred to another: a DPO row, and a row of the reward model.

    Args:
        why: "edit" or "rating"; facts: whether the two differ in facts, which only the reward model learns from.
    """

    feedback_id: str
    asked: Asked
    chosen: str
    rejected: str
    why: Literal["edit", "rating"]
    facts: bool = False


class Rated(NamedTuple):
    """A text that is wanted or not: a KTO row."""

    feedback_id: str
    asked: Asked
    text: str
    desirable: bool


class FactEdit(NamedTuple):
    """An edit of facts, for the analysis of the critic's errors.

    Args:
        changes: of facts, each with what the critic says of it.
        passed: whether the critic passed the text that was shown, and the edited one.
    """

    feedback_id: str
    findings: str
    changes: tuple[Change, ...]
    passed: tuple[bool, bool]

    def line(self) -> str:
        """The edit as one JSON object."""
        changes = [change._asdict() for change in self.changes]
        shown, edited = self.passed
        return json.dumps(
            {
                "feedback_id": self.feedback_id,
                "findings": self.findings,
                "shown_passed": shown,
                "edited_passed": edited,
                "changes": changes,
            },
            ensure_ascii=False,
        )


class Refused(NamedTuple):
    """A record, or a pair of two, that is not learnt from."""

    feedback_id: str
    reason: str


class Preferences(NamedTuple):
    """What feedback comes to.

    Args:
        pairs: with `facts` for the reward model alone; `style_pairs` are DPO's.
    """

    pairs: tuple[Pair, ...]
    rated: tuple[Rated, ...]
    asked: tuple[Asked, ...]
    fact_edits: tuple[FactEdit, ...]
    refused: tuple[Refused, ...]

    @property
    def style_pairs(self) -> tuple[Pair, ...]:
        """The pairs that differ in style only."""
        return tuple(pair for pair in self.pairs if not pair.facts)

    def counts(self) -> dict[str, int]:
        """How many of each, and of each reason for a refusal."""
        return {
            "style pairs": len(self.style_pairs),
            "fact pairs": len(self.pairs) - len(self.style_pairs),
            "wanted texts": sum(row.desirable for row in self.rated),
            "unwanted texts": sum(not row.desirable for row in self.rated),
            "prompts": len(self.asked),
            "fact edits": len(self.fact_edits),
            **{f"refused: {reason}": n for reason, n in Counter(r.reason for r in self.refused).most_common()},
        }


def split_feedback(records: Sequence[Feedback], held_out: float, seed: int) -> tuple[list[Feedback], list[Feedback]]:
    """Records to learn from and records held out; findings stand on one side only. The same seed draws the same ones.

    Args:
        held_out: share of the findings; of two and more at least one is held out where the share is not 0.
    """
    findings = sorted({record.report.findings for record in records}, key=lambda text: _drawn(seed, text))
    most = max(0, len(findings) - 1)
    number = min(most, max(1, round(held_out * len(findings)))) if held_out else 0
    held = set(findings[:number])
    learnt = [record for record in records if record.report.findings not in held]
    return learnt, [record for record in records if record.report.findings in held]


def _drawn(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed}/{text}".encode()).hexdigest()


def preferences(records: Iterable[Feedback], critic: Critic) -> Preferences:
    """Pairs, rated texts and prompts of feedback, with what was refused and why.

    Raises:
        ModelError: the critic's model failed.
    """
    found = list(records)
    made: list[Pair | Rated | FactEdit | Refused] = []
    usable = []
    for record in found:
        if record.audience != "draft" and not record.draft.strip():
            made.append(Refused(record.id, "the draft that it was made of is not known"))
        else:
            usable.append(record)
    for record in usable:
        made += _of_edit(record, critic) if record.edited is not None else _of_rating(record, critic)
    for better, worse in _ranked(usable):
        made += _of_ranking(better, worse, critic)
    return Preferences(
        pairs=tuple(x for x in made if isinstance(x, Pair)),
        rated=tuple(x for x in made if isinstance(x, Rated)),
        asked=tuple(dict.fromkeys(_asked(record) for record in usable)),
        fact_edits=tuple(x for x in made if isinstance(x, FactEdit)),
        refused=tuple(x for x in made if isinstance(x, Refused)),
    )


def _asked(record: Feedback) -> Asked:
    report = record.report.model_copy(update={"id": ""})
    return Asked(report, record.audience, record.draft, Wish(record.style, record.words))


# ------------------------------------------------------------------------------------------------------------- edits
def _of_edit(record: Feedback, critic: Critic) -> Iterator[Pair | Rated | FactEdit | Refused]:
    edited = record.edited or ""
    edit = split_edit(critic, record.report, record.text, edited, record.audience)
    asked = _asked(record)
    if edit.kind == "none":
        yield Refused(record.id, "the edit changes nothing")
    elif edit.kind == "fact":
        changes = tuple(change for change in edit.changes if change.kind == "fact")
        passed = edit.before.passed, edit.after.passed
        yield FactEdit(record.id, record.report.findings, changes, passed)
        yield Refused(record.id, "an edit of facts trains no style")
        if _better(edit):
            yield Pair(record.id, asked, edited, record.text, "edit", facts=True)
    elif _worse(edit):
        yield Refused(record.id, "the critic supports the edited text less than the shown one")
    else:
        yield Pair(record.id, asked, edited, record.text, "edit")
        yield Rated(record.id, asked, record.text, desirable=False)
        yield Rated(record.id, asked, edited, desirable=True)


def _standing(critique: Critique) -> tuple[float, int]:
    """How well a text is supported: share of proven claims, findings left out (negative)."""
    return support_share(critique), -len(critique.omissions)


def _worse(edit: Edit) -> bool:
    (share, named), (new_share, new_named) = _standing(edit.before), _standing(edit.after)
    return new_share < share or new_named < named


def _better(edit: Edit) -> bool:
    return edit.after.passed and _standing(edit.after) > _standing(edit.before)


# ----------------------------------------------------------------------------------------------------------- ratings
def _of_rating(record: Feedback, critic: Critic) -> Iterator[Rated | Refused]:
    if record.rating == "neutral" or record.rating is None:
        yield Refused(record.id, "neither wanted nor unwanted")
        return
    passed = critic.critique_many([CritiqueJob(record.report, record.text, record.audience)])[0].passed
    if passed:
        yield Rated(record.id, _asked(record), record.text, desirable=record.rating == "positive")
    elif record.rating == "positive":
        yield Refused(record.id, "the critic does not support the wanted text")
    else:
        yield Refused(record.id, "the critic finds its facts wrong: that says nothing of its style")


def _ranked(records: Sequence[Feedback]) -> Iterator[tuple[Feedback, Feedback]]:
    """Texts of one radiologist for the same request, the better rated first."""
    groups: dict[tuple[str, Asked], list[Feedback]] = defaultdict(list)
    for record in records:
        if record.rating is not None and record.edited is None:
            groups[record.radiologist, _asked(record)].append(record)
    for group in groups.values():
        for one, other in product(group, group):
            if _RANK[one.rating or "neutral"] > _RANK[other.rating or "neutral"] and one.text != other.text:
                yield one, other


def _of_ranking(better: Feedback, worse: Feedback, critic: Critic) -> Iterator[Pair | Refused]:
    edit = split_edit(critic, better.report, worse.text, better.text, better.audience)
    if edit.kind == "fact":
        yield Refused(better.id, "the better and the worse rated text differ in facts")
        if _better(edit):
            yield Pair(better.id, _asked(better), better.text, worse.text, "rating", facts=True)
    elif edit.kind == "style" and not _worse(edit):
        yield Pair(better.id, _asked(better), better.text, worse.text, "rating")
    else:
        yield Refused(better.id, "the critic supports the better rated text less")
