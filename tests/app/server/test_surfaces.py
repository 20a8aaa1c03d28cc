"""The shipped models through every way in: the same impressions for the same report."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from mcp import Client

from coarse2fine import Report, build_graph
from coarse2fine.app.mcp import mcp_server
from coarse2fine.app.server import create_app
from coarse2fine.app.service import Options, Service
from coarse2fine.app.tool import as_tool
from coarse2fine.graph import FeedbackStore, TraceStore
from coarse2fine.serving import ScriptedChatModel, model_folder

from .conftest import Served  # noqa: TID252

ROOT = Path(__file__).parents[3]
FINDINGS = "A 12 mm nodule is seen in the right upper lobe. Small left pleural effusion. No pneumothorax."
pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.skipif(not (model_folder("nano") / "config.json").exists(), reason="serving/models/nano is not here"),
]


class _Agent(ScriptedChatModel):
    """Calls the tool once, then repeats what it said."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        done = super()._generate(messages, stop, run_manager, **kwargs)
        if not isinstance(messages[-1], ToolMessage):
            call = {"name": "write_impressions", "args": {"findings": FINDINGS, "audience": "bullet"}, "id": "c1"}
            done.generations[0].message = AIMessage("", tool_calls=[{**call, "type": "tool_call"}])
        return done


async def _by_an_agent(tool: Any) -> dict[str, Any]:
    model = _Agent(replies=lambda messages: str(messages[-1].content)).bind_tools([tool])
    graph = StateGraph(MessagesState)
    graph.add_node("think", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    said = (await graph.compile().ainvoke({"messages": [("user", FINDINGS)]}))["messages"]
    return next(m for m in said if isinstance(m, ToolMessage)).artifact["impressions"]


def _by_the_openai_client(service: Service) -> dict[str, str]:
    served = Served(create_app(service))
    try:
        with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
            ask: Any = {"messages": [{"role": "user", "content": FINDINGS}]}
            names = ("brief", "bullet", "comprehensive")
            done = {n: client.chat.completions.create(model=f"coarse2fine-{n}", **ask) for n in names}
            return {name: str(answer.choices[0].message.content) for name, answer in done.items()}
    finally:
        served.stop()


async def _by_the_chatbot(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("clinical_chatbot", ROOT / "examples" / "clinical_chatbot.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "clinical_chatbot", module)  # where its types look for their names
    spec.loader.exec_module(module)
    said = await module.clinic().ainvoke({"messages": [("user", FINDINGS)]})
    return {name: text.text for name, text in said["coarse2fine"]["result"].impressions.items()}


async def test_one_report_has_one_set_of_impressions(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = TraceStore()
    graph = build_graph(trace_store=traces)
    result = (await graph.ainvoke({"report": Report(findings=FINDINGS)}))["result"]
    wanted = {name: text.text for name, text in result.impressions.items()}
    assert len(wanted) == 3
    assert all(wanted.values())

    assert _by_the_openai_client(Service(graph, Options(), traces, FeedbackStore())) == wanted
    async with Client(mcp_server(graph, traces)) as client:
        served = (await client.call_tool("write_impressions", {"findings": FINDINGS})).structured_content
    assert served is not None
    assert {name: text["text"] for name, text in served["impressions"].items()} == wanted
    assert (await _by_an_agent(as_tool()))["bullet"]["text"] == wanted["bullet"]
    assert await _by_the_chatbot(monkeypatch) == wanted
