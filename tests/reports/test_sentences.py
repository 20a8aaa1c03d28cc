"""The splitter on the mess that dictation, typing and exports leave behind."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coarse2fine.reports.sentences import Sentence, split_sentences


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mass of 5.8 cm. Stable.", ["Mass of 5.8 cm.", "Stable."]),
        ("Cyst, .5 cm. Stable.", ["Cyst, .5 cm.", "Stable."]),
        ("Disc bulge at L4-5. Canal patent.", ["Disc bulge at L4-5.", "Canal patent."]),
        ("Disc bulge at L4-5.", ["Disc bulge at L4-5."]),
        ("Told Dr. Grey. Dr. XXXX agreed.", ["Told Dr. Grey.", "Dr. XXXX agreed."]),
        ("Lines, e.g. a PICC, i.e. central.", ["Lines, e.g. a PICC, i.e. central."]),
        ("Scar vs. Kerley lines. Clear.", ["Scar vs. Kerley lines.", "Clear."]),
        ("It is approx. 5 cm. Clear.", ["It is approx. 5 cm.", "Clear."]),
        ("Rib No. 3 is broken. Effusion: no. Clear.", ["Rib No. 3 is broken.", "Effusion: no.", "Clear."]),
        ("Done at 8 a.m. today. Read at 9 p.m. No change.", ["Done at 8 a.m. today.", "Read at 9 p.m.", "No change."]),
        ("Compared to 1.2.2020. Stable.", ["Compared to 1.2.2020.", "Stable."]),
        ("Compared to 01/02/2020. Stable.", ["Compared to 01/02/2020.", "Stable."]),
        ("It measures 5 mm. Heart normal.", ["It measures 5 mm.", "Heart normal."]),
        ("A 5 mm. nodule and a 2 cm. cyst.", ["A 5 mm. nodule and a 2 cm. cyst."]),
        ("It measures 5 mm.\n2 cm cyst.", ["It measures 5 mm.", "2 cm cyst."]),
        ("Read by J. F. Ray. Clear.", ["Read by J. F. Ray.", "Clear."]),
        ("Seen with Dr. Ann B. Ray today.", ["Seen with Dr. Ann B. Ray today."]),
        ("Chronic hepatitis C. Liver is coarse.", ["Chronic hepatitis C.", "Liver is coarse."]),
        ("Dissection type B. The arch is spared.", ["Dissection type B.", "The arch is spared."]),
        ("Dissection type B. arch is spared.", ["Dissection type B.", "arch is spared."]),
        ("Rt. Lung clear. Lt. lung too.", ["Rt. Lung clear.", "Lt. lung too."]),
        ("Kidneys r. 10.2 cm, l. 11 cm. Clear.", ["Kidneys r. 10.2 cm, l. 11 cm.", "Clear."]),
        ("Vitamin D. 5 mm stone.", ["Vitamin D.", "5 mm stone."]),
        ("Density is C. 5 mm stone.", ["Density is C.", "5 mm stone."]),
        ("Compared with A. The cyst grew.", ["Compared with A.", "The cyst grew."]),
        ("Growth of E. coli. Clear.", ["Growth of E. coli.", "Clear."]),
        ("A St. Jude valve. Clear.", ["A St. Jude valve.", "Clear."]),
        ("A Ph.D. student. Clear.", ["A Ph.D. student.", "Clear."]),
        ("A 67 y.o. Male. Clear.", ["A 67 y.o. Male.", "Clear."]),
        ("Seen (see Fig. 2.) The end.", ["Seen (see Fig. 2.)", "The end."]),
        ("Nodule ... unchanged.", ["Nodule ... unchanged."]),
        ("Nodule... Heart normal…", ["Nodule...", "Heart normal…"]),
        ("Any effusion? No! Clear.", ["Any effusion?", "No!", "Clear."]),
        ("Cough, ?pneumonia. ? PE (?old).", ["Cough, ?pneumonia.", "? PE (?old)."]),
        ("no effusion. heart normal.", ["no effusion.", "heart normal."]),
        ("XXXX is XXXX. XXXX. Heart.", ["XXXX is XXXX.", "XXXX.", "Heart."]),
    ],
)
def test_full_stops(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clear.No effusion", ["clear.", "No effusion"]),
        ("CABG.Stable heart.no mass", ["CABG.", "Stable heart.", "no mass"]),
        ("Mass of 5.8.No fluid", ["Mass of 5.8.", "No fluid"]),
        ("Old (healed).New line", ["Old (healed).", "New line"]),
        ("Read by J.Ray today", ["Read by J.Ray today"]),
        ("effusion.2. Cardiomegaly", ["effusion.", "Cardiomegaly"]),
        ("effusion.. Heart", ["effusion..", "Heart"]),
        ("Clear. . Heart . ", ["Clear.", "Heart ."]),
        (". ", []),
        ("\n- \n.\n…", []),
        ("", []),
    ],
)
def test_typing_errors(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Foo 2. Bar", ["Foo", "Bar"]),
        ("1) Foo\n2) Bar", ["Foo", "Bar"]),
        ("(1) Foo (2) Bar", ["Foo", "Bar"]),
        ("1.Foo 2.Bar", ["Foo", "Bar"]),
        ("1.\nFoo\n2.\nBar", ["Foo", "Bar"]),
        ("- Foo\n• Bar\n-Baz\n* Qux", ["Foo", "Bar", "Baz", "Qux"]),
        ("a) foo\nb) bar", ["foo", "bar"]),
        ("- 1. Foo", ["Foo"]),
        ("1. 5 mm nodule 2. Clear", ["5 mm nodule", "Clear"]),
        ("IMPRESSION: 1. Foo 2. Bar", ["IMPRESSION:", "Foo", "Bar"]),
        ("1. Listhesis grade 2. No fracture 2. Foo", ["Listhesis grade 2.", "No fracture", "Foo"]),
        ("1. Nodules, up to 2. Clear", ["Nodules, up to 2.", "Clear"]),
        ("Grade 2. Clear", ["Grade 2.", "Clear"]),
        ("> 5 mm nodule", ["> 5 mm nodule"]),
        ("Nodule -5 HU", ["Nodule -5 HU"]),
    ],
)
def test_list_markers_are_no_part_of_a_sentence(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("There is a small\nleft effusion\nHeart normal", ["There is a small\nleft effusion", "Heart normal"]),
        ("There is a\r\nleft effusion\r\nHeart normal", ["There is a\r\nleft effusion", "Heart normal"]),
        ("Fracture of the\nL4 body", ["Fracture of the\nL4 body"]),
        ("Effusion,\nHilar mass", ["Effusion,\nHilar mass"]),
        ("Seen by Dr.\nGrey", ["Seen by Dr.\nGrey"]),
        ("Nodule\n(image 4)", ["Nodule\n(image 4)"]),
        ("no effusion\n\nheart normal", ["no effusion", "heart normal"]),
        ("no effusion\nlungs: clear", ["no effusion", "lungs: clear"]),
        ("Seen\nat 10:30 today", ["Seen\nat 10:30 today"]),
        ("LUNGS:\nClear\nBONES: intact", ["LUNGS:\nClear", "BONES: intact"]),
        ("LUNGS:\n\nClear", ["LUNGS:\n\nClear"]),
        ("LUNGS:\nHEART: big", ["LUNGS:", "HEART: big"]),
        ("Lungs: Clear. Heart: Normal.", ["Lungs: Clear.", "Heart: Normal."]),
        ("LUNGS: Clear HEART: Normal", ["LUNGS: Clear", "HEART: Normal"]),
        ("Seen at XXXX: stable", ["Seen at XXXX: stable"]),
        ("FINDINGS:\n1. Foo\n2. Bar", ["FINDINGS:", "Foo", "Bar"]),
    ],
)
def test_lines_and_labels(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_offsets_point_at_the_sentence_without_its_marker() -> None:
    assert split_sentences("  1. Foo bar.\n") == (Sentence("Foo bar.", 5, 13),)


_PIECES = st.sampled_from(
    [
        *" \n.?!-:()1259aB•…\t\r",
        ". ",
        "1. ",
        "2) ",
        "\n\n",
        "Dr. ",
        "5.8 cm. ",
        "LUNGS: ",
        "no effusion",
        "XXXX",
        "L4-5",
        "- ",
    ]
)
_TEXTS = st.one_of(st.text(), st.lists(_PIECES, max_size=40).map("".join))


@given(_TEXTS)
def test_sentences_are_exact_ordered_and_have_content(text: str) -> None:
    end = 0
    for sentence in split_sentences(text):
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip()
        assert any(character.isalnum() for character in sentence.text)
        assert sentence.start >= end
        end = sentence.end


@given(_TEXTS)
def test_only_markers_and_punctuation_are_left_out(text: str) -> None:
    """Nothing that a radiologist said may vanish between two sentences."""
    end = 0
    for sentence in [*split_sentences(text), Sentence("", len(text), len(text))]:
        between = re.sub(r"\(?(?:\d{1,2}[.)]|[a-z]\))", "", text[end : sentence.start])
        assert not any(character.isalnum() for character in between)
        end = sentence.end


@example("0. 0) :")  # a marker behind a marker, and nothing else
@given(_TEXTS)
def test_a_sentence_alone_loses_nothing(text: str) -> None:
    for sentence in split_sentences(text):
        inner = split_sentences(sentence.text)
        assert inner
        assert inner[-1].end <= len(sentence.text)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a ",
        "a\n",
        ". ",
        " ",
        "\n",
        "A ",
        "AAAA ",
        "a AAAA ",
        "mm. ",
        ".",
        "(",
        " 2. A",
        "a:\n",
        "a\n\n",
        "-",
        "1. ",
        "a?",
    ],
)
def test_time_is_linear_without_any_sentence_end(unit: str) -> None:
    """Quadratic work on 50,000 characters takes tens of seconds; linear work some hundredths of one."""
    text = unit * (50_000 // len(unit))
    began = time.process_time()
    split_sentences(text)
    assert time.process_time() - began < 2
