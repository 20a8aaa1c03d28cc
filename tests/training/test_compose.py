"""Composed reports: deterministic, facts attached, nothing in an impression that the findings do not say."""

from __future__ import annotations

import random
import re

import pytest

from coarse2fine.training.corpus.compose import Composed, compose
from coarse2fine.training.corpus.facts import denial, mentions, say
from coarse2fine.training.corpus.impress import AUDIENCES, audience_text, impression, spoil
from coarse2fine.training.corpus.knowledge import Exam, knowledge, load_exams
from coarse2fine.training.corpus.mess import draw_mess
from coarse2fine.training.corpus.rows import conversation
from coarse2fine.training.corpus.styles import STYLES

EXAMS = knowledge()


def composed(exam: Exam, number: int, **options: int) -> list[Composed]:
    return [compose(exam, random.Random(i), **options) for i in range(number)]


def test_the_same_seed_gives_the_same_report() -> None:
    for exam in EXAMS:
        assert compose(exam, random.Random(7)) == compose(exam, random.Random(7))


@pytest.mark.parametrize("exam", EXAMS, ids=lambda e: e.exam)
def test_facts_stand_in_the_findings(exam: Exam) -> None:
    for made in composed(exam, 20):
        for fact in made.facts:
            assert fact.text in made.report.findings


@pytest.mark.parametrize("exam", EXAMS, ids=lambda e: e.exam)
def test_nothing_that_is_present_is_denied(exam: Exam) -> None:
    for made in composed(exam, 30, findings=3):
        present = {name for fact in made.facts for name in fact.finding.names}
        for finding, phrase in made.denied:
            assert not any(mentions(phrase, name) for name in present), (finding.id, phrase)


@pytest.mark.parametrize("exam", EXAMS, ids=lambda e: e.exam)
def test_impressions_add_no_figure_and_no_side(exam: Exam) -> None:
    for i, made in enumerate(composed(exam, 20, findings=3)):
        rng = random.Random(i)
        said = made.report.findings.lower()
        for text in [impression(rng, made, style) for style in STYLES]:
            content = re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE)
            for figure in re.findall(r"\d+\.\d+", content):
                assert figure in said, (figure, content)


def test_side_and_level_are_kept_by_say_where_the_template_can() -> None:
    exam = next(e for e in EXAMS if e.exam == "xr-chest")
    finding = next(f for f in exam.findings if "pneumothorax" in f.names)
    for i in range(200):
        made = compose(exam.model_copy(update={"findings": (finding,)}), random.Random(i), findings=1)
        for fact in made.facts:
            if fact.values.get("side") in ("left", "right"):
                text = say(random.Random(i), fact, finding.impression) or ""
                assert fact.values["side"] in text.lower()


def test_spoilt_texts_differ_from_the_good_one_and_name_their_faults() -> None:
    found = 0
    for exam in EXAMS:
        for i, made in enumerate(composed(exam, 10, findings=2)):
            for audience in ("draft", *AUDIENCES):
                spoilt = spoil(random.Random(i), made, audience, STYLES[0])
                if spoilt is None:
                    continue
                found += 1
                assert spoilt.draft != spoilt.good
                assert all(text in spoilt.draft for text in spoilt.wrong)
                assert all(text in made.report.findings for text in spoilt.missing)
    assert found > 100


def test_audience_texts_have_their_form() -> None:
    made = compose(EXAMS[0], random.Random(1), findings=3)
    assert all(line.startswith("- ") for line in audience_text(random.Random(1), made, "bullet").splitlines())
    assert not audience_text(random.Random(1), made, "brief").startswith("- ")


def test_denials_read_as_denials() -> None:
    for i in range(100):
        assert re.search(r"(?i)\b(no|not|negative|absent|without|free)\b", denial(random.Random(i), ["mass", "nodule"]))


def test_mess_masks_findings_and_targets_alike() -> None:
    masked = 0
    for i in range(200):
        made = compose(EXAMS[0], random.Random(i), findings=2)
        mess = draw_mess(random.Random(i), made)
        for word in mess.masked:
            masked += 1
            assert not re.search(rf"(?i)(?<![a-z]){word}(?![a-z])", mess.target(made.report.findings))
    assert masked > 10


def test_conversations_end_with_a_learned_turn() -> None:
    for i in range(50):
        turns = conversation(random.Random(i), EXAMS[i % len(EXAMS)])
        assert turns[-1].learned
        assert not turns[0].learned


WRIST = """
exam: toy
modality: XR
titles: [Radiograph]
indications: [pain]
normal_impression: [No fracture.]
otherwise: [Otherwise normal.]
normal_lay: [Your bones look normal.]
one_side: true
focuses: {wrist: [wrist], knee: [knee]}
level_rows: {levels: [L3-4, L4-5, L5-S1], normal: [Unremarkable.]}
regions: {bones: {normal: [The bones are intact.]}}
findings:
  - id: break
    region: bones
    significance: significant
    names: [fracture]
    sides: [left, right, bilateral]
    sites: [{name: distal radius, broad: wrist}, {name: patella, broad: knee}]
    findings: ["{side} {site} fracture."]
    impression: ["[{side}] [{broad}] fracture."]
    lay: ["A bone [in your {broad}] is broken."]
  - id: wear
    region: bones
    significance: incidental
    names: [arthrosis]
    sides: [left, right]
    sites: [{name: radiocarpal, broad: wrist}, {name: femorotibial, broad: knee}]
    findings: ["{side} {site} arthrosis."]
    impression: ["[{side}] arthrosis [of the {broad}]."]
    lay: ["A joint is worn."]
  - id: bulge
    region: bones
    significance: significant
    names: [bulge]
    levels: [L4-L5, L5-S1]
    findings: ["{level} disc bulge."]
    at_level: [Disc bulge.]
    impression: ["Disc bulge [at {level}]."]
    lay: ["A disc [at {level}] bulges."]
"""


def toy() -> list[Composed]:
    (exam,) = load_exams([("toy.yaml", WRIST)])
    return [compose(exam, random.Random(i), findings=3) for i in range(200)]


def test_one_examination_shows_one_part_of_the_body_and_mostly_one_side() -> None:
    mixed = 0
    for made in toy():
        parts = {fact.values["broad"] for fact in made.facts if "broad" in fact.values}
        assert len(parts) == 1
        sides = {fact.values["side"] for fact in made.facts if "side" in fact.values}
        mixed += len(sides) > 1
    assert 0 < mixed < 30


def test_rows_name_each_level_once_and_their_facts_keep_it() -> None:
    rows = [made for made in toy() if any(fact.row for fact in made.facts)]
    assert 60 < len(rows) < 140
    for made in rows:
        (fact,) = (fact for fact in made.facts if fact.row)
        assert re.search(rf"(^|At |\s){fact.values['level']}( -|:) Disc bulge\.", made.report.findings)
        assert made.report.findings.count(fact.values["level"]) == 1
        assert fact.values["level"] in ("L4-5", "L5-S1")
        assert fact.values["level"] in impression(random.Random(1), made, STYLES[0])


def test_a_denial_says_nothing_twice() -> None:
    for i in range(50):
        assert denial(random.Random(i), ["acute fracture", "fracture"]).lower().count("fracture") == 1
