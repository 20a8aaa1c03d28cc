"""The feedback store, and what the review of a run leaves in it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from coarse2fine import Report, build_graph
from coarse2fine.agents import Critic
from coarse2fine.graph import FeedbackStore
from coarse2fine.graph.feedback_store import Judgement
from coarse2fine.reports import Feedback
from coarse2fine.serving import ScriptedNLI

EFFUSION = "Small left pleural effusion."
THREAD: Any = {"configurable": {"thread_id": "t1"}}


def record(record_id: str, radiologist: str = "r1", day: int = 1, **fields: Any) -> Feedback:
    values = {"rating": "positive", "created": f"2026-11-{day:02}T08:00:00Z", **fields}
    report = {"id": "e1", "findings": EFFUSION}
    return Feedback.model_validate(
        {"id": record_id, "radiologist": radiologist, "report": report, "text": "Effusion.", **values}
    )


@pytest.fixture
def store(tmp_path: Path) -> FeedbackStore:
    return FeedbackStore(tmp_path / "feedback.sqlite")


def test_what_is_added_is_listed_oldest_first(store: FeedbackStore) -> None:
    records = [record("b", day=2), record("a", day=1), record("c", "r2", day=3)]
    assert store.add(records) == (3, 0, ())
    assert [r.id for r in store.list()] == ["a", "b", "c"]
    assert [r.id for r in store.list(most=2)] == ["b", "c"]
    assert store.list("r2") == [records[2]]


def test_adding_again_changes_nothing(store: FeedbackStore) -> None:
    store.add([record("a")])
    assert store.add([record("a"), record("b")]) == (1, 1, ())


def test_an_id_that_stands_for_another_record_is_named_and_the_first_stays(store: FeedbackStore) -> None:
    store.add([record("a")])
    assert store.add([record("a", rating="negative"), record("b")]) == (1, 0, ("a",))
    assert [r.rating for r in store.list()] == ["positive", "positive"]


def test_forgetting_leaves_no_text_in_the_file(store: FeedbackStore) -> None:
    store.add([record("a", edited="Zyxic effusion."), record("b", "r2")])
    assert store.forget("r1") == 1
    assert [r.id for r in store.list()] == ["b"]
    assert all(b"Zyxic" not in path.read_bytes() for path in store.path.parent.glob("feedback.sqlite*"))


def test_the_file_is_its_owners_and_reading_makes_none(store: FeedbackStore) -> None:
    assert store.list() == []
    assert store.forget("r1") == 0
    assert not store.path.exists()
    store.add([record("a")])
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


# ------------------------------------------------------------------------------------------------------------ review
def reviewed(scripted: Any, prompts: Any, store: FeedbackStore | None, **answer: Any) -> Any:
    chat, _ = scripted(draft=[EFFUSION])
    report = Report(
        exam="Chest radiograph", findings=f"There is a {EFFUSION.lower()} No pneumothorax.", id="e1", radiologist="r9"
    )
    graph = build_graph(
        chat,
        ScriptedNLI(),
        prompts,
        audiences=["brief"],
        words=40,
        review=True,
        checkpointer=InMemorySaver(),
        trace_store=None,
        feedback_store=store,
    )
    graph.invoke({"report": report}, THREAD)
    return graph.invoke(Command(resume=answer), THREAD)


def test_an_edit_in_a_review_is_kept(scripted: Any, prompts: Any, store: FeedbackStore) -> None:
    texts = {"brief": "Small right effusion.", "draft": "There is a small left pleural effusion."}
    out = reviewed(scripted, prompts, store, action="edit", texts=texts)
    draft, brief = sorted(store.list(), key=lambda found: found.audience, reverse=True)
    assert (draft.audience, draft.text, draft.draft, draft.edited) == ("draft", EFFUSION, "", texts["draft"])
    assert (brief.text, brief.draft, brief.edited) == (EFFUSION, EFFUSION, texts["brief"])
    assert (brief.radiologist, brief.words, brief.trace_id) == ("r9", 40, out["result"].trace_id)
    assert (brief.report.id, brief.report.radiologist) == ("e1", None)


@pytest.mark.parametrize("answer", [{"action": "accept"}, {"action": "reject"}])
def test_without_an_edit_nothing_is_kept(scripted: Any, prompts: Any, store: FeedbackStore, answer: Any) -> None:
    reviewed(scripted, prompts, store, **answer)
    assert store.list() == []


def test_an_edit_that_changes_nothing_is_not_kept(scripted: Any, prompts: Any, store: FeedbackStore) -> None:
    reviewed(scripted, prompts, store, action="edit", texts={"brief": EFFUSION})
    assert store.list() == []


def test_a_store_that_cannot_be_written_does_not_lose_the_run(scripted: Any, prompts: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    broken = FeedbackStore(tmp_path / "file" / "feedback.sqlite")
    out = reviewed(scripted, prompts, broken, action="edit", texts={"brief": "Effusion."})
    assert "the edits could not be kept" in out["result"].warnings[0]
    assert out["result"].impressions["brief"].text == "Effusion."


def test_what_a_critic_says_of_an_edit_is_kept_and_goes_with_it(store: FeedbackStore) -> None:
    critique = Critic(ScriptedNLI(0.0)).critique(Report(findings=EFFUSION), "Zyxic effusion.")
    store.add([record("a", edited="Zyxic effusion."), record("b", "r2", edited="Effusion.")])
    for name in ("a", "b", "gone"):
        store.keep_judgement(name, Judgement("scripted", critique))
    assert store.judgements(["a", "b", "gone", "c"]) == dict.fromkeys("ab", Judgement("scripted", critique))
    store.forget("r1")
    assert list(store.judgements(["a", "b"])) == ["b"]
    store.forget("r2")
    assert all(b"Zyxic" not in path.read_bytes() for path in store.path.parent.glob("feedback.sqlite*"))
    assert FeedbackStore(store.path.parent / "none.sqlite").judgements(["a"]) == {}
