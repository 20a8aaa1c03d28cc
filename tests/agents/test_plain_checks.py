"""Plain words of a patient's text stand for what the report says, or are refused by name."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml

from coarse2fine.agents import ALL_CHECKS
from coarse2fine.agents.plain_checks import PlainCheck, stands_for_something
from coarse2fine.agents.plain_words import line_of, plain_words
from coarse2fine.agents.source import Claim, source_of
from coarse2fine.agents.statements import parse
from coarse2fine.reports import Report, split_sentences

APPENDIX = Report(
    exam="CT abdomen and pelvis",
    findings="The appendix is dilated to 12 mm with stranding around it. A 7 mm appendicolith sits at its base. "
    "Both kidneys are normal. A trace of free fluid lies in the pelvis.",
)
SCAN = Report(
    exam="Whole body bone scan",
    findings="Several foci of intense uptake in the thoracic spine and left ribs, in keeping with metastases. "
    "Uptake in both knees is degenerative.",
)
PET = Report(exam="PET/CT", findings="No avid node. Incidental 4 mm calculus in the right kidney. 9 mm liver nodule.")
WRIST = Report(
    exam="XR right wrist",
    findings="Transverse fracture of the distal radius. Moderate degenerative change at the thumb base.",
)
CHEST = Report(
    exam="CT chest",
    findings="A 14 mm lymph node is seen in the anterior mediastinum. The lungs are clear. No pneumonia. "
    "Wedging of T12, age indeterminate. Linear scar in the left apex.",
)
TESTES = Report(exam="US scrotum", findings="The left testis shows no flow and a whirlpool of its cord. Right normal.")
WHITE = Report(exam="Chest X-ray", findings="New patchy opacity in the left lower zone. Effusion has resolved.")


def reason(claim: str, report: Report) -> str | None:
    """What the check finds wrong with one sentence."""
    (sentence,) = split_sentences(claim)
    fault = PlainCheck()(Claim(sentence, parse(sentence.text)), source_of(report))
    return fault and fault.reason


@pytest.mark.parametrize(
    ("report", "claim", "wrong"),
    [
        (APPENDIX, "A small stone is stuck in the tube that drains the kidney.", "tube that drains the kidney"),
        (APPENDIX, "There is a small stone in the left kidney.", "no stone in the left kidney"),
        (SCAN, "The bone scan shows a growth in the bone on both knees.", "no growth in the knees"),
        (PET, "There is a small benign lump in the right kidney.", "in the right kidney"),
        (WRIST, "The bones of the thumb show a long-term bone, called emphysema.", "no emphysema"),
        (CHEST, "There is a spot in the breastbone.", "does not speak of the breastbone"),
        (CHEST, "There is fluid around the left lung.", "no fluid around the left lung"),
        (CHEST, "You have an infection.", "no infection"),
        (CHEST, "The broken back bone is an emergency.", "no emergency"),
        (TESTES, "The right testicle is twisted.", "no twisted in the right testicle"),
        (WHITE, "There is a blood clot in the left lung.", "no blood clot"),
        (WHITE, "There is an infection in the left lung.", "no infection"),
    ],
)
def test_what_stands_for_nothing_is_refused_by_name(report: Report, claim: str, wrong: str) -> None:
    found = reason(claim, report)
    assert found is not None
    assert found.startswith("plain words: the report ")
    assert wrong in found


@pytest.mark.parametrize(
    ("report", "claim"),
    [
        (APPENDIX, "A small stone lies inside the appendix."),
        (APPENDIX, "The appendix is swollen and inflamed."),
        (APPENDIX, "There is a little fluid in the pelvis."),
        (SCAN, "The cancer has spread to the bones of the spine and the ribs."),
        (SCAN, "There is wear in both knees."),
        (PET, "There is a small stone in the right kidney."),
        (PET, "A small lump was found in the liver."),
        (WRIST, "One of the forearm bones is broken near the wrist."),
        (WRIST, "The joint at the base of the thumb is worn."),
        (CHEST, "There is a lymph node in the middle of the chest."),
        (CHEST, "There is a scar at the top of the left lung."),
        (TESTES, "The left testicle is twisted."),
        (WHITE, "There is a cloudy area in the lower left lung."),
    ],
)
def test_what_stands_for_something_passes(report: Report, claim: str) -> None:
    assert reason(claim, report) is None


def test_a_hedge_may_conclude_what_an_assertion_may_not() -> None:
    assert reason("The cloudy area in the left lung may be an infection.", WHITE) is None
    assert reason("There is an infection in the left lung.", WHITE) is not None


def test_what_has_gone_may_be_named() -> None:
    assert reason("The fluid around the lung is gone.", WHITE) is None
    assert reason("There is fluid around the lung.", WHITE) is not None


@pytest.mark.parametrize("claim", ["There is no stone in the gallbladder.", "The womb is normal.", "Acute infection."])
def test_denials_normal_organs_and_dictated_notes_are_left_to_other_checks(claim: str) -> None:
    assert reason(claim, CHEST) is None


def test_what_the_report_denies_is_not_said_by_it() -> None:
    assert reason("There is pneumonia in the left lung.", CHEST) is not None


def test_british_spelling_is_the_same_word() -> None:
    report = Report(exam="CT head", findings="There is a haemorrhage in the left thalamus.")
    assert reason("There is bleeding in the brain.", report) is None
    assert reason("There is a tumour in the brain.", report) is not None


def test_a_text_is_true_where_each_of_its_sentences_is() -> None:
    source = source_of(APPENDIX)
    assert stands_for_something("The appendix is swollen. A stone lies in the appendix.", source)
    assert not stands_for_something("The appendix is swollen. The womb is swollen.", source)


def test_the_longest_expression_counts() -> None:
    found = list(plain_words().find(line_of("There is fluid around the left lung and a lump in the lower back.")))
    assert [(s.word.kind, s.beside) for s in found] == [("thing", False), ("thing", False), ("place", False)]


def test_the_check_is_one_of_all() -> None:
    assert "plain" in [check.name for check in ALL_CHECKS]


def test_the_glossary_says_nothing_twice() -> None:
    text = (files("coarse2fine.agents") / "lexicon" / "plain_words.yaml").read_text("utf-8")
    table = yaml.safe_load(text)
    every = [phrase for key in ("places", "qualities", "things") for entry in table[key] for phrase in entry["say"]]
    assert len(every) > 1000
    assert len(every) == len(set(every))
