"""What surfaces are given as a report: findings alone, or a raw report with headings in their place."""

from __future__ import annotations

from coarse2fine.reports import Report, read_text
from coarse2fine.reports.headings import split_sections
from coarse2fine.reports.records import make_report

__all__ = ["given_report", "has_findings_heading"]


def has_findings_heading(text: str) -> bool:
    """Whether a text has a heading for findings with something under it."""
    return any(section.name == "findings" and section.text for section in split_sections(text))


def given_report(
    findings: str, *, clinical_information: str = "", exam: str = "", radiologist: str | None = None
) -> Report:
    """A report of what a caller gives; what they say beside the findings goes before what headings say.

    A patient's id is not taken: no surface needs it, and traces keep what they are given.

    Raises:
        ReportError: there are no findings, or a field is too long.
    """
    beside = {"clinical_information": clinical_information, "exam": exam, "radiologist": radiologist}
    given = {name: value for name, value in beside.items() if value}
    if not has_findings_heading(findings):
        return make_report({"findings": findings, **given}, source="the report")
    report = read_text(findings, source="the report")
    fields = {**report.model_dump(exclude={"id", "patient"}, exclude_none=True), **given}
    return make_report(fields, source="the report")
