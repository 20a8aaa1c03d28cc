"""Tells findings from talk: what a radiologist dictates, what a person asks of an assistant."""

from __future__ import annotations

import re
from typing import Literal

from coarse2fine.agents.lexicon import lexicon
from coarse2fine.app.phrases import phrases
from coarse2fine.reports import split_sentences

__all__ = ["Reading", "conversational", "is_instruction", "reads_as_findings"]

Reading = Literal["yes", "likely", "maybe", "no"]
"""Whether a text is findings: it is; it may be (ask), nobody being spoken to in it; the same amid talk; it is not."""

_FEWEST_WORDS, _FEWEST_SENTENCES = 8, 2
_SELDOM = 4
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def reads_as_findings(text: str) -> Reading:
    """Whether a text without headings is findings.

    "yes" takes at least 2 sentences and 8 words. Half of the sentences and more name a finding or say something of an
    organ, and none asks or speaks to someone; among many, one may say "I". A single sentence is "likely", one that
    names a finding amid talk "maybe".
    """
    sentences = [sentence.text for sentence in split_sentences(text)]
    spoken = [sentence for sentence in sentences if conversational(sentence)]
    if "?" not in text and len(spoken) * _SELDOM <= len(sentences):
        spoken = [sentence for sentence in spoken if phrases().talk.match(sentence)]  # "I believe the lungs are clear."
    radiological = [sentence for sentence in sentences if _radiological(sentence)]
    if not radiological:
        return "no"
    enough = len(sentences) >= _FEWEST_SENTENCES and len(text.split()) >= _FEWEST_WORDS
    if enough and not spoken and len(radiological) >= max(2, len(sentences) / 2):
        return "yes"
    if not spoken:
        return "likely"
    return "no" if len(spoken) == len(sentences) else "maybe"


def conversational(sentence: str) -> bool:
    """Whether a sentence asks, tells someone to do something, or speaks of the writer or reader."""
    known = phrases()
    return bool(known.talk.match(sentence)) or any(word in known.personal for word in _WORD.findall(sentence.lower()))


def is_instruction(sentence: str) -> bool:
    """Whether a whole sentence is an instruction on the form of the text: "Summarise for the patient in 20 words:"."""
    known, exam_words = phrases(), lexicon().exam_words
    tokens = [token for token in lexicon().tokens(sentence) if token.raw[0].isalnum()]
    raw = [token.raw.split("'")[0] for token in tokens]
    return any(word in known.asks for word in raw) and all(
        word in known.instruction or word.isdigit() or token.word in exam_words
        for word, token in zip(raw, tokens, strict=True)
    )


def _radiological(sentence: str) -> bool:
    lex = lexicon()
    words = [token.word for token in lex.tokens(sentence)]
    if any(lex.names.find(words)):
        return True
    organ = any(lex.organ_words.find(words)) or any(lex.structures.find(words))
    return organ and (any(lex.normal.find(words)) or any(lex.negation.find(words)))
