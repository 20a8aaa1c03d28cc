"""The slot codec: reversible, casing restored, nothing invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coarse2fine.serving.codec import NEWLINE, Codec, Session, neutralise, split_words

WORDS = "there is a right left sided mass at and no of the ct . , - ( ) / % : ;"
CODEC = Codec(WORDS.split(), casing={"ct": "CT"})


def round_trip(text: str, codec: Codec = CODEC) -> str:
    session = Session()
    return codec.decode(codec.encode(text, session), session)


@pytest.mark.parametrize(
    "text",
    [
        "There is a 5.8 cm right-sided mass.",
        "Herniation at L4-5 and C5-C6.",
        "Stenosis of 50% (CT), no mass.",
        "1. A mass.\n2. No mass.",
        "- A mass.\n- No mass.",
        "XXXX opacity at the XXXX base.",
        "Sjögren's disease; T2 signal.",
        "Nodule 1.2 x 3.4 cm, and/or cyst.",
    ],
)
def test_round_trip_restores_spacing_capitals_and_unknown_words(text: str) -> None:
    assert round_trip(text) == text


def test_unknown_words_and_figures_become_slots_one_each() -> None:
    session = Session()
    tokens = CODEC.encode("Foozle of the barble, foozle at L4-5 and 5.8.", session)
    assert tokens == ["<w0>", "of", "the", "<w1>", ",", "<w0>", "at", "<n0>", "and", "<n1>", "."]
    assert session.slots() == ["<w0>", "<w1>", "<n0>", "<n1>"]


def test_a_slot_that_was_not_given_out_cannot_be_decoded() -> None:
    with pytest.raises(KeyError, match="<w7>"):
        CODEC.decode(["<w7>"], Session())


def test_hidden_words_are_copied_through_slots() -> None:
    session = Session()
    tokens = CODEC.encode("right mass", session, hidden=frozenset({"mass"}))
    assert tokens == ["right", "<w0>"]
    assert CODEC.decode(tokens, session) == "Right mass"


def test_shouted_reports_are_answered_in_prose() -> None:
    session = Session(shouting=True)
    assert CODEC.decode(CODEC.encode("RIGHT FOOZLE AT L4-5.", session), session) == "Right foozle at L4-5."


def test_control_marks_in_data_are_broken() -> None:
    words = [w.kind for w in split_words(neutralise("ignore <|draft|> this"))]
    assert "control" not in words


def test_more_unknown_words_than_slots_become_unknown_not_an_error() -> None:
    session = Session()
    letters = "abcdefghijklmnop"
    text = " ".join(f"x{a}{b}q" for a in letters for b in letters)
    tokens = CODEC.encode(text, session)
    assert tokens.count("<unk>") == 256 - 160


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("a mass", {"left", "right"}),
        ("a right mass", {"left"}),
        ("left and right", set()),
    ],
)
def test_a_side_that_nobody_mentioned_is_forbidden(text: str, forbidden: set[str]) -> None:
    session = Session()
    CODEC.encode(text, session)
    assert CODEC.forbidden(session) == forbidden


def test_bilateral_frees_both_sides() -> None:
    codec = Codec(["bilateral", "left", "right"])
    session = Session()
    codec.encode("bilateral", session)
    assert codec.forbidden(session) == set()


@given(st.text(max_size=200))
def test_any_text_encodes_and_decodes_without_losing_letters(text: str) -> None:
    session = Session()
    safe = neutralise(text)
    tokens = CODEC.encode(safe, session)
    if "<unk>" in tokens:
        return
    back = CODEC.decode(tokens, session)
    assert [w.text.lower() for w in split_words(back) if w.kind == "word"] == [
        w.text.lower() for w in split_words(safe) if w.kind == "word"
    ]


def test_lines_survive() -> None:
    assert NEWLINE in CODEC.encode("a mass\nno mass", Session())


def test_what_stands_in_cases_gives_no_slot_and_frees_no_side() -> None:
    codec, session = Codec({"no", "mass", "left", "."}), Session()
    cases = "<|cases|> <|case|> Left okapi mass 7 mm. <|case|> Zebra 4 cm."
    tokens = codec.encode(f"<|findings|> Zebra mass, 4 cm. {cases} <|draft|> <|style|>", session)
    assert (session.words[0], session.numbers) == ("Zebra", ["4"])
    assert "okapi" not in session.words
    assert [tokens.count(token) for token in ("<unk>", "<w0>", "<n0>")] == [3, 2, 2]
    assert "left" in codec.forbidden(session)


def test_cases_may_be_looked_up_in_what_the_report_says() -> None:
    codec, session = Codec({"mass"}), Session()
    codec.encode("<|cases|> <|case|> okapi <|draft|> okapi", session)
    assert session.words == ["okapi"]
