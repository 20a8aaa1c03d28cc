"""Reports written whole by hand for this project (`cases/*.jsonl`): findings, impressions, labelled claims.

Composed reports are many and exact, but all of one hand; these few hundred show how differently things are said.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coarse2fine.agents.coverage import findings_of
from coarse2fine.agents.critic import evidence_for
from coarse2fine.agents.evidence import select_evidence
from coarse2fine.agents.source import source_of
from coarse2fine.agents.statements import parse
from coarse2fine.reports import InputError, Report, split_sentences
from coarse2fine.training.corpus.nli_case import Label
from coarse2fine.training.corpus.styles import Style
from coarse2fine.training.corpus.triples import Triple

__all__ = ["Claim", "Spoilt", "Written", "read_written", "spoil_written", "style_of", "written", "written_triples"]

Layout = Literal["prose", "numbered", "dashes"]
_NUMBERED = re.compile(r"\s*1[.)] ")
LABELS: dict[str, Label] = {"e": "entailment", "n": "neutral", "c": "contradiction"}


class Claim(NamedTuple):
    """One sentence about a report; label "e" (proven), "n" (not said) or "c" (refuted), and how it was made."""

    text: str
    label: Literal["e", "n", "c"]
    kind: str


class Written(BaseModel):
    """One report: its findings, the impression a radiologist would sign, texts for two audiences, and claims."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exam: str
    clinical_information: str = ""
    findings: str = Field(min_length=1)
    impression: str = Field(min_length=1)
    brief: str = Field(min_length=1)
    bullet: str = Field(min_length=1)
    claims: tuple[Claim, ...] = ()


def read_written(name: str, text: str) -> Iterator[Written]:
    """The reports of one file.

    Raises:
        InputError: a line is not of the form of `Written`; it names file and line.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield Written.model_validate_json(line)
            except ValidationError as error:
                raise InputError(f"{name}, line {number}: {error}") from error


@cache
def written() -> tuple[Written, ...]:
    """All reports that ship."""
    folder = files("coarse2fine.training.corpus") / "cases"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".jsonl")), key=lambda f: f.name)
    return tuple(report for file in found for report in read_written(file.name, file.read_text("utf-8")))


def written_triples(report: Written) -> Iterator[Triple]:
    """Each claim with the evidence that the critic would show its model."""
    sentences = split_sentences(report.findings)
    for claim in report.claims:
        premise = " ".join(s.text for s in evidence_for(claim.text, sentences))
        yield Triple(premise, claim.text, LABELS[claim.label], f"written {claim.kind}")


def style_of(rng: random.Random, report: Written) -> str:
    """The words by which a prompt asks for the impression of a report, read off what it keeps and leaves out.

    What it gives no occasion for is drawn: the layout of one sentence, incidental findings where there are none.
    """
    style, minor = _style(report)
    if style.layout == "prose" and len(split_sentences(report.impression)) == 1:
        style = style._replace(layout=rng.choice(("prose", "numbered")))
    return (style if minor else style._replace(incidentals=rng.choice(("drop", "some", "all")))).words()


def _incidentals(report: Written, text: str) -> int:
    stated = findings_of(source_of(Report(findings=text, exam=report.exam)))
    return sum(finding.significance == "incidental" for finding in stated)


@cache
def _style(report: Written) -> tuple[Style, bool]:
    """The style of an impression, and whether the report has incidental findings."""
    text = report.impression
    layout: Layout = "numbered" if _NUMBERED.match(text) else "dashes" if text.startswith("- ") else "prose"
    sentences = [parse(s.text) for s in split_sentences(text)]
    denials = [bool(s) and all(x.polarity == "denied" and not x.normal and not x.rest for x in s) for s in sentences]
    closing = len(sentences) > 1 and any(x.normal and x.rest for x in sentences[-1])
    minor, told = _incidentals(report, text), _incidentals(report, report.findings)
    words = len(text.split()) / max(1, len(sentences))
    style = Style(
        "written",
        layout,
        keep=0.25 if words < 6 else 0.6 if words < 13 else 0.95,
        negatives="first" if denials[:1] == [True] and len(denials) > 1 else "last" if any(denials) else "none",
        incidentals="drop" if not minor else "all" if minor > 1 or told < 3 else "some",
        closing=closing,
    )
    return style, told > 0


class Spoilt(NamedTuple):
    """A text made wrong: the wrong sentences in it, and sentences of the findings that it leaves out."""

    text: str
    wrong: tuple[str, ...]
    missing: tuple[str, ...]


def spoil_written(rng: random.Random, report: Written, good: str) -> Spoilt | None:
    """Spoil a text of one paragraph by wrong claims and a lost sentence; None where nothing can be spoilt."""
    if "\n" in good:
        return None
    kept = [s.text for s in split_sentences(good)]
    wrong = _some_wrong(rng, report)
    missing: tuple[str, ...] = ()
    if len(kept) > 1 and rng.random() < 0.5:
        lost = kept.pop(rng.randrange(len(kept)))
        missing = (select_evidence(lost, split_sentences(report.findings), 1)[0].text,)
    for text in wrong:
        kept.insert(rng.randrange(len(kept) + 1), text)
    return Spoilt(" ".join(kept), tuple(wrong), missing) if wrong or missing else None


def _some_wrong(rng: random.Random, report: Written) -> Sequence[str]:
    pool = [c.text for c in report.claims if c.label != "e" and c.text.endswith(".")]
    return rng.sample(pool, min(len(pool), rng.choice([0, 1, 1, 2])))
