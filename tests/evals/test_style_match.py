from __future__ import annotations

import pytest

from coarse2fine.evals.style_match import style_match, wins

OWN = "1. Left lower lobe pneumonia.\n2. No effusion."


def test_the_own_text_matches_wholly() -> None:
    assert style_match(OWN, OWN) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        # another layout; of the 8 tokens of OWN ("1" and "2" count) 6 in order: precision 1, recall 3/4
        ("Left lower lobe pneumonia. No effusion.", 4 + 1 + 6 / 7 - 1),
        # the negative first; 5 of 8 tokens in order either way
        ("1. No effusion.\n2. Left lower lobe pneumonia.", 4 + 5 / 8),
        # half the words, no negative; 5 of 8 and all 5
        ("1. Left lower lobe pneumonia.", 3 + 4 / 6 + 10 / 13),
    ],
)
def test_six_marks_by_hand(text: str, marks: float) -> None:
    assert style_match(text, OWN) * 6 == pytest.approx(marks, abs=1e-6)


def test_a_lost_closing_and_a_lost_incidental_finding_cost_a_mark_each() -> None:
    own = "Left lower lobe pneumonia. Calcified granuloma. Otherwise normal chest."
    kept = style_match("Left lower lobe pneumonia. Calcified granuloma. Otherwise normal chest.", own)
    no_closing = style_match("Left lower lobe pneumonia. Calcified granuloma.", own)
    neither = style_match("Left lower lobe pneumonia.", own)
    assert kept - no_closing > 1 / 6
    assert no_closing - neither > 1 / 6


def test_wins_count_ties_as_halves() -> None:
    found = wins([0.5, 0.5, 0.5, 0.5], [0.6, 0.5, 0.502, 0.4])
    assert found == (1, 2, 1)
    assert found.share == 0.5
    with pytest.raises(ValueError, match="zip"):
        wins([0.1], [])
