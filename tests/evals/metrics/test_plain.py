from __future__ import annotations

import pytest

from coarse2fine.evals.metrics import Samples, load_metric
from coarse2fine.evals.metrics.plain import grade, syllables


def test_words_and_sentences_are_counted() -> None:
    scores = load_metric("length").score(Samples(["1. No effusion.\n2. A 5 mm nodule - new.", "Normal."], ["a", "b"]))
    assert scores.columns["words"].values.tolist() == [7, 1]
    assert scores.columns["sentences"].values.tolist() == [2, 1]
    assert scores.corpus() == {"words": 4, "sentences": 1.5}


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("no", 1), ("the", 1), ("heart", 1), ("normal", 2), ("size", 1), ("enlarged", 2), ("noted", 2), ("lobe", 1),
        ("possible", 3), ("effusion", 3), ("pneumothorax", 4), ("mm", 1), ("edema", 3),
    ],
)  # fmt: skip
def test_syllables_are_vowel_groups_without_silent_ends(word: str, number: int) -> None:
    assert syllables(word) == syllables(word.upper()) == number


def test_the_grade_by_hand() -> None:
    # two sentences, six words, nine syllables: the heart is nor-mal / no ef-fu-sion
    assert grade("The heart is normal. No effusion 5.") == pytest.approx(0.39 * 6 / 2 + 11.8 * 9 / 6 - 15.59)
    assert grade("5. 6.") == 0.0


def test_plain_words_grade_lower_than_latin_ones() -> None:
    plain = grade("There is a little fluid around the left lung. The heart looks fine.")
    assert plain < grade("Cardiomediastinal silhouette unremarkable with small left-sided pleural effusion identified.")
