from __future__ import annotations

import pytest

from coarse2fine.agents import Critique, Omission, Verdict
from coarse2fine.agents.plain import in_plain_words
from coarse2fine.agents.repair import repair
from coarse2fine.agents.source import source_of
from coarse2fine.agents.statements import parse
from coarse2fine.reports import Report, split_sentences

BRAIN = Report(findings="Restricted diffusion in the right cerebral hemisphere. No hemorrhage.")
CHEST = Report(findings="Small left pneumothorax. The lungs are clear. No effusion.")


def told(claim: str, report: Report) -> list[str]:
    (statement,) = parse(claim)
    return in_plain_words(statement, source_of(report))


def test_a_finding_is_said_with_its_side() -> None:
    assert all("left" in text for text in told("Small left pneumothorax.", CHEST)[:2])
    assert not any("{side}" in text or "right" in text for text in told("Pneumothorax.", CHEST))


def test_new_means_acute() -> None:
    assert any("stroke" in text and "right" in text for text in told("New strokes on the right.", BRAIN))


def test_another_part_of_the_body_is_not_named() -> None:
    assert told("Small left pneumothorax.", CHEST)
    assert not [text for text in told("Small left pneumothorax.", BRAIN) if "lung" in text]


def test_a_sentence_says_nothing_that_the_findings_do_not_say() -> None:
    spleen = Report(exam="CT abdomen", findings="2.5 cm laceration of the spleen with a small perisplenic hematoma.")
    told_of_it = told("Small perisplenic hematoma.", spleen)
    assert not [text for text in told_of_it if "leg" in text or "head" in text]


def test_both_sides_need_no_side() -> None:
    both = Report(findings="Small pneumothorax on both sides, bilateral.")
    assert not [text for text in told("Bilateral pneumothorax.", both) if "bilateral" in text or "both " in text]


def test_what_has_no_plain_words_has_none() -> None:
    assert told("The heart is normal.", CHEST) == []


def verdict(text: str, score: float, label: str = "unsupported") -> Verdict:
    (sentence,) = split_sentences(text)
    return Verdict(
        text=text,
        start=sentence.start,
        end=sentence.end,
        label=label,
        layer="nli",
        score=score,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("score", "kept"), [(0.4, True), (0.1, False)])
def test_a_patients_claim_is_said_in_known_words_where_something_speaks_for_it(score: float, kept: bool) -> None:
    claim = "New strokes on the right."
    mended = repair(BRAIN, claim, Critique(verdicts=(verdict(claim, score),)), "brief")
    assert ("stroke" in mended) is kept
    assert claim not in mended
    assert "stroke" not in repair(BRAIN, claim, Critique(verdicts=(verdict(claim, score, "contradicted"),)))


def test_what_is_left_out_is_told_plainly_once_and_then_in_the_reports_words() -> None:
    text = "No fluid."
    supported = verdict(text, 0.9, "supported")
    missing = Omission(text="Small left pneumothorax.", start=0, end=24, significance="critical")
    first = repair(CHEST, text, Critique(verdicts=(supported,), omissions=(missing,)), "brief")
    assert "Small left pneumothorax." not in first
    assert "air" in first.lower()
    plain = split_sentences(first)[0]
    failed = Verdict(text=plain.text, start=plain.start, end=plain.end, label="unsupported", layer="nli", score=0.0)
    second = repair(CHEST, first, Critique(verdicts=(failed,), omissions=(missing,)), "brief")
    assert "Small left pneumothorax." in second
