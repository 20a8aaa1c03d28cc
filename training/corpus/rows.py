"""Training conversations for nano: a report, the drafts and audience texts asked of it, and spoilt texts to revise."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from coarse2fine.prompts import PromptSet, prompt_set
from coarse2fine.training.corpus.compose import Composed, compose
from coarse2fine.training.corpus.impress import AUDIENCES, Spoilt, audience_text, impression, spoil
from coarse2fine.training.corpus.knowledge import Exam
from coarse2fine.training.corpus.mess import Mess, draw_mess
from coarse2fine.training.corpus.styles import STYLES, Style
from coarse2fine.training.corpus.written import Written, spoil_written, style_of

__all__ = [
    "LENGTHS",
    "Turn",
    "asked_words",
    "conversation",
    "hidden_words",
    "length_mark",
    "report_fields",
    "turns_of",
    "written_conversation",
]

LENGTHS = (10, 20, 40, 80, 160)
"""Upper bounds in words that a prompt may ask for."""


@dataclass(frozen=True)
class Turn:
    """One message: `text`, and whether the model learns to write it."""

    text: str
    learned: bool


def length_mark(words: int | None) -> str:
    """The smallest length mark that holds `words` words; "any" for None."""
    if words is None:
        return "any"
    return str(next((bound for bound in LENGTHS if words <= bound), LENGTHS[-1]))


def asked_words(rng: random.Random, text: str) -> str:
    """The length that a prompt asks for: mostly any, else what holds `text`."""
    return length_mark(len(text.split())) if rng.random() < 0.3 else "any"


def _style(rng: random.Random) -> Style:
    return STYLES[0] if rng.random() < 0.4 else rng.choice(STYLES)


def conversation(rng: random.Random, exam: Exam) -> list[Turn]:
    """Compose one report and the turns that nano learns from it: 70 % draft and restyle, 30 % revise."""
    composed = compose(exam, rng)
    mess = draw_mess(rng, composed)
    if rng.random() < 0.3 and (turns := _revision(rng, composed, mess)):
        return turns
    return _draft_and_restyle(rng, composed, mess)


def report_fields(rng: random.Random, composed: Composed, mess: Mess) -> dict[str, str]:
    """A report's part of a prompt; exam and clinical information are sometimes not at hand."""
    report = composed.report
    return {
        "exam": report.exam if rng.random() < 0.6 else "",
        "clinical_information": report.clinical_information if rng.random() < 0.6 else "",
        "findings": mess.findings(report.findings),
    }


def turns_of(messages: Sequence[BaseMessage], answer: str) -> list[Turn]:
    """Messages and the answer that is learnt."""
    return [*(Turn(str(m.content), m.type == "ai") for m in messages), Turn(answer, True)]


def _draft_and_restyle(rng: random.Random, composed: Composed, mess: Mess) -> list[Turn]:
    prompts: PromptSet = prompt_set("nano")
    fields = report_fields(rng, composed, mess)
    style = _style(rng)
    draft = mess.target(impression(rng, composed, style))
    turns = turns_of(prompts.render("draft", **fields, style=style.words(), words=asked_words(rng, draft)), draft)
    for audience in rng.sample(AUDIENCES, rng.choice([1, 1, 2, 3])):
        text = mess.target(audience_text(rng, composed, audience))
        asked = prompts.render(
            "restyle", **fields, style=style.words(), draft=draft, audience=audience, words=asked_words(rng, text)
        )
        turns += turns_of(asked[-1:], text)
    return turns


def _revision(rng: random.Random, composed: Composed, mess: Mess) -> list[Turn] | None:
    style = _style(rng)
    audience = rng.choice(["draft", "draft", *AUDIENCES])
    spoilt: Spoilt | None = spoil(rng, composed, audience, style)
    if spoilt is None:
        return None
    good = mess.target(spoilt.good)
    asked = prompt_set("nano").render(
        "revise",
        **report_fields(rng, composed, mess),
        text=mess.target(spoilt.draft),
        wrong=[mess.target(text) for text in spoilt.wrong],
        missing=[mess.findings(text) for text in spoilt.missing],
        audience=audience,
        style=style.words(),
        words=asked_words(rng, good),
    )
    return turns_of(asked, good)


def written_conversation(rng: random.Random, report: Written) -> list[Turn]:
    """The turns that nano learns from a report written by hand: draft and restyle, or 30 % revise."""
    prompts = prompt_set("nano")
    fields = {
        "exam": report.exam if rng.random() < 0.7 else "",
        "clinical_information": report.clinical_information if rng.random() < 0.6 else "",
        "findings": report.findings,
    }
    texts = {"draft": report.impression, "brief": report.brief, "bullet": report.bullet}
    style = style_of(rng, report)
    audience = rng.choice(["draft", "brief"])
    if rng.random() < 0.3 and (spoilt := spoil_written(rng, report, texts[audience])):
        asked = prompts.render(
            "revise",
            **fields,
            **spoilt._asdict(),
            audience=audience,
            style=style,
            words=asked_words(rng, texts[audience]),
        )
        return turns_of(asked, texts[audience])
    turns = turns_of(
        prompts.render("draft", **fields, style=style, words=asked_words(rng, report.impression)), report.impression
    )
    for audience in rng.sample(["brief", "bullet"], rng.choice([1, 2])):
        asked = prompts.render(
            "restyle", **fields, style=style, draft=report.impression, audience=audience,
            words=asked_words(rng, texts[audience]),
        )  # fmt: skip
        turns += turns_of(asked[-1:], texts[audience])
    return turns


_KEPT = "left right bilateral both no not without and or the of in is are there with for"
_FIXED = frozenset(_KEPT.split())


def hidden_words(rng: random.Random, findings: str) -> frozenset[str]:
    """Words of the findings that this conversation treats as unknown, so that copying is learnt."""
    if rng.random() < 0.4:
        return frozenset()
    share = rng.choice([0.05, 0.15, 0.3])
    words = sorted(set(re.findall(r"[a-z]{4,}", findings.lower())) - _FIXED)
    return frozenset(word for word in words if rng.random() < share)
