"""Headings of raw report text, as hospitals write them, and the sections that they begin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Literal, NamedTuple

from coarse2fine.reports.words import CONNECTING

__all__ = ["Section", "SectionName", "group_reports", "join_sections", "split_sections"]

SectionName = Literal["preamble", "findings", "clinical_information", "exam", "comparison", "technique", "impression"]
"""Fields of `Report` that are sections, and "preamble" for what stands before the first heading."""


class Section(NamedTuple):
    """One section of a text, without its heading."""

    name: SectionName
    text: str


_HEADINGS: Mapping[SectionName, str] = {
    "findings": r"(?:(?:ct|mri?|us|ultrasound|x-?ray|imaging|radiographic|radiological|report)[ \t]+)?findings?",
    "clinical_information": (
        r"(?:pertinent[ \t]+|relevant[ \t]+)?clinical[ \t]+"
        r"(?:info(?:rmation)?|history|indications?|details|data|background)"
        r"|indications?(?:[ \t]+for[ \t]+(?:exam(?:ination)?|study))?|history(?:[ \t]+of[ \t]+present[ \t]+illness)?"
        r"|reason[ \t]+for[ \t]+(?:the[ \t]+)?(?:exam(?:ination)?|study|visit|test|request)|background"
    ),
    "exam": r"(?:type[ \t]+of[ \t]+)?(?:exam(?:ination)?|study)(?:[ \t]+(?:type|description|performed|title))?",
    "comparison": r"comparisons?(?:[ \t]+(?:study|studies|exams?))?",
    "technique": r"techniques?|procedure(?:[ \t]+description)?|protocol",
    "impression": r"(?:final[ \t]+)?impressions?(?:[ \t]*(?:/|and|&)[ \t]*recommendations?)?|conclusions?|opinion",
}
_NAME = "|".join(f"(?:{pattern})" for pattern in _HEADINGS.values())
_AT_LINE_START = rf"""
    ^[ \t]*+(?P<mark>\#{{1,6}}[ \t]*+)?(?P<bold>[*_]{{1,3}})?(?:\(?\d{{1,2}}[.)][ \t]*+)?[*_]{{0,3}}
    (?P<name>(?:{_NAME})(?:[ \t]*(?:/|and|&)[ \t]*(?:{_NAME}))?)
    (?:[ \t]{{0,3}}\([^()\n]{{0,60}}\)(?=[ \t]{{0,3}}[*_]{{0,3}}:))?[ \t]{{0,3}}
    (?P<end>[*_]{{0,3}}:[*_]{{0,3}}|[*_]{{0,3}}[ \t]{{0,3}}[-–—](?=\s|\Z)|(?<=[*_])|(?=\s|\Z)|[*_]{{1,3}})
"""
_INSIDE_LINE = (
    r"(?<=[^A-Z\s])[ \t]{1,8}(?P<inside>FINDINGS|IMPRESSION|CONCLUSION|OPINION|COMPARISON|TECHNIQUE|INDICATION):"
)
_HEADING = re.compile(f"{_AT_LINE_START}|(?-i:{_INSIDE_LINE})", re.IGNORECASE | re.MULTILINE | re.VERBOSE)
_GOES_ON = re.compile(
    r"(?:is|are|was|were|of|with|to|from|in|on|at|and|or|for|may|suggest\w*|consistent|compatible|made|shows?)\b", re.I
)
_RULE = re.compile(r"^[ \t]*[-=_*~#]{3,}[ \t]*$", re.MULTILINE)
_MODALITY = re.compile(
    r"\b(?:CTA?|MRI?|MRA|US|XR|PET|DEXA|x-?rays?|ultrasound|radiographs?|radiography|mammogra\w+|sonogra\w+|angiogra\w+)\b",
    re.IGNORECASE,
)


def split_sections(text: str) -> tuple[Section, ...]:
    """Cut a text at its headings.

    A heading stands at the beginning of a line, in any case, numbered or in Markdown or plain, and is followed by a
    colon, a dash or the end of the line; in capitals it may be followed by text at once. "Findings are stable"
    is no heading.

    Returns:
        Sections in the text's order, the preamble first where there is any; without a heading, only the preamble.
    """
    sections: list[Section] = []
    name: SectionName = "preamble"
    start = 0
    for heading in _headings(text):
        sections.append(Section(name, _clean(text[start : heading.start()])))
        name, start = _section_name(heading["name"] or heading["inside"]), heading.end()
    sections.append(Section(name, _clean(text[start:])))
    return tuple(section for section in sections if section.name != "preamble" or section.text)


def group_reports(sections: tuple[Section, ...]) -> tuple[tuple[Section, ...], ...]:
    """Sections by report: each findings section after the first makes a report of its own.

    A report begins where the heading that opened the text comes again, otherwise after the impression before.
    """
    names = [section.name for section in sections]
    seats = [seat for seat, name in enumerate(names) if name == "findings"]
    opening = next((name for name in names if name != "preamble"), None)
    cuts = [0]
    for previous, seat in pairwise(seats):
        between = range(previous + 1, seat)
        again = [at for at in between if names[at] == opening]
        after = [at + 1 for at in between if names[at] == "impression"]
        cuts.append(again[0] if again else after[-1] if after else previous + 1)
    groups = [sections[start:end] for start, end in zip(cuts, [*cuts[1:], len(sections)], strict=True)]
    for at in range(1, len(groups)):
        groups[at - 1], groups[at] = _hand_title_over(groups[at - 1], groups[at])
    return tuple(groups)


def join_sections(sections: tuple[Section, ...]) -> dict[str, str]:
    """The text of each section that one report has, by field; sections under the same name are joined by a line break.

    A preamble's line that names a modality is the exam, where no heading does.
    """
    joined: dict[str, str] = {}
    for name, text in sections:
        joined[name] = f"{joined[name]}\n{text}".strip() if name in joined else text
    preamble = joined.pop("preamble", "")
    titles = [line.strip(" \t*_#") for line in preamble.splitlines() if _is_title(line)]
    if titles and not joined.get("exam"):
        joined["exam"] = titles[0]
    return joined


def _hand_title_over(
    before: tuple[Section, ...], after: tuple[Section, ...]
) -> tuple[tuple[Section, ...], tuple[Section, ...]]:
    """Give the line "CT NECK" at the end of one report to the next one, which it begins."""
    text, blank, last = before[-1].text.rpartition("\n\n")
    if not blank or not _is_title(last):
        return before, after
    return (*before[:-1], before[-1]._replace(text=text.rstrip())), (Section("preamble", last), *after)


def _is_title(line: str) -> bool:
    title = line.strip()
    return len(title) <= 120 and "\n" not in title and not title.endswith(".") and bool(_MODALITY.search(title))


def _headings(text: str) -> Iterator[re.Match[str]]:
    for heading in _HEADING.finditer(text):
        if heading["inside"] or _is_heading(text, heading):
            yield heading


def _is_heading(text: str, heading: re.Match[str]) -> bool:
    """Whether a section's name at the beginning of a line is a heading, not the beginning of a sentence."""
    if heading["end"] or heading["bold"]:
        return True
    end_of_line = text.find("\n", heading.end())
    rest = text[heading.end() : end_of_line if end_of_line >= 0 else len(text)].strip()
    if not rest:
        return bool(heading["mark"]) or not heading["name"].islower() or not _is_open(text, heading.start())
    return heading["name"].isupper() and not rest.isupper() and not _GOES_ON.match(rest)


def _is_open(text: str, position: int) -> bool:
    """Whether the line before goes on: "no prior available for", "comparison"."""
    before = text[max(0, position - 80) : position].rstrip()
    words = before.split()
    return bool(words) and (words[-1].lower() in CONNECTING or before.endswith(","))


def _section_name(heading: str) -> SectionName:
    if re.search(r"\bfindings?\b", heading, re.IGNORECASE):
        return "findings"
    found = ((name, re.match(rf"(?:{pattern})\b", heading, re.IGNORECASE)) for name, pattern in _HEADINGS.items())
    return max(((len(match[0]), name) for name, match in found if match))[1]


def _clean(text: str) -> str:
    return _RULE.sub("", text).strip()
