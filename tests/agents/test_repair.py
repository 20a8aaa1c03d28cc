from __future__ import annotations

from typing import Any

import pytest

from coarse2fine.agents import Critique, Omission, Verdict
from coarse2fine.agents.repair import repair
from coarse2fine.reports import Report, split_sentences

REPORT = Report(
    findings="There is a large left pneumothorax. the heart is mildly enlarged, and clips are seen. No effusion."
)


def critique(text: str, failed: tuple[str, ...] = (), omitted: tuple[tuple[str, str], ...] = ()) -> Critique:
    verdicts = tuple(
        Verdict(
            text=s.text, start=s.start, end=s.end, label="unsupported" if s.text in failed else "supported", layer="nli"
        )
        for s in split_sentences(text)
    )
    spans: list[Any] = [(word, REPORT.findings.index(word), level) for word, level in omitted]
    omissions = tuple(Omission(text=w, start=i, end=i + len(w), significance=level) for w, i, level in spans)
    return Critique(verdicts=verdicts, omissions=omissions)


def mended(text: str, *failed: str, omitted: tuple[tuple[str, str], ...] = ()) -> str:
    return repair(REPORT, text, critique(text, failed, omitted))


def test_what_failed_is_dropped() -> None:
    assert mended("Large pneumothorax. A mass. No effusion.", "A mass.") == "Large pneumothorax. No effusion."
    assert mended("1. A mass.\n2. No effusion.\n3. Clips.", "A mass.") == "1. No effusion.\n2. Clips."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("No effusion", "Large left pneumothorax. No effusion"),
        ("1. No effusion", "1. Large left pneumothorax.\n2. No effusion"),
        ("- No effusion\n- Clips", "- Large left pneumothorax.\n- No effusion\n- Clips"),
    ],
)
def test_what_was_omitted_is_added_in_the_reports_words_and_the_texts_layout(text: str, wanted: str) -> None:
    assert mended(text, omitted=(("large left pneumothorax", "critical"),)) == wanted


def test_a_part_of_a_sentence_is_added_as_the_whole_sentence() -> None:
    added = mended("No effusion.", omitted=(("mildly enlarged", "significant"), ("clips", "significant")))
    assert added == "No effusion. The heart is mildly enlarged, and clips are seen."


def test_incidental_findings_are_not_added() -> None:
    assert mended("No effusion.", omitted=(("clips", "incidental"),)) == "No effusion."


def test_where_nothing_is_left_the_reports_significant_findings_stand() -> None:
    text = mended("- A mass.", "A mass.")
    assert text.startswith("- Large left pneumothorax.")
    assert "No effusion" not in text


def test_where_the_report_has_none_nothing_is_left() -> None:
    normal = Report(findings="The lungs are clear. The heart is normal in size.")
    assert repair(normal, "A mass.", critique("A mass.", ("A mass.",))) == ""


def test_what_is_said_twice_is_said_once() -> None:
    assert mended("- Clips.\n- Clips.\n- A mass.", "A mass.") == "- Clips."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Small effusion.", "1. Large pneumothorax.\n2. Small effusion.\n3. Rib fracture."),
        ("Small effusion.", "Large pneumothorax. Small effusion. Rib fracture."),
    ],
)
def test_an_omitted_critical_finding_comes_first(text: str, expected: str) -> None:
    report = Report(findings="Small effusion. Rib fracture. Large pneumothorax.")
    omissions = tuple(
        Omission(text=s.text, start=s.start, end=s.end, significance=weight, reason="")
        for s, weight in zip(report.sentences()[1:], ("significant", "critical"), strict=True)
    )
    assert repair(report, text, Critique(verdicts=(), omissions=omissions)) == expected
