"""Reports written by hand: read strictly, labelled as told, and taught to critic and nano."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from coarse2fine.reports import InputError, split_sentences
from coarse2fine.training.corpus.rows import written_conversation
from coarse2fine.training.corpus.written import (
    Written,
    read_written,
    spoil_written,
    style_of,
    written,
    written_triples,
)

LINE = (
    '{"exam": "CT", "findings": "Dilated appendix with stranding. No free air. Small left renal cyst.", '
    '"impression": "Acute appendicitis. Renal cyst.", "brief": "Your appendix is inflamed.", '
    '"bullet": "- Acute appendicitis.\\n- Renal cyst.", "claims": [["Acute appendicitis.", "e", "conclusion"], '
    '["Right renal cyst.", "c", "side"], ["Appendiceal abscess.", "n", "overreach"]]}'
)


def toy() -> Written:
    (report,) = read_written("toy.jsonl", LINE)
    return report


def test_a_bad_line_is_named() -> None:
    with pytest.raises(InputError, match=r"toy\.jsonl, line 2"):
        list(read_written("toy.jsonl", LINE + '\n{"exam": "CT"}'))
    with pytest.raises(InputError, match="claims"):
        list(read_written("toy.jsonl", LINE.replace('"e"', '"yes"')))


def test_claims_become_triples_on_the_nearest_evidence() -> None:
    conclusion, side, over = written_triples(toy())
    assert (conclusion.label, side.label, over.label) == ("entailment", "contradiction", "neutral")
    assert "Small left renal cyst." in side.premise


def test_a_spoilt_text_names_what_is_wrong_and_what_is_missing() -> None:
    seen = set()
    for i in range(40):
        spoilt = spoil_written(random.Random(i), toy(), toy().impression)
        if spoilt is None:
            continue
        assert all(text in spoilt.text for text in spoilt.wrong)
        assert set(spoilt.wrong) <= {"Right renal cyst.", "Appendiceal abscess."}
        assert len(spoilt.missing) < 2
        seen.add((bool(spoilt.wrong), bool(spoilt.missing)))
    assert seen == {(True, True), (True, False), (False, True)}
    assert spoil_written(random.Random(1), toy(), toy().bullet) is None


def test_conversations_teach_the_written_texts() -> None:
    for i in range(30):
        turns = written_conversation(random.Random(i), toy())
        learned = {turn.text for turn in turns if turn.learned}
        assert learned <= {toy().impression, toy().brief, toy().bullet}
        assert learned


@pytest.mark.parametrize(
    ("impression", "wanted"),
    [
        ("1. Left lung pneumonia.\n2. Old granuloma.", "numbered terse importance negatives none incidentals all"),
        ("Left lower lobe pneumonia. No effusion.", "prose terse importance negatives last incidentals drop"),
        ("No effusion. Left lower lobe pneumonia.", "prose terse importance negatives first incidentals drop"),
        ("- Pneumonia.\n- Otherwise normal chest.", "dashes terse importance negatives none incidentals drop"),
    ],
)
def test_a_style_is_read_off_what_an_impression_keeps(impression: str, wanted: str) -> None:
    report = toy().model_copy(
        update={
            "exam": "XR CHEST",
            "findings": "Consolidation in the left lower lobe. Calcified granuloma in the right apex. No effusion.",
            "impression": impression,
        }
    )
    assert style_of(random.Random(0), report).startswith(wanted)
    assert style_of(random.Random(0), report).endswith("closing") == ("Otherwise" in impression)


def test_what_a_report_gives_no_occasion_for_is_drawn() -> None:
    report = toy().model_copy(update={"findings": "Large left effusion.", "impression": "Large left effusion."})
    asked = {style_of(random.Random(i), report) for i in range(40)}
    assert {words.split()[0] for words in asked} == {"prose", "numbered"}
    assert {words.split("incidentals ")[1].split()[0] for words in asked} == {"drop", "some", "all"}


def test_what_ships_is_whole() -> None:
    reports = written()
    assert len(reports) >= 150
    assert len({report.findings for report in reports}) == len(reports)
    for report in reports:
        assert {claim.label for claim in report.claims} >= {"e"}, report.findings[:80]
        assert all(claim.text.strip() for claim in report.claims)


@pytest.mark.parametrize("part", ["dev", "test"])
def test_what_teaches_the_models_stands_in_no_benchmark(part: str) -> None:
    lines = (Path(__file__).parents[2] / "evals" / "claims" / f"{part}.jsonl").read_text("utf-8").splitlines()
    judged = {json.loads(line)["findings"].casefold() for line in lines}
    assert len(judged) > 40
    assert not judged & {report.findings.casefold() for report in written()}


def test_no_report_of_a_published_data_set_is_among_them() -> None:
    folder = Path(__file__).parents[3] / "shared" / "data" / "openi"
    if not folder.is_dir():
        pytest.skip("Open-I is not beside this repository: nothing to compare with")
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    published = {sentence for line in lines for sentence in long_sentences(json.loads(line)["inputs"])}
    assert published
    taken = [s for report in written() for s in long_sentences(report.findings) if s in published]
    assert not taken


def long_sentences(text: str) -> set[str]:
    """Sentences of at least eight words, in lower case and without punctuation."""
    plain = (re.sub(r"\W+", " ", sentence.text.lower()).strip() for sentence in split_sentences(text))
    return {sentence for sentence in plain if len(sentence.split()) >= 8}
