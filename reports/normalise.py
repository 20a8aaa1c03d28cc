"""Texts and reports in one form, and short hashes of what they say."""

from __future__ import annotations

import re
from hashlib import blake2b

from coarse2fine.reports.report import Report

__all__ = ["fingerprint", "normalised", "plain_words", "verbatim_words"]

_TEXTS = ("findings", "clinical_information", "exam", "comparison", "technique", "impression")
_BLANK_LINES = re.compile(r"\n{3,}")
_SENTENCE_END = re.compile(r"[.;!]+(?=\s|$)")
_NO_WORD = re.compile(r"[^\w.,%<>+/?|-]+|[,/+-]+(?=\W|$)|(?<!\w)[.,/+-]+(?!\d)")


def normalised(report: Report) -> Report:
    """The report with its texts in one form: single spaces, LF line ends, one blank line at most, nothing at the ends.

    Words, case, punctuation and lines stay. An id that was made at random gives way to one made of findings and
    impression, so that the same input always gives the same output.
    """
    cleaned = {name: _one_form(text) for name in _TEXTS if (text := getattr(report, name))}
    impression = cleaned.get("impression") or None
    update: dict[str, str | None] = {**cleaned, "impression": impression}
    if "id" not in report.model_fields_set:
        update["id"] = f"{fingerprint(verbatim_words(cleaned['findings'], impression)):016x}"
    return report.model_copy(update=update)


def verbatim_words(findings: str, impression: str | None) -> str:
    """Both texts, joined so that no two pairs give the same."""
    return f"{findings}\0{impression or ''}"


def plain_words(text: str) -> str:
    """What a text says without how it is set: lower case, no bullets, no punctuation but within figures, sentence ends
    as "|". Numbers stay, a list's too: "4." may be a grade."""
    words = _NO_WORD.sub(" ", _SENTENCE_END.sub(" | ", text.lower()))
    return " ".join(words.split()).rstrip("| ")


def fingerprint(text: str) -> int:
    """An unsigned hash of 8 bytes, the same on every machine: two of a million different texts collide once in 37
    million collections."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _one_form(text: str) -> str:
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines()).strip()
    return _BLANK_LINES.sub("\n\n", lines)
