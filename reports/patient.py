"""Sex and age, from fields as databases write them and from clinical information as people write it."""

from __future__ import annotations

import re
from typing import NamedTuple

from coarse2fine.reports.report import Sex

__all__ = ["Patient", "parse_age", "parse_sex", "patient_from"]


class Patient(NamedTuple):
    """What is known of a patient; None where nothing is."""

    sex: Sex | None = None
    age: int | None = None


_SEX_WORDS: dict[Sex, str] = {"female": "f female woman lady girl", "male": "m male man gentleman boy"}
_SEXES: dict[str, Sex] = {word: sex for sex, words in _SEX_WORDS.items() for word in words.split()}
_UNKNOWN = frozenset({"", "-", "?", "i", "n/a", "na", "nan", "none", "null", "o", "other", "u", "unk", "unknown", "x"})
_YEARS_PER_UNIT = {"y": 1.0, "m": 1 / 12, "w": 7 / 365.25, "d": 1 / 365.25}
_AGE_FIELD = re.compile(r"[<>≥]?\s*(\d{1,3})(?:\.\d+)?\s*\+?\s*(?:([ymwd])[a-z]*)?(?:[\s-]*old)?", re.IGNORECASE)

_AGE = r"(?<![\d.])(?<!\d[,/])(?P<age>\d{1,3})"
_WORD = r"(?P<sex>female|male|woman|man|lady|gentleman|girl|boy)\b"
_LETTER = r"(?P<sex>female|male|woman|man|lady|gentleman|girl|boy|f|m)\b"
_OLD = r"[\s-]*(?P<unit>y|m|w|d)(?:ears?|e?a?rs?|onths?|os?|eeks?|ks?|ays?)?\.?(?:[\s/-]*o(?:ld|\.)?|[\s-]+of[\s-]+age)"
_ENDS = r"(?=\s*(?:$|[.,;:\n]|(?:with|who|patient|pt|presents?|presenting|status|s/p|for|has|c/o)\b))"
_FRENCH = r"(?!\s*(?:cath|sheath|drain|pigtail|french|tube|temp|degree))"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:sex|gender)\s*[:=]\s*{_LETTER}",
        rf"{_AGE}{_OLD}[\s,/-]*(?:(?!(?:with|whose|and|of|for|from|in|on|to|by|is|ha[sd])\b)[a-z]+[\s-]){{0,2}}?{_LETTER}",
        rf"(?:^|[.;\n])\s*(?:patient|pt)?\W*{_AGE}\s*(?:y|yr|yrs)?[\s/,-]*{_LETTER}{_FRENCH}",
        rf"(?:^|[.;\n])\s*{_LETTER}[\s/,-]*(?:aged?\s*)?{_AGE}(?:{_OLD}|\s*y(?:ea)?rs?|y)?{_ENDS}",
        rf"\b{_WORD}[\s,]+(?:aged?\s*)?{_AGE}{_OLD}\b",
        rf"\b{_WORD},?\s+aged?\s*:?\s*{_AGE}\b(?!\s*(?:days?|weeks?|months?))",
        rf"{_AGE}{_OLD}{_ENDS}",
        rf"\baged?\s*:?\s*{_AGE}\b(?!\s*(?:days?|weeks?|months?))",
        rf"^\W*(?:an?\s+|patient\s+is\s+an?\s+)?{_WORD}{_ENDS}",
    )
)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:family|mother|father|sister|brother|husband|wife|son|daughter|donor)\b[^.;\n]*\Z", re.IGNORECASE
)


def parse_sex(value: object) -> Sex | None:
    """Sex from a field: "M", "female", ...; None where the field says that it is unknown.

    Raises:
        ValueError: the value is no sex that a report can hold.
    """
    key = "" if value is None else str(value).strip().lower().rstrip(".")
    if key in _UNKNOWN:
        return None
    if key not in _SEXES:
        raise ValueError(f"{value!r} is not a sex: write F, M, female or male, or leave it empty")
    return _SEXES[key]


def parse_age(value: object) -> int | None:
    """Age in whole years from a field: 67, "67", "067Y" and "006M" (DICOM), "90+"; None where it is unknown.

    Raises:
        ValueError: the value is no age.
    """
    key = "" if value is None else str(value).strip().lower()
    if key in _UNKNOWN:
        return None
    found = _AGE_FIELD.fullmatch(key)
    if found is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is not an age: write whole years, or leave it empty")
    return _years(found[1], found[2])


def patient_from(text: str) -> Patient:
    """Sex and age as clinical information words them: "67-year-old man", "Male, 67 years old", "45 F".

    Ages of relatives, of fractures or of hardware are not the patient's and are left alone. Nothing is inferred: a
    pregnancy names no sex here.
    """
    sex: Sex | None = None
    age: int | None = None
    for pattern in _PATTERNS:
        for found in pattern.finditer(text):
            if _SOMEBODY_ELSE.search(text[max(0, found.start() - 60) : found.start()]):
                continue
            groups = found.groupdict()
            sex = sex or (_SEXES[groups["sex"].lower()] if groups.get("sex") else None)
            if age is None and groups.get("age"):
                age = _plausible(_years(groups["age"], groups.get("unit")))
            break
    return Patient(sex, age)


def _years(number: str, unit: str | None) -> int:
    return int(int(number) * _YEARS_PER_UNIT[(unit or "y").lower()])


def _plausible(age: int) -> int | None:
    return age if age <= 125 else None
