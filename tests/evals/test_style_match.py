from __future__ import annotations

import pytest

from coarse2fine.evals.style_match import style_match, wins

OWN = "1. Left lower lobe pneumonia.\n2. No effusion."


def test_the_own_text_matches_wholly() -> None:
    assert style_match(OWN, OWN) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("Left lower lobe pneumonia. No effusion.", 4 + 1 + 0.8),  # the layout; ROUGE-L counts "1" and "2": 6 of 8 and 6
        ("1. No effusion.\n2. Left lower lobe pneumonia.", 4),
    ],
)
def test_each_mark_is_a_sixth(text: str, marks: float) -> None:
    found = style_match(text, OWN) * 6
    assert found < 6 - 1 + 1e-9
    assert found >= marks - 1


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
