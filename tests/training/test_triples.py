import random
import re
from collections import Counter

import pytest

from coarse2fine.reports import split_sentences
from coarse2fine.training.corpus.compose import compose
from coarse2fine.training.corpus.knowledge import Exam, Finding, load_exams
from coarse2fine.training.corpus.nli_case import Background, Case, Said, present
from coarse2fine.training.corpus.nli_noise import Pairing, disturb
from coarse2fine.training.corpus.nli_refuted import (
    CHANGES,
    CONTRADICTED,
    SEVERITIES,
    class_of,
    with_value,
)
from coarse2fine.training.corpus.nli_supported import SUPPORTED
from coarse2fine.training.corpus.nli_unsaid import UNSAID
from coarse2fine.training.corpus.triples import SHORT_REPORT, Triple, premise, triples

SOURCE = """
exam: xr-test
modality: XR
titles: [XR TEST]
indications: [cough]
normal_impression: [No acute abnormality., Normal examination.]
otherwise: [Otherwise normal.]
normal_lay: [Your test looks normal.]
regions:
  lungs:
    normal: ["The lungs are clear.", "(Lung|Pulmonary) fields are clear bilaterally."]
  pleura:
    normal: ["No pleural effusion [or pneumothorax].", "The pleural spaces are unremarkable."]
  bones:
    normal: ["The bones are intact.", "Osseous structures are unremarkable."]
findings:
  - id: nodule
    region: lungs
    significance: significant
    names: [pulmonary nodule, nodule]
    sides: [left, right]
    severities: [small, large]
    sites: [upper lobe, lower lobe]
    size: {unit: mm, low: 3, high: 30}
    changes: [new, unchanged]
    findings: ["There is {a} [{change}] [{sev}] [{size}] nodule{s} in the {side} {site}."]
    impression: ["[{change}] [{sev}] [{size}] {side} [{site}] (nodule|pulmonary nodule).", "Pulmonary nodule."]
    lay: ["There is a [{sev}] spot in the [{side_lay}] lung [{site}] [of {size}]."]
    deny: [nodule]
    deny_lay: [spot in the lung]
  - id: effusion
    region: pleura
    significance: critical
    names: [pleural effusion, effusion]
    sides: [left, right, bilateral]
    severities: [small, moderate, large]
    findings: ["[{sev}] {side} pleural effusion{s} (seen|noted)."]
    impression: ["[{sev}] [{side}] effusion{s}."]
    lay: ["There is fluid around [{side_lay}] lung{s}."]
    deny: [effusion, pleural effusion]
    deny_lay: [fluid around the lungs]
  - id: fracture
    region: bones
    significance: significant
    names: [rib fracture, fracture]
    sides: [left, right]
    levels: [third, fourth, fifth]
    findings: ["(Acute|Old) fracture of the {side} {level} rib."]
    impression: ["(Rib fracture|Fracture) [of the {side} {level} rib]."]
    lay: ["A rib is broken."]
    deny: [fracture]
    deny_lay: [broken rib]
"""


@pytest.fixture(scope="module")
def exam() -> Exam:
    return load_exams([("test.yaml", SOURCE)])[0]


@pytest.fixture(scope="module")
def background(exam: Exam) -> Background:
    return Background(exam)


@pytest.fixture(scope="module")
def many(background: Background) -> list[Triple]:
    rng = random.Random(7)
    return [triple for _ in range(150) for triple in triples(rng, background)]


def cases(background: Background, number: int = 60, findings: int | None = 2) -> list[Case]:
    rng = random.Random(3)
    return [Case(rng, background, compose(background.exam, rng, findings)) for _ in range(number)]


def made_by(makers: object, kind: str, background: Background) -> list[tuple[Case, Said]]:
    found = []
    for case in cases(background):
        for maker in makers:  # type: ignore[attr-defined]
            said = maker(case)
            if said is not None and said.kind == kind:
                found.append((case, said))
    assert found, f"nothing of the kind {kind}"
    return found


def test_same_seed_same_triples(background: Background, exam: Exam) -> None:
    first = list(triples(random.Random(5), background))
    again = list(triples(random.Random(5), Background(exam)))
    assert first == again
    assert first != list(triples(random.Random(6), background))


