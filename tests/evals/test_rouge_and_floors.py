"""ROUGE as it is reported, and its floors."""

from __future__ import annotations

import pytest

from coarse2fine.evals.rouge import Rouge, lead, mean_rouge, rouge


def test_the_same_text_scores_100() -> None:
    assert rouge("No acute disease.", "no acute disease") == pytest.approx((100, 100, 100))


def test_an_empty_text_scores_0() -> None:
    assert rouge("No acute disease.", "") == (0, 0, 0)


def test_words_are_not_stemmed() -> None:
    assert rouge("effusions", "effusion").rouge1 == 0


def test_f1_of_a_partial_match() -> None:
    scores = rouge("small left effusion", "small effusion")
    assert scores == pytest.approx((80, 0, 80))


def test_means_are_over_rows() -> None:
    assert mean_rouge([Rouge(10, 20, 30), Rouge(30, 40, 50)]) == (20, 30, 40)
    assert mean_rouge([]) is None


def test_lead_takes_the_first_sentences() -> None:
    assert lead("Heart is normal. 5.8 cm mass. No effusion.", 2) == "Heart is normal. 5.8 cm mass."
