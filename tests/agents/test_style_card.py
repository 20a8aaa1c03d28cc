"""Style cards: what they say, in which words, and that an edit stays."""

from __future__ import annotations

import pytest
from langgraph.store.memory import InMemoryStore

from coarse2fine.agents.style_card import NormalPhrase, Phrasing, StyleCard, StyleCards
from coarse2fine.agents.style_words import is_style_words
from coarse2fine.reports import InputError

CARD = StyleCard(
    layout="dashes",
    detail="terse",
    order="report",
    negatives="last",
    incidentals="all",
    closing="Otherwise unremarkable.",
    typical_words=12,
    typical_sentences=1,
    capitals="all",
    full_stops=False,
    normal={"CT head": NormalPhrase(text="NORMAL HEAD", share=0.8), "": NormalPhrase(text="NORMAL", share=1)},
    phrasings=(Phrasing(findings="heart enlarged", impression="cardiomegaly", reports=7),),
    remarks="Never says\n“unremarkable”.",
    learnt_from=40,
)


def test_the_text_names_every_habit() -> None:
    assert CARD.text().splitlines() == [
        "- Layout: a list with a dash before each line, in the order of the findings.",
        "- Length: usually about 12 words in 1 sentence.",
        "- Detail: only side and level beside each finding.",
        "- Negatives: pertinent negatives last; incidental findings are named.",
        "- Closing: “Otherwise unremarkable.”",
        "- Letters: all capitals.",
        "- Stops: no full stop at the end.",
        "- Normal: “NORMAL HEAD” (CT head 80%).",
        "- Normal: “NORMAL” (examination 100%).",
        "- Says “cardiomegaly” where the findings say “heart enlarged”.",
        "- Never says “unremarkable”.",
    ]


def test_words_and_form() -> None:
    assert CARD.words() == "dashes terse report negatives last incidentals all usual closing"
    assert StyleCard(wording="varied", verbatim=True).words().endswith("incidentals drop varied verbatim")
    assert CARD.form() == "a list with a dash before each line, in the order of the findings, pertinent negatives last"
    assert is_style_words(CARD.words())
    assert not is_style_words(CARD.form())
    assert not is_style_words("")


def test_an_edit_changes_what_it_names_and_is_marked() -> None:
    assert CARD.edited_as(CARD.to_yaml()) == CARD
    edited = CARD.edited_as(CARD.to_yaml().replace("layout: dashes", "layout: prose"))
    assert edited == CARD.model_copy(update={"layout": "prose", "edited": True})
    assert edited.edited_as(edited.to_yaml()).edited
    assert CARD.edited_as("remarks: Brief.") == StyleCard(remarks="Brief.", edited=True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("layout: poem", r"layout: Input should be 'prose'"),
        ("colour: red", "colour: Extra inputs"),
        ("normal: {CT: {text: x, share: 2}}", r"normal\.CT\.share"),
        ("layout: [", "no YAML"),
        ("- a\n- b", "list of fields"),
        ("!!python/object/apply:os.getcwd []", "no YAML"),
    ],
)
def test_edits_that_cannot_be_are_named(text: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        CARD.edited_as(text)


def test_cards_are_kept_and_forgotten() -> None:
    cards = StyleCards(InMemoryStore())
    assert cards.get("r1") is None
    cards.put("r1", StyleCard())
    cards.put("r1", CARD)
    assert (cards.get("r1"), cards.get("r"), cards.radiologists()) == (CARD, None, ["r1"])
    assert (cards.forget("r1"), cards.forget("r1"), cards.get("r1")) == (True, False, None)
