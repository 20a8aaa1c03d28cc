from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver

from coarse2fine.agents import Critic
from coarse2fine.app.chat import ChatGraph, chat_graph
from coarse2fine.graph import RunGraph, TraceStore, build_graph, checkpoint_serializer
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Report
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

FINDINGS = (
    "A 12 mm nodule is seen in the right upper lobe. There is a small left pleural effusion. "
    "The heart is normal in size. No pneumothorax."
)
OTHER = "There is a displaced fracture of the left distal radius. The ulna is intact. No dislocation."
TEXTS = {
    "brief": "12 mm nodule in the right upper lobe. Small left pleural effusion.",
    "bullet": "- 12 mm nodule in the right upper lobe.\n- Small left pleural effusion.",
    "comprehensive": "12 mm nodule in the right upper lobe. Small left pleural effusion. No pneumothorax.",
}
SHORT = {"brief": "12 mm right upper lobe nodule. Small left effusion."}
PROMPTS = PromptSet(
    "test",
    {
        "draft": "DRAFT {{ words or 0 }} {{ findings | fence }}",
        "restyle": "RESTYLE {{ words or 0 }} {{ audience }} {{ draft | fence }}",
        "revise": "REVISE {{ words or 0 }} {{ audience }} {{ text | fence }}",
    },
)


class Scribe:
    """Drafts with an invention, mends it when told, restyles by audience, shorter where a length is asked for."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def __call__(self, messages: list[BaseMessage]) -> str:
        prompt = str(messages[-1].content)
        self.prompts.append(prompt)
        task, words, rest = prompt.split(" ", 2)
        if "distal radius" in prompt:
            return "Displaced fracture of the left distal radius."
        if task == "DRAFT":
            return f"{TEXTS['brief']} Large left pneumothorax."
        audience = rest.split()[0]
        if task == "REVISE":
            return TEXTS["brief"]
        return SHORT.get(audience, TEXTS[audience]) if words != "0" else TEXTS[audience]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    return TraceStore(tmp_path / "traces.sqlite")


@pytest.fixture
def setup(scribe: Scribe, store: TraceStore) -> dict[str, Any]:
    """What every surface is built with."""
    return {
        "model": ScriptedChatModel(replies=scribe),
        "critic": Critic(ScriptedNLI(1.0)),
        "prompts": PROMPTS,
        "trace_store": store,
        "memory": None,
    }


@pytest.fixture
def run_graph(setup: dict[str, Any]) -> RunGraph:
    return build_graph(**setup)


@pytest.fixture
def report() -> Report:
    return Report(findings=FINDINGS)


class Talk:
    """A conversation with a chat graph on one thread."""

    def __init__(self, graph: Any, thread: str = "t1") -> None:
        self.graph, self.thread = graph, thread
        self.last: dict[str, Any] = {}

    def __call__(self, message: str) -> str:
        config = {"configurable": {"thread_id": self.thread}}
        self.last = self.graph.invoke({"messages": [("user", message)]}, config)
        answer = self.last["messages"][-1]
        assert isinstance(answer, AIMessage)
        return str(answer.content)

    @property
    def case(self) -> dict[str, Any]:
        return self.last["coarse2fine"]  # type: ignore[no-any-return]


@pytest.fixture
def chat(setup: dict[str, Any]) -> ChatGraph:
    return chat_graph(**setup, checkpointer=InMemorySaver(serde=checkpoint_serializer()))


@pytest.fixture
def talk(chat: ChatGraph) -> Talk:
    return Talk(chat)


@pytest.fixture
def another(chat: ChatGraph) -> Callable[[str], Talk]:
    return lambda thread: Talk(chat, thread)


def text_under(answer: str, audience: str) -> str:
    """The text that an answer shows for an audience."""
    found = re.search(rf"^{audience.capitalize()} \([^\n]*\):\n(.*?)(?:\n\n|\Z)", answer, re.M | re.S)
    assert found, answer
    return found[1]
