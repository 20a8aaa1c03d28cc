from __future__ import annotations

import logging
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command

from coarse2fine import Report, build_graph
from coarse2fine.graph import checkpoint_serializer
from coarse2fine.reports import InputError
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

EFFUSION = "Small left pleural effusion."
THREAD: Any = {"configurable": {"thread_id": "t1"}}


@pytest.fixture
def graph(scripted: Any, prompts: Any) -> Any:
    chat, _ = scripted(draft=[EFFUSION])
    return build_graph(
        chat, ScriptedNLI(), prompts, audiences=["brief"], review=True, checkpointer=InMemorySaver(), trace_store=None
    )


def resume(graph: Any, **answer: Any) -> Any:
    return graph.invoke(Command(resume=answer), THREAD)


def test_a_run_pauses_with_its_texts(graph: Any, effusion: Report) -> None:
    paused = graph.invoke({"report": effusion}, THREAD)
    assert "result" not in paused
    shown = paused["__interrupt__"][0].value
    assert shown["report_id"] == "r1"
    assert shown["texts"]["brief"]["claims"][0]["label"] == "supported"


def test_accepting_changes_nothing(graph: Any, effusion: Report) -> None:
    graph.invoke({"report": effusion}, THREAD)
    out = resume(graph, action="accept")
    assert out["result"].status == "passed"
    assert out["result"].impressions["brief"].text == EFFUSION
    assert out["trace"].review == "accept"


def test_an_edit_is_critiqued_too(graph: Any, effusion: Report) -> None:
    graph.invoke({"report": effusion}, THREAD)
    out = resume(graph, action="edit", texts={"brief": "Small right pleural effusion."})
    brief = out["result"].impressions["brief"]
    assert (brief.text, brief.status, brief.stop_reason) == ("Small right pleural effusion.", "needs_review", "edited")
    assert "contradicted" in brief.reasons[0]
    last = out["trace"].texts[1].rounds[-1]
    assert (last.step, last.diff[1]) == ("edit", ("removed", "left"))
    assert out["result"].draft.text == EFFUSION


def test_a_true_edit_passes(graph: Any, effusion: Report) -> None:
    graph.invoke({"report": effusion}, THREAD)
    out = resume(graph, action="edit", texts={"draft": "There is a small left pleural effusion."})
    assert out["result"].status == "passed"
    assert out["result"].draft.text == "There is a small left pleural effusion."


def test_a_rejection_stays_marked(graph: Any, effusion: Report) -> None:
    graph.invoke({"report": effusion}, THREAD)
    result = resume(graph, action="reject")["result"]
    assert result.status == "needs_review"
    assert result.impressions["brief"].stop_reason == "rejected"
    assert "a person rejected it" in result.impressions["brief"].reasons


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"action": "approve"}, "action"),
        ({"action": "edit"}, "at least one text"),
        ({"action": "edit", "texts": {"bullet": "x"}}, "no text for 'bullet'"),
        ({"action": "accept", "texts": {"brief": "x"}}, "only an edit"),
    ],
)
def test_an_answer_that_cannot_be_used_is_asked_again(graph: Any, effusion: Report, answer: Any, fault: str) -> None:
    graph.invoke({"report": effusion}, THREAD)
    again = resume(graph, **answer)
    assert fault in again["__interrupt__"][0].value["error"]
    assert resume(graph, action="accept")["result"].status == "passed"


def test_no_pause_without_a_checkpointer(effusion: Report) -> None:
    with pytest.raises(InputError, match="checkpointer"):
        build_graph(ScriptedChatModel(replies=["x"]), ScriptedNLI(), review=True)
    graph = build_graph(ScriptedChatModel(replies=["x"]), ScriptedNLI(), trace_store=None)
    with pytest.raises(InputError, match="checkpointer"):
        graph.invoke({"report": effusion}, context={"review": True})


def test_checkpoints_of_a_strict_serializer_know_our_types(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    saver = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=[("somebody", "Else")]))
    graph = build_graph(chat, ScriptedNLI(), prompts, checkpointer=saver, trace_store=None)
    out = graph.invoke({"report": effusion}, THREAD)
    assert graph.get_state(THREAD).values["result"] == out["result"]


def test_one_thread_twice(scripted: Any, prompts: Any, effusion: Report, caplog: Any) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    saver = InMemorySaver(serde=checkpoint_serializer())
    graph = build_graph(chat, ScriptedNLI(), prompts, checkpointer=saver, trace_store=None)
    with caplog.at_level(logging.WARNING):
        graph.invoke({"report": effusion}, THREAD)
        out = graph.invoke({"report": effusion.model_copy(update={"id": "r2"})}, THREAD)
        kept = graph.get_state(THREAD).values
    assert out["result"].id == "r2"
    assert len(out["trace"].texts) == 4
    assert kept["result"] == out["result"]
    assert kept["trace"] == out["trace"]
    assert not caplog.records
