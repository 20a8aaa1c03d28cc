"""Headings as hospitals write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coarse2fine.reports.headings import Section, group_reports, join_sections, split_sections


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("FINDINGS", "findings"),
        ("Finding", "findings"),
        ("CT findings", "findings"),
        ("Findings and Impression", "findings"),
        ("Technique and findings", "findings"),
        ("INDICATION", "clinical_information"),
        ("History", "clinical_information"),
        ("Clinical information", "clinical_information"),
        ("clinical history", "clinical_information"),
        ("Clinical Indication", "clinical_information"),
        ("Reason for exam", "clinical_information"),
        ("Reason for the examination", "clinical_information"),
        ("Indication for study", "clinical_information"),
        ("History/Indication", "clinical_information"),
        ("BACKGROUND", "clinical_information"),
        ("Comparison", "comparison"),
        ("Technique", "technique"),
        ("PROCEDURE", "technique"),
        ("Impression", "impression"),
        ("Impression and recommendations", "impression"),
        ("Conclusion", "impression"),
        ("OPINION", "impression"),
        ("Exam", "exam"),
        ("Examination", "exam"),
        ("Study", "exam"),
    ],
)
@pytest.mark.parametrize(
    "written",
    [
        "{}: Text.",
        "{}:\nText.",
        "{}\nText.",
        "### {}:\nText.",
        "## {}\n\nText.",
        "**{}:** Text.",
        "**{}**: Text.",
        "__{}__\nText.",
        "2. {}:\nText.",
        "3) {}\nText.",
        "  {} : Text.",
        "{} - Text.",
        "{} (see note): Text.",
    ],
)
def test_heading(written: str, heading: str, name: str) -> None:
    for cased in (heading, heading.upper(), heading.lower()):
        assert split_sections(written.format(cased)) == (Section(name, "Text."),)  # type: ignore[arg-type]


def test_a_heading_in_capitals_needs_no_colon() -> None:
    sections = split_sections("FINDINGS The lungs are clear.\nIMPRESSION Normal.")
    assert sections == (Section("findings", "The lungs are clear."), Section("impression", "Normal."))


@pytest.mark.parametrize(
    "text",
    [
        "Findings are stable.",
        "FINDINGS ARE STABLE.",
        "FINDINGS of oedema.",
        "TECHNIQUE LIMITED BY MOTION.",
        "Comparison is made with 2019.",
        "Technique limited by motion.",
        "There is nothing available for\ncomparison",
        "ADDITIONAL FINDINGS: cyst",
        "SURGICAL HISTORY: none",
        "Surgical HISTORYX: none",
        "LUNGS: clear",
    ],
)
def test_no_heading(text: str) -> None:
    assert split_sections(text) == (Section("preamble", text),)


def test_lines_collapsed_into_one_still_part() -> None:
    sections = split_sections("FINDINGS: Clear. IMPRESSION: Normal.")
    assert sections == (Section("findings", "Clear."), Section("impression", "Normal."))


def reports(text: str) -> list[dict[str, str]]:
    return [join_sections(group) for group in group_reports(split_sections(text))]


def test_repeated_sections_are_joined_and_rules_dropped() -> None:
    text = "HISTORY: Fall.\nINDICATION: Pain.\n-----\nFINDINGS: A\n=====\nIMPRESSION: b"
    assert reports(text) == [{"clinical_information": "Fall.\nPain.", "findings": "A", "impression": "b"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "EXAM: x\nFINDINGS: A\nIMPRESSION: a\nEXAM: y\nFINDINGS: B\nIMPRESSION: b",
            [{"exam": "x", "findings": "A", "impression": "a"}, {"exam": "y", "findings": "B", "impression": "b"}],
        ),
        (
            "FINDINGS: A\nIMPRESSION: a\nHISTORY: h\nFINDINGS: B",
            [{"findings": "A", "impression": "a"}, {"clinical_information": "h", "findings": "B"}],
        ),
        (
            "IMPRESSION: a\nFINDINGS: A\nIMPRESSION: b\nFINDINGS: B",
            [{"impression": "a", "findings": "A"}, {"impression": "b", "findings": "B"}],
        ),
        ("FINDINGS: A\nFINDINGS: B", [{"findings": "A"}, {"findings": "B"}]),
        (
            "CT HEAD\nFINDINGS: A\nIMPRESSION: a\n\nCT NECK\nFINDINGS: B",
            [{"exam": "CT HEAD", "findings": "A", "impression": "a"}, {"exam": "CT NECK", "findings": "B"}],
        ),
    ],
)
def test_a_second_findings_heading_begins_a_second_report(text: str, expected: list[dict[str, str]]) -> None:
    assert reports(text) == expected


def test_a_sentence_before_the_next_report_is_no_title() -> None:
    text = "FINDINGS: A\nIMPRESSION: a\n\nRecommend CT neck.\nFINDINGS: B"
    assert reports(text) == [{"findings": "A", "impression": "a\n\nRecommend CT neck."}, {"findings": "B"}]


def test_the_title_is_the_exam_only_where_no_heading_names_one() -> None:
    assert reports("General Hospital\nCT CHEST\nFINDINGS: A") == [{"exam": "CT CHEST", "findings": "A"}]
    assert reports("CT CHEST\nEXAM: MRI\nFINDINGS: A") == [{"exam": "MRI", "findings": "A"}]


@given(
    st.lists(st.sampled_from(["FINDINGS: a\n", "IMPRESSION\n", "EXAM: CT\n", "CT neck\n\n", "text ", "\n", "# "])).map(
        "".join
    )
)
def test_each_findings_heading_is_one_report(text: str) -> None:
    sections = split_sections(text)
    groups = group_reports(sections)
    assert len(groups) == max(1, sum(section.name == "findings" for section in sections))
    for group in groups:
        assert sum(section.name == "findings" for section in group) <= 1
