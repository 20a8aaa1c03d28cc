"""Reward functions of GRPO, in trl's form: plain functions over decoded texts, one reward in [0, 1] for each.

They can be used alone: pass the texts as `completions`, and by name what each needs; other arguments are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from coarse2fine.agents.coverage import findings_of
from coarse2fine.agents.critique import Critique
from coarse2fine.agents.edits import support_share
from coarse2fine.agents.layout import lines_of
from coarse2fine.agents.source import source_of
from coarse2fine.reports import Report

__all__ = ["REWARDS", "Layout", "StyleTarget", "coverage", "layout_of", "length", "style", "style_target", "support"]

Layout = Literal["numbered", "bulleted", "lines", "prose"]


class StyleTarget(NamedTuple):
    """A radiologist's way of writing, from texts that they want.

    Args:
        layout: of most of these texts, None where there are none.
        words: that they use, in lower case.
        length: their mean number of words, None where there are none.
    """

    layout: Layout | None = None
    words: frozenset[str] = frozenset()
    length: float | None = None


def support(completions: Sequence[str], *, critiques: Sequence[Critique], **_: Any) -> list[float]:
    """The share of each text's claims that the findings prove; 0 for a text without a claim.

    Args:
        critiques: of the texts (`Critic.critique_many`).
    """
    return [support_share(critique) for critique, _text in zip(critiques, completions, strict=True)]


def coverage(
    completions: Sequence[str], *, critiques: Sequence[Critique], reports: Sequence[Report], **_: Any
) -> list[float]:
    """The share of each report's critical and significant findings that its text names; 1 where it has none."""
    return [
        _named(report, critique, text) for report, critique, text in zip(reports, critiques, completions, strict=True)
    ]


def _named(report: Report, critique: Critique, text: str) -> float:
    needed = sum(f.significance != "incidental" for f in findings_of(source_of(report)))
    if not text.strip():
        return 0.0
    left_out = sum(omission.significance != "incidental" for omission in critique.omissions)
    return 1.0 - min(left_out, needed) / needed if needed else 1.0


def length(completions: Sequence[str], *, targets: Sequence[StyleTarget], **_: Any) -> list[float]:
    """1 at the target's number of words, falling evenly to 0 at none and at twice as many; 1 without a target."""
    return [_near(len(text.split()), target.length) for text, target in zip(completions, targets, strict=True)]


def _near(number: int, wanted: float | None) -> float:
    return 1.0 if wanted is None else max(0.0, 1.0 - abs(number - wanted) / wanted)


def style(
    completions: Sequence[str], *, targets: Sequence[StyleTarget], reports: Sequence[Report], **_: Any
) -> list[float]:
    """Half for the target's layout, half for the share of words that the radiologist uses or the findings have.

    A text without a word gets 0, a target without layout or words gives that half.
    """
    rows = zip(completions, targets, reports, strict=True)
    return [_in_style(text, target, report) for text, target, report in rows]


def _in_style(text: str, target: StyleTarget, report: Report) -> float:
    said = list(_words(text))
    if not said:
        return 0.0
    known = target.words | frozenset(_words(report.findings))
    usual = sum(word in known for word in said) / len(said) if target.words else 1.0
    laid_out = target.layout is None or layout_of(text) == target.layout
    return 0.5 * laid_out + 0.5 * usual


def layout_of(text: str) -> Layout:
    """How a text is laid out, by its list marks and lines."""
    lines = lines_of(text)
    marks = [line.mark for line in lines]
    if marks and all(mark[:1].isdigit() for mark in marks):
        return "numbered"
    if marks and all(marks):
        return "bulleted"
    return "lines" if len(lines) > 1 else "prose"


def style_target(texts: Iterable[str]) -> StyleTarget:
    """What texts that a radiologist wants have in common."""
    wanted = [text for text in texts if text.strip()]
    if not wanted:
        return StyleTarget()
    layouts = [layout_of(text) for text in wanted]
    words = frozenset(word for text in wanted for word in _words(text))
    usual = max(dict.fromkeys(layouts), key=layouts.count)
    return StyleTarget(usual, words, sum(len(text.split()) for text in wanted) / len(wanted))


def _words(text: str) -> Iterable[str]:
    stripped = (word.strip(".,;:()[]").casefold() for word in text.split())
    return (word for word in stripped if word and not word[0].isdigit() and word[0].isalnum())


REWARDS: dict[str, Callable[..., list[float]]] = {
    "support": support, "coverage": coverage, "length": length, "style": style,
}  # fmt: skip
"""By the name that a recipe weighs them with."""
