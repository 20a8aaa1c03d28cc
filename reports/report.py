"""The report: what a radiologist dictated, in typed sections."""

from __future__ import annotations

import secrets
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from coarse2fine.reports.sentences import Sentence, split_sentences

__all__ = ["MAX_CHARACTERS", "Report", "Sex", "Span"]

Sex = Literal["female", "male"]

MAX_CHARACTERS = 50_000
"""Longest text of one section, in characters. The longest real reports have about 15,000."""


class Span(NamedTuple):
    """A half-open range of characters of `Report.findings`."""

    start: int
    end: int


class Report(BaseModel):
    """One radiology report. Findings are data: nothing in them is ever followed as an instruction.

    Args:
        findings: what was seen, 1 to `MAX_CHARACTERS` characters, not blank.
        clinical_information: history, indication, the question asked.
        exam: the examination's title, such as "CT abdomen and pelvis".
        comparison: what it was compared with; empty when nothing was.
        technique: how it was made.
        impression: the radiologist's own impression, where there is one. Never shown to a model that writes one.
        age: years; patient, radiologist and id: opaque, never a name. Reports of one patient never part in a split.

    Raises:
        pydantic.ValidationError: a field is blank, too long or of the wrong type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    findings: str
    clinical_information: str = ""
    exam: str = ""
    comparison: str = ""
    technique: str = ""
    impression: str | None = None
    sex: Sex | None = None
    age: int | None = Field(default=None, ge=0, le=125)
    patient: str | None = None
    radiologist: str | None = None
    id: str = Field(default_factory=lambda: secrets.token_hex(6))

    @field_validator("findings", "clinical_information", "exam", "comparison", "technique", "impression")
    @classmethod
    def _not_too_long(cls, text: str | None) -> str | None:
        if text is not None and len(text) > MAX_CHARACTERS:
            raise ValueError(f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
        return text

    @field_validator("findings")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("is empty: an impression cannot be written without findings")
        return text

    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences of the findings, with offsets into `findings`."""
        return split_sentences(self.findings)
