"""Length and readability, of the text alone."""

from __future__ import annotations

import re

from coarse2fine.evals.metrics.base import Samples, Scores, means
from coarse2fine.reports import split_sentences

__all__ = ["LengthMetric", "ReadabilityMetric", "grade", "syllables"]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_VOWELS = re.compile(r"[aeiouy]+")


class LengthMetric:
    """Words and sentences, means over samples. A word has a letter or digit in it; list marks are none."""

    name = "length"

    def score(self, samples: Samples) -> Scores:
        """Counts; an empty candidate has none."""
        texts = [[s.text for s in split_sentences(text)] for text in samples.candidates]
        words = [sum(any(c.isalnum() for c in word) for one in text for word in one.split()) for text in texts]
        return means(samples, {"words": words, "sentences": [len(text) for text in texts]})


class ReadabilityMetric:
    """Flesch-Kincaid grade: the years of schooling in the United States that a text asks for."""

    name = "readability"

    def score(self, samples: Samples) -> Scores:
        """Grades; short and plain texts may fall below 0, a text without a word is at 0."""
        note = "Flesch-Kincaid grade, syllables estimated by vowel groups"
        return means(samples, {"readability": [grade(text) for text in samples.candidates]}, note)


def grade(text: str) -> float:
    """0.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid, Fishburne, Rogers and Chissom 1975).

    Numbers are no words. textstat has the same formula, but looks syllables up in a dictionary that it has to fetch.
    """
    words = _WORD.findall(text)
    if not words:
        return 0.0
    sentences = sum(bool(_WORD.search(sentence.text)) for sentence in split_sentences(text))
    return 0.39 * len(words) / max(1, sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def syllables(word: str) -> int:
    """An estimate for an English word: groups of vowels, less a silent e or -ed at the end; at least one."""
    low = word.lower()
    found = len(_VOWELS.findall(low))
    silent = low.endswith("e") and not low.endswith(("le", "ee", "ye", "oe", "ie"))
    silent = silent or (low.endswith("ed") and not low.endswith(("ted", "ded", "eed")))
    return max(1, found - silent)
