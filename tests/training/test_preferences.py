"""Hand-written feedback made into pairs, rated texts, prompts, and refusals with their reasons."""

from __future__ import annotations

from typing import Any

import pytest

from coarse2fine.agents import Critic
from coarse2fine.reports import Feedback
from coarse2fine.serving import ScriptedNLI
from coarse2fine.training.preferences import Preferences, preferences, split_feedback

FINDINGS = "There is a small right pneumothorax. No rib fracture. The heart is normal in size."
NUMBERED, BULLET = "1. Small right pneumothorax.\n2. No rib fracture.", "- Small right pneumothorax."


def record(record_id: str, findings: str = FINDINGS, **fields: Any) -> Feedback:
    report = {"id": f"e{record_id}", "findings": findings}
    return Feedback.model_validate({"id": record_id, "radiologist": "r1", "report": report, "text": NUMBERED, **fields})


def made(*records: Feedback, entails: float = 1.0) -> Preferences:
    return preferences(records, Critic(ScriptedNLI(entails)))


def reasons(found: Preferences) -> list[tuple[str, str]]:
    return [(refused.feedback_id, refused.reason) for refused in found.refused]


def test_a_style_edit_is_a_pair_and_two_rated_texts() -> None:
    found = made(record("a", edited=BULLET))
    (pair,) = found.style_pairs
    assert (pair.chosen, pair.rejected, pair.why) == (BULLET, NUMBERED, "edit")
    assert [(row.text, row.desirable) for row in found.rated] == [(NUMBERED, False), (BULLET, True)]
    assert reasons(found) == []


def test_an_edit_of_facts_trains_no_style_and_is_kept_apart() -> None:
    found = made(record("a", edited=NUMBERED.replace("right", "left")))
    assert (found.pairs, found.rated) == ((), ())
    assert found.fact_edits[0].changes[0].after == "Small left pneumothorax."
    assert reasons(found) == [("a", "an edit of facts trains no style")]


def test_a_mended_fact_is_for_the_reward_model_alone() -> None:
    wrong = "1. Small left pneumothorax."
    found = made(record("a", text=wrong, edited=BULLET))
    (pair,) = found.pairs
    assert (pair.chosen, pair.rejected, pair.facts) == (BULLET, wrong, True)
    assert found.style_pairs == ()
    assert found.rated == ()


def test_a_better_rated_text_is_preferred_to_a_worse_rated_one() -> None:
    found = made(
        record("a", text=BULLET, rating="positive"),
        record("b", text=NUMBERED, rating="negative"),
        record("c", text="Small pneumothorax on the right. No rib fracture.", rating="neutral"),
    )
    assert [(p.feedback_id, p.chosen, p.rejected[:8]) for p in found.style_pairs] == [
        ("a", BULLET, "1. Small"),
        ("a", BULLET, "Small pn"),
        ("c", "Small pneumothorax on the right. No rib fracture.", "1. Small"),
    ]
    assert [(row.text == BULLET, row.desirable) for row in found.rated] == [(True, True), (False, False)]
    assert reasons(found) == [("c", "neither wanted nor unwanted")]


def test_ratings_of_different_requests_or_radiologists_make_no_pair() -> None:
    positive = record("a", text=BULLET, rating="positive")
    others = [
        record("b", rating="negative", radiologist="r2"),
        record("c", rating="negative", words=20),
        record("d", rating="negative", audience="bullet", draft=NUMBERED),
    ]
    assert all(made(positive, other).pairs == () for other in others)


def test_a_preferred_text_that_is_less_supported_is_refused() -> None:
    vague = "Post-surgical change of the chest wall."
    kept = record("a", text=f"{BULLET}\n- No rib fracture.\n- {vague}", edited=f"{BULLET}\n- {vague}")
    found = made(kept, entails=0.0)
    assert (found.pairs, found.rated) == ((), ())
    assert reasons(found) == [("a", "the critic supports the edited text less than the shown one")]


def test_a_wanted_text_that_is_not_supported_is_refused_and_a_wrong_one_says_nothing_of_style() -> None:
    wrong = "1. Small left pneumothorax."
    found = made(record("a", text=wrong, rating="positive"), record("b", text=wrong, rating="negative"))
    assert found.rated == ()
    assert [reason.split(":")[0] for _, reason in reasons(found)[:2]] == [
        "the critic does not support the wanted text",
        "the critic finds its facts wrong",
    ]


def test_a_text_for_an_audience_needs_its_draft() -> None:
    found = made(record("a", audience="bullet", edited=BULLET))
    assert reasons(found) == [("a", "the draft that it was made of is not known")]
    assert found.asked == ()
    (pair,) = made(record("a", audience="bullet", draft="Pneumothorax.", edited=BULLET)).style_pairs
    assert (pair.asked.audience, pair.asked.draft) == ("bullet", "Pneumothorax.")


def test_prompts_come_once() -> None:
    found = made(record("a", edited=BULLET), record("b", rating="positive"), record("c", rating="positive", words=9))
    assert [(asked.wish.words, asked.report.findings) for asked in found.asked] == [(None, FINDINGS), (9, FINDINGS)]


def test_counts_name_every_refusal() -> None:
    counts = made(record("a", edited=NUMBERED), record("b", edited=BULLET)).counts()
    assert (counts["style pairs"], counts["refused: the edit changes nothing"], counts["prompts"]) == (1, 1, 1)


# ------------------------------------------------------------------------------------------------------- held out
def test_findings_stand_on_one_side_of_the_split_only() -> None:
    records = [record(f"{n}{k}", findings=f"Nodule {n}.", edited=BULLET) for n in range(10) for k in "ab"]
    learnt, held = split_feedback(records, 0.3, seed=1)
    assert (len(learnt), len(held)) == (14, 6)
    assert not {r.report.findings for r in learnt} & {r.report.findings for r in held}
    assert split_feedback(records[::-1], 0.3, seed=1)[1] == held[::-1]
    assert split_feedback(records, 0.3, seed=2)[1] != held


@pytest.mark.parametrize(("number", "share", "held"), [(1, 0.2, 0), (2, 0.2, 1), (3, 0.0, 0), (3, 0.9, 2)])
def test_something_is_always_left_to_learn_from(number: int, share: float, held: int) -> None:
    records = [record(str(n), findings=f"Nodule {n}.", edited=BULLET) for n in range(number)]
    assert len(split_feedback(records, share, seed=1)[1]) == held