def test_half_of_the_claims_are_supported(many: list[Triple]) -> None:
    labels = Counter(t.label for t in many)
    assert 0.4 < labels["entailment"] / len(many) < 0.6
    assert min(labels["neutral"], labels["contradiction"]) / len(many) > 0.12


def test_no_kind_dominates(many: list[Triple]) -> None:
    kinds = Counter(t.kind for t in many)
    assert len(kinds) > 20
    assert max(kinds.values()) / len(many) < 0.25


def test_no_placeholder_or_empty_text_is_left(many: list[Triple]) -> None:
    for triple in many:
        assert triple.premise.strip()
        assert triple.hypothesis.strip()
        assert not re.search(r"[{}|\[\]]|  ", triple.premise + triple.hypothesis)


def test_hypotheses_of_one_report_differ(background: Background) -> None:
    found = list(triples(random.Random(9), background, 12))
    raw = [t.hypothesis for t in found if t.kind != "other word"]
    assert len(raw) == len(set(raw))


def test_a_verbatim_claim_stands_in_the_report(background: Background) -> None:
    for case, said in made_by(SUPPORTED, "verbatim", background):
        assert said.text.rstrip(".").lower() in case.text.lower()


def test_a_supported_wording_says_only_what_the_fact_says(background: Background) -> None:
    for case, said in made_by(SUPPORTED, "impression", background):
        words = r"\b(?:left|right|bilateral|large|small|moderate|new|unchanged|\d+)\b"
        for value in re.findall(words, said.text.lower()):
            assert value in said.needs[0].lower(), (said, case.text)


def test_a_changed_side_is_the_other_side(background: Background) -> None:
    for _, said in made_by(CONTRADICTED, "side", background):
        here = set(re.findall(r"\b(left|right)\b", said.text.lower()))
        there = set(re.findall(r"\b(left|right)\b", said.needs[0].lower()))
        assert len(here) == len(there) == 1
        assert here != there


def test_a_changed_severity_is_of_another_class(background: Background) -> None:
    for _, said in made_by(CONTRADICTED, "severity", background):
        words = re.compile(r"\b(small|mild|minimal|tiny|moderate|large|severe|marked|extensive)\b")
        here, there = words.search(said.text.lower()), words.search(said.needs[0].lower())
        assert here is not None
        assert there is not None
        assert class_of(here.group(), SEVERITIES) != class_of(there.group(), SEVERITIES)


def test_a_changed_change_is_another_one(background: Background) -> None:
    for _, said in made_by(CONTRADICTED, "change", background):
        before = {class_of(w, CHANGES) for w in re.findall(r"[a-z]+", said.needs[0].lower())} - {None}
        after = {class_of(w, CHANGES) for w in re.findall(r"[a-z]+", said.text.lower())} - {None}
        assert after
        assert not before & after


def test_a_changed_number_is_not_in_the_sentence(background: Background) -> None:
    for _, said in made_by(CONTRADICTED, "number", background):
        found = re.search(r"\d+(?:\.\d+)? ?(?:mm|cm)", said.text)
        assert found is not None
        assert found.group() not in said.needs[0]


def test_a_converted_number_is_the_same_length(background: Background) -> None:
    def millimetres(text: str) -> float:
        found = re.search(r"(\d+(?:\.\d+)?) ?(mm|cm)", text)
        assert found is not None
        return float(found[1]) * (10 if found[2] == "cm" else 1)

    for _, said in made_by(SUPPORTED, "converted", background):
        assert millimetres(said.text) == pytest.approx(millimetres(said.needs[0]))


def _named(text: str, finding: Finding) -> bool:
    return present(text, finding) or any(phrase in text.lower() for phrase in finding.deny_lay)


def test_a_negated_claim_denies_what_is_there(background: Background) -> None:
    for case, said in made_by(CONTRADICTED, "negated", background):
        assert re.search(r"(?i)\b(no|not|negative|without|free|absent)\b", said.text)
        denied = [f.finding for f in case.facts if _named(said.text, f.finding)]
        assert denied


