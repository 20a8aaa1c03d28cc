"""The tool in an agent's loop, and that every surface gives the same impressions."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from coarse2fine.agents import Critic
from coarse2fine.app.chat import chat_graph
from coarse2fine.app.tool import as_tool
from coarse2fine.graph import Result, TraceStore, build_graph
from coarse2fine.reports import ModelError, Report
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

from .conftest import FINDINGS, TEXTS, text_under  # noqa: TID252


class Agent(ScriptedChatModel):
    """Calls the tool with these arguments first, then repeats what it said."""

    arguments: dict[str, Any]

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        done = super()._generate(messages, stop, run_manager, **kwargs)
        if not isinstance(messages[-1], ToolMessage):
            call = {"name": "write_impressions", "args": self.arguments, "id": "c1", "type": "tool_call"}
            done.generations[0].message = AIMessage("", tool_calls=[call])
        return done


def agent(tool: Any, **arguments: Any) -> Any:
    model = Agent(replies=lambda messages: str(messages[-1].content), arguments=arguments).bind_tools([tool])

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile()


def test_an_agent_gets_text_status_and_the_whole_result(setup: dict[str, Any], store: TraceStore) -> None:
    graph = agent(as_tool(**setup), findings=FINDINGS, exam="CT chest", audience="bullet", radiologist="r7")
    done = graph.invoke({"messages": [HumanMessage("Write it")]})
    answer: Any = done["messages"][2]
    assert isinstance(answer, ToolMessage)
    assert answer.status == "success"
    assert str(answer.content).startswith("status: passed\n")
    assert text_under(str(answer.content), "bullet") == TEXTS["bullet"]
    assert "Large left pneumothorax" in str(answer.content)
    result = Result.model_validate(answer.artifact)
    assert list(result.impressions) == ["bullet"]
    assert result.trace_id in str(answer.content)
    trace = store.get(result.trace_id)
    assert (trace.report.exam, trace.settings.radiologist) == ("CT chest", "r7")
    assert done["messages"][-1].content == answer.content


async def test_it_is_async_too(setup: dict[str, Any]) -> None:
    call = {"name": "write_impressions", "args": {"findings": FINDINGS}, "id": "c", "type": "tool_call"}
    answer = await as_tool(**setup).ainvoke(call)
    assert text_under(answer.content, "brief") == TEXTS["brief"]


@pytest.mark.parametrize("findings", ["", " \n", "x" * 60_000])
def test_what_cannot_be_read_is_an_answer_with_the_status_error(setup: dict[str, Any], findings: str) -> None:
    tool = as_tool(**setup)
    answer: Any = agent(tool, findings=findings).invoke({"messages": [HumanMessage("x")]})["messages"][2]
    assert answer.status == "error"
    assert answer.content.startswith("No impression was written: ")


def test_a_model_that_fails_and_an_unknown_audience_do_not_break_the_loop(setup: dict[str, Any]) -> None:
    def broken(_: Any) -> str:
        raise ModelError("the server is away")

    tool = as_tool(**{**setup, "model": ScriptedChatModel(replies=broken)})
    for arguments in ({"findings": FINDINGS}, {"findings": FINDINGS, "audience": "poet"}, {}):
        answer: Any = agent(tool, **arguments).invoke({"messages": [HumanMessage("x")]})["messages"][2]
        assert answer.status == "error"


def test_what_needs_review_says_so(setup: dict[str, Any]) -> None:
    tool = as_tool(**{**setup, "critic": Critic(ScriptedNLI(0.0))})
    foreign = "Los pulmones están claros y el corazón es de tamaño normal sin derrame pleural."
    answer = tool.invoke({"findings": foreign})
    assert answer.startswith("status: needs_review\n")
    assert "NEEDS REVIEW by a radiologist" in answer


def test_the_radiologist_of_the_clinic_goes_before_the_agents(setup: dict[str, Any], store: TraceStore) -> None:
    call = {"findings": FINDINGS, "radiologist": "other"}
    tool = as_tool(**setup, radiologist="r1")
    answer: Any = tool.invoke({"name": tool.name, "args": call, "id": "c", "type": "tool_call"})
    assert store.get(answer.artifact["trace_id"]).settings.radiologist == "r1"


def test_headings_in_the_argument_are_read(setup: dict[str, Any], store: TraceStore) -> None:
    text = f"CT CHEST\nINDICATION: 67-year-old man with cough.\nFINDINGS: {FINDINGS}\nIMPRESSION: Theirs."
    tool = as_tool(**setup)
    answer: Any = tool.invoke({"name": tool.name, "args": {"findings": text}, "id": "c", "type": "tool_call"})
    report = store.get(answer.artifact["trace_id"]).report
    assert (report.findings, report.exam, report.age) == (FINDINGS, "CT CHEST", 67)


async def test_every_surface_gives_the_same_impressions(setup: dict[str, Any], store: TraceStore) -> None:
    from mcp import Client

    from coarse2fine.app.mcp import mcp_server

    graph = build_graph(**setup)
    direct = (await graph.ainvoke({"report": Report(findings=FINDINGS)}))["result"]
    said = await chat_graph(**setup).ainvoke({"messages": [("user", FINDINGS)]})
    async with Client(mcp_server(graph, store)) as client:
        served = (await client.call_tool("write_impressions", {"findings": FINDINGS})).structured_content
    assert served is not None
    tool = as_tool(**setup)
    for audience, text in direct.impressions.items():
        call = {"name": tool.name, "args": {"findings": FINDINGS, "audience": audience}, "id": "c", "type": "tool_call"}
        assert (await tool.ainvoke(call)).artifact["impressions"][audience] == text.model_dump(mode="json")
        assert served["impressions"][audience] == text.model_dump(mode="json")
        assert said["coarse2fine"]["result"].impressions[audience] == text
        assert text_under(str(said["messages"][-1].content), audience) == text.text
