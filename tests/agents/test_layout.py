from __future__ import annotations

import pytest

from coarse2fine.agents.layout import Line, closed, halves, join_texts, lines_of, write
from coarse2fine.reports import split_sentences


def test_lines_marks_and_sentences() -> None:
    text = "1. Small effusion. No pneumothorax.\n2) Mild edema\n- Clips\nStable."
    assert lines_of(text) == [
        Line("1.", ("Small effusion.", "No pneumothorax.")),
        Line("2)", ("Mild edema",)),
        Line("-", ("Clips",)),
        Line("", ("Stable.",)),
    ]


def test_dropped_sentences_take_their_line_along() -> None:
    text = "1. Small effusion.\n2. Mass. No edema.\n3. Fracture."
    gone = {(s.start, s.end): "" for s in split_sentences(text) if s.text in ("Small effusion.", "Mass.")}
    assert write(lines_of(text, gone)) == "1. No edema.\n2. Fracture."


def test_a_changed_sentence_stands_where_the_old_one_stood() -> None:
    text = "1. Small effusion. No edema.\n2. Fracture."
    first = split_sentences(text)[0]
    assert write(lines_of(text, {(first.start, first.end): "Effusion."})) == "1. Effusion. No edema.\n2. Fracture."


@pytest.mark.parametrize("text", ["One. Two.", "1. One.\n2. Two three.", "- One\n- Two", "One.\nTwo."])
def test_writing_what_was_read_changes_nothing(text: str) -> None:
    assert write(lines_of(text)) == text


def test_lists_go_on_as_lists() -> None:
    assert join_texts(["1. One.\n2. Two.", "1. Three.\n2. ONE."]) == "1. One.\n2. Two.\n3. Three."


def test_prose_goes_on_as_prose() -> None:
    assert join_texts(["One. Two", "Three. two"]) == "One. Two. Three."


def test_halves() -> None:
    assert halves("One sentence only") is None
    assert halves("First. Second one. The third sentence.") == ("First. Second one.", "The third sentence.")
    assert halves("1. First one.\n2. Second one.") == ("1. First one.", "2. Second one.")


def test_closed() -> None:
    assert [closed(text) for text in ("small effusion", "Really?", "Done.")] == ["Small effusion.", "Really?", "Done."]