def test_the_own_sentence_with_a_no_before_it(background: Background) -> None:
    made = [said for m in CONTRADICTED if m.__name__ == "_negated_words" for c in cases(background) if (said := m(c))]
    assert made
    for said in made:
        assert re.match(r"(There is no|No) ", said.text)
        assert said.text.split()[-1] in said.needs[0]


def test_what_a_normal_sentence_leaves_no_room_for(background: Background) -> None:
    for _, said in made_by(CONTRADICTED, "against normal", background):
        assert "fracture" in said.text.lower() or "effusion" in said.text.lower()
        assert re.search(r"(?i)bones|osseous|pleural", said.needs[0])
    for _, said in made_by(SUPPORTED, "implied denial", background):
        assert re.search(r"(?i)\b(no|negative|without|free|not|absent)\b", said.text)


def test_an_asserted_claim_speaks_of_what_is_denied(background: Background) -> None:
    for case, said in made_by(CONTRADICTED, "asserted", background):
        assert said.needs[0] in [where for _, _, where in case.denied]
        assert not re.match(r"(?i)no\b", said.text)


def test_an_invented_finding_is_nowhere_in_the_report(background: Background) -> None:
    for case, said in made_by(UNSAID, "invention", background):
        assert not any(present(said.text, fact.finding) for fact in case.facts)
        spoken = [f for f in case.exam.findings if present(said.text, f)]
        assert not any(present(case.text, f) for f in spoken)


def test_an_invention_against_a_normal_region_is_a_contradiction(background: Background) -> None:
    labels = Counter(said.label for _, said in made_by(UNSAID, "invention", background))
    assert labels["contradiction"]
    for _, said in made_by(UNSAID, "invention", background):
        assert (said.label == "contradiction") == bool(said.needs)


def test_an_added_severity_is_not_said(background: Background) -> None:
    for _, said in made_by(UNSAID, "added sev", background):
        added = re.findall(r"\b(?:small|moderate|large)\b", said.text.lower())
        assert added
        assert not set(added) & set(said.needs[0].lower().split())


def test_a_normal_impression_only_where_nothing_serious_is_found(background: Background) -> None:
    makers = [m for m in SUPPORTED if m.__name__ == "_sweeping"]
    normal = [maker(case) for maker in makers for case in cases(background, 30, 0)]
    assert any(normal)
    assert not any(maker(case) for maker in makers for case in cases(background, 30, 2))


def test_with_value_says_the_value(background: Background) -> None:
    for case in cases(background, 20):
        fact = case.any_fact("side")
        if fact is not None and (text := with_value(case, fact, "side", "right")):
            assert "right" in text.lower()
            assert "left" not in text.lower()


def test_the_premise_holds_what_decides(background: Background) -> None:
    for case, said in [*made_by(SUPPORTED, "joined", background), *made_by(CONTRADICTED, "severity", background)]:
        made = premise(case, said)
        assert all(piece in made for piece in said.needs)
        assert all(s.text in case.text for s in split_sentences(made))


def test_the_premise_is_short_and_in_report_order(background: Background) -> None:
    for case in cases(background, 40):
        made = premise(case, Said("Small left effusion.", "invention"))
        assert len(made.split()) <= SHORT_REPORT
        positions = [case.text.find(s.text) for s in split_sentences(made)]
        assert positions == sorted(positions)


def test_an_exchanged_word_is_exchanged_on_both_sides_or_unsupported(background: Background) -> None:
    case = cases(background, 1)[0]
    pair = Pairing("Small left pleural effusion noted.", "Small left pleural effusion.", "entailment", "impression")
    seen = Counter()
    for _ in range(400):
        made = disturb(case, pair)
        unlike = set(re.findall(r"\w+", made.hypothesis.lower())) - set(re.findall(r"\w+", made.premise.lower()))
        if made.kind == "other word":
            seen["alone"] += 1
            assert made.label == "neutral"
            assert unlike
        else:
            seen["both"] += "pleural effusion" not in made.hypothesis.lower()
            assert made.label == "entailment"
    assert seen["alone"]
    assert seen["both"]
