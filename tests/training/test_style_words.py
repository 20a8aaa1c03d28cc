"""The style vocabulary of cards is that of the corpus."""

from __future__ import annotations

import random

import pytest

from coarse2fine.agents.style_card import StyleCard
from coarse2fine.agents.style_learn import learn_style
from coarse2fine.agents.style_words import is_style_words
from coarse2fine.prompts import prompt_set
from coarse2fine.reports import Report
from coarse2fine.training.corpus.compose import compose
from coarse2fine.training.corpus.impress import impression
from coarse2fine.training.corpus.knowledge import knowledge
from coarse2fine.training.corpus.styles import STYLES, Style


def card_of(style: Style) -> StyleCard:
    return StyleCard(
        layout=style.layout,
        detail="terse" if style.keep < 0.5 else "plain" if style.keep < 0.8 else "detailed",
        order=style.order,
        negatives=style.negatives,
        incidentals=style.incidentals,
        wording="usual" if style.usual > 0.5 else "varied",
        closing="Otherwise normal." * style.closing,
        verbatim=style.verbatim > 0.5,
    )


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_card_asks_for_a_style_in_the_words_of_the_corpus(style: Style) -> None:
    assert card_of(style).words() == style.words()
    assert is_style_words(style.words())


def test_sets_that_are_asked_in_these_words_are_known() -> None:
    assert is_style_words(prompt_set("nano").settings.style)
    assert not is_style_words(prompt_set("default").settings.style)


@pytest.mark.parametrize("name", ["thorough", "quoting", "dashes", "closing"])
def test_habits_of_the_corpus_are_found_again(name: str) -> None:
    style = next(style for style in STYLES if style.name == name)
    exam = next(exam for exam in knowledge() if exam.exam == "xr-chest")
    rng = random.Random(name)
    composed = [compose(exam, rng) for _ in range(120)]
    reports = [
        Report(findings=made.report.findings, exam=made.report.exam, impression=impression(rng, made, style))
        for made in composed
    ]
    card = learn_style(reports)
    assert (card.layout, card.order, card.negatives) == (style.layout, style.order, style.negatives)
    assert (bool(card.closing), card.verbatim) == (style.closing, style.verbatim > 0.5)
