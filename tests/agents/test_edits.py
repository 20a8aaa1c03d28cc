"""Edits taken apart: style where both texts are proven alike, facts where they are not."""

from __future__ import annotations

import pytest

from coarse2fine.agents import Critic
from coarse2fine.agents.edits import split_edit, support_share
from coarse2fine.reports import Report
from coarse2fine.serving import ScriptedNLI

REPORT = Report(
    exam="CT chest",
    findings=(
        "A 12 mm nodule is seen in the right upper lobe. A 4 mm nodule in the left lower lobe. Small left pleural "
        "effusion. Mild cardiomegaly. No pneumothorax. Degenerative changes of the spine at T8-T9."
    ),
    id="e1",
)
SHOWN = "1. 12 mm right upper lobe nodule.\n2. Small left pleural effusion.\n3. No pneumothorax."


def overlap(premise: str, hypothesis: str) -> float:
    """Stands for an NLI model: proven where the words are there."""
    said = {word.strip(".,").casefold() for word in hypothesis.split()}
    return float(said <= {word.strip(".,").casefold() for word in premise.split()})


@pytest.fixture(scope="module")
def critic() -> Critic:
    return Critic(ScriptedNLI(overlap))


@pytest.mark.parametrize(
    "edited",
    [
        "- 12 mm right upper lobe nodule.\n- Small left pleural effusion.\n- No pneumothorax.",
        "Small left pleural effusion. 12 mm right upper lobe nodule. No pneumothorax.",
        "1. 12 mm right upper lobe nodule.\n2. Small left pleural effusion.",
        SHOWN + "\n4. Degenerative changes of the spine.",
        "1. Right upper lobe nodule measuring 12 mm.\n2. There is a small pleural effusion on the left.\n"
        "3. No pneumothorax.",
    ],
    ids=["list marks", "order", "shorter", "longer", "wording"],
)
def test_edits_of_style(critic: Critic, edited: str) -> None:
    edit = split_edit(critic, REPORT, SHOWN, edited)
    assert edit.kind == "style", edit.changes
    assert support_share(edit.after) == 1.0


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        (SHOWN.replace("left pleural", "right pleural"), "side"),
        (SHOWN.replace("12 mm", "14 mm"), "measurement"),
        (SHOWN.replace("Small left", "Large left"), "severity"),
        (SHOWN.replace("No pneumothorax", "Small pneumothorax"), "negation"),
        (SHOWN + "\n4. Degenerative changes at T10-T11.", "level"),
        (SHOWN + "\n4. Suspicious for lung cancer.", "invention"),
        (SHOWN + "\n4. Mass in the left breast.", "unsupported"),
        ("1. 12 mm right upper lobe nodule.\n3. No pneumothorax.", "significant finding is dropped"),
    ],
    ids=lambda value: value if len(value) < 40 and "." not in value else "",
)
def test_edits_of_facts(critic: Critic, edited: str, reason: str) -> None:
    edit = split_edit(critic, REPORT, SHOWN, edited)
    assert edit.kind == "fact"
    assert any(reason in why for change in edit.changes if change.kind == "fact" for why in change.reasons), (
        edit.changes
    )


def test_an_error_that_the_radiologist_mends_is_an_edit_of_facts(critic: Critic) -> None:
    edit = split_edit(critic, REPORT, SHOWN.replace("left pleural", "right pleural"), SHOWN)
    (change,) = (c for c in edit.changes if c.before)
    assert change.kind == "fact"
    assert change.reasons[0].startswith("what was there is contradicted: side")


def test_two_proven_sentences_that_contradict_each_other(critic: Critic) -> None:
    report = Report(findings="A 5 mm nodule in the right lung. A 9 mm nodule in the right lung.")
    edit = split_edit(critic, report, "5 mm nodule in the right lung.", "9 mm nodule in the right lung.")
    assert edit.kind == "fact"
    assert "before and after differ" in edit.changes[0].reasons[0]


def test_no_edit(critic: Critic) -> None:
    assert split_edit(critic, REPORT, SHOWN, f"  {SHOWN}\n").kind == "none"


def test_a_change_names_both_sentences(critic: Critic) -> None:
    edit = split_edit(critic, REPORT, "Small left pleural effusion.", "Left pleural effusion, small.")
    (change,) = edit.changes
    assert (change.before, change.after) == ("Small left pleural effusion.", "Left pleural effusion, small.")
    assert change.reasons == ("wording",)
