"""What a message of a chat asks for, told by patterns: no model is asked, and a question is not taken for findings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, cast

from coarse2fine.agents.critique import Audience
from coarse2fine.app.inputs import has_findings_heading
from coarse2fine.app.phrases import phrases
from coarse2fine.app.reading import conversational, is_instruction, reads_as_findings
from coarse2fine.reports import split_sentences
from coarse2fine.reports.headings import split_sections

__all__ = ["QUESTIONS", "Form", "Intent", "Request", "form_of", "recognise"]

Intent = Literal[
    "report",
    "form",
    "why",
    "left_out",
    "checked",
    "findings",
    "again",
    "yes",
    "help",
    "doubtful",
    "no_findings",
    "unknown",
]
"""What a message asks for.

- "report": it brings findings; "form": the impressions in another form; "why": what a claim rests on;
- "left_out", "checked", "findings", "again": what is missing, whether it is checked, the findings, another try;
- "yes": to the question whether a doubtful text is findings; "doubtful": it may be findings; "no_findings": a report
  whose headings have none for findings; "help", "unknown".
"""


class Form(NamedTuple):
    """How a text is wanted: for whom (None: as before), in at most so many words, shorter than it was."""

    audience: Audience | Literal["all"] | None = None
    words: int | None = None
    shorter: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether anything is asked of the form."""
        return self != Form()


class Request(NamedTuple):
    """A message understood.

    Args:
        findings: the text to read as a report, word for word; "" where there is none.
    """

    intent: Intent
    form: Form = Form()
    findings: str = ""


QUESTIONS: Mapping[Intent, str] = {
    "form": "another form: shorter, in at most 20 words, for the patient, as bullets, comprehensive, all three",
    "why": "why a sentence is there: “why do you say that?”, “where does the effusion come from?”",
    "left_out": "what was left out",
    "checked": "whether it is checked",
    "findings": "to see the findings again",
}
"""What can be asked of a report, in words."""

_MOST_PIECES = 6
"""So many sentences of instruction are looked for on either side of findings."""
_EDGE = re.compile(r"(?<=[.!?:\n])\s*")


def recognise(message: str) -> Request:
    """What a message asks for.

    Findings are a text with a findings heading, or several sentences that read as a radiologist dictates and ask
    nothing. Of a text that brings findings only what stands around them, as whole sentences of plain instruction, is
    taken as a wish ("for the patient"); what stands in them is data.
    """
    text = message.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        return Request("help")
    if has_findings_heading(text):
        wish, report = _headed(text)
        return Request("report", form_of(wish), report)
    wish, rest = _trimmed(text)
    reading = reads_as_findings(rest)
    if reading == "yes":
        return Request("report", form_of(wish), rest)
    if _has_other_headings(text):
        return Request("no_findings")
    intent = _asked(text)
    dictated = reading == "likely" and "?" not in rest and (wish or len(split_sentences(rest)) > 1)
    if dictated or (intent == "unknown" and reading != "no"):
        return Request("doubtful", form_of(wish), rest)
    return Request(intent, form_of(text) if intent == "form" else Form())


def form_of(text: str) -> Form:
    """The form that a text asks for."""
    known = phrases()
    found = next((match for pattern in known.words if (match := pattern.search(text))), None)
    number = found[1].lower() if found else ""
    words = int(number) if number.isdigit() else known.numbers.get(number)
    audience = next((name for name, pattern in known.audiences.items() if pattern.search(text)), None)
    shorter = words is None and bool(known.shorter.search(text))
    if audience is None and words is None and not shorter and known.impressions.search(text):
        audience = "all"
    return Form(cast(Audience | None, audience), words or None, shorter)


def _asked(text: str) -> Intent:
    if phrases().yes.match(text):
        return "yes"
    for name, pattern in phrases().questions.items():
        if (form_of(text).is_asked) if name == "form" else pattern.search(text):
            return cast(Intent, name.removesuffix("_first"))
    return "unknown"


# ------------------------------------------------------------------------------------- wishes around findings
def _headed(text: str) -> tuple[str, str]:
    """The wish before the first heading and after the last line, and the report without them."""
    first = split_sections(text)[0]
    before = first.text if first.name == "preamble" else ""
    at = text.find(before) + len(before)
    pieces = [sentence.text for sentence in split_sentences(before)]
    wish = [piece for piece in pieces if is_instruction(piece) or conversational(piece)]
    kept = [piece for piece in pieces if piece not in wish]
    rest = text[at:].strip()
    for _ in range(_MOST_PIECES):
        start = rest.rfind("\n") + 1
        if not start or not is_instruction(rest[start:]):
            break
        wish.append(rest[start:])
        rest = rest[:start].strip()
    report = "\n".join([*kept, rest])
    return ("\n".join(wish), report) if has_findings_heading(report) else ("", text)


def _trimmed(text: str) -> tuple[str, str]:
    """The instructions at the beginning and the end of a text without headings, and what is between them."""
    wish: list[str] = []
    rest = text
    for _ in range(_MOST_PIECES):
        end = _first_piece(rest)
        if not is_instruction(rest[:end]):
            break
        wish.append(rest[:end])
        rest = rest[end:].strip()
    for _ in range(_MOST_PIECES):
        start = _last_piece(rest)
        if not start or not is_instruction(rest[start:]):
            break
        wish.append(rest[start:])
        rest = rest[:start].strip()
    return "\n".join(wish), rest


def _first_piece(text: str) -> int:
    """Where the first sentence, line or part before a colon ends."""
    edges = (edge.end() for edge in _EDGE.finditer(text))
    return next((at for at in edges if text[:at].strip(" \n.!?:")), len(text))


def _last_piece(text: str) -> int:
    """Where the last one begins; 0 where there is one only."""
    return max((edge.end() for edge in _EDGE.finditer(text) if edge.end() < len(text)), default=0)


def _has_other_headings(text: str) -> bool:
    """Whether a text has headings with something under them, and none for findings."""
    named = [section for section in split_sections(text) if section.name != "preamble"]
    return any(section.text and len(section.text.split()) >= 2 for section in named)
