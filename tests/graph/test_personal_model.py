"""A radiologist's own model drafts that radiologist's reports, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from coarse2fine import Report, build_graph
from coarse2fine.agents.memory import CaseMemory
from coarse2fine.agents.personal_model import PersonalModels
from coarse2fine.graph import nodes
from coarse2fine.reports import InputError, ModelError
from coarse2fine.serving import LoadedModel, ScriptedNLI

EFFUSION = "Small left pleural effusion."


@pytest.fixture
def memory() -> CaseMemory:
    made = CaseMemory(InMemoryStore())
    PersonalModels(made.store).put("r1", "nano#adapters/r1")
    return made


@pytest.fixture
def drafted(scripted: Any, prompts: Any, memory: CaseMemory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a report of a radiologist; the result, and the trace. "nano#adapters/r1" writes one sentence more."""
    everybodys, _ = scripted(draft=[EFFUSION] * 4)
    own, _ = scripted(draft=[f"{EFFUSION} No pneumothorax."] * 4)
    loaded: list[str] = []

    def load(name: str) -> LoadedModel:
        loaded.append(name)
        if name != "nano#adapters/r1":
            raise ModelError(f"there is no {name}")
        return LoadedModel(name, own, "default")

    monkeypatch.setattr(nodes, "load_chat_model", load)
    graph = build_graph(everybodys, ScriptedNLI(), prompts, audiences=[], trace_store=None, memory=memory)

    def run(radiologist: str | None) -> Any:
        report = Report(findings="Small left pleural effusion. No pneumothorax.", radiologist=radiologist)
        return graph.invoke({"report": report})

    run.loaded = loaded  # type: ignore[attr-defined]
    return run


def test_only_the_radiologists_own_reports_are_drafted_by_the_own_model(drafted: Any) -> None:
    texts = {who: drafted(who)["result"].draft.text for who in ("r1", "r2", None, "r1", "r11")}
    assert texts == {"r1": f"{EFFUSION} No pneumothorax.", "r2": EFFUSION, None: EFFUSION, "r11": EFFUSION}
    assert drafted.loaded == ["nano#adapters/r1"]


def test_the_trace_names_the_model_that_drafted(drafted: Any) -> None:
    assert drafted("r1")["trace"].models["drafter"] == "nano#adapters/r1"
    assert drafted("r2")["trace"].models["drafter"] != "nano#adapters/r1"


def test_a_model_that_is_gone_costs_no_draft(drafted: Any, memory: CaseMemory) -> None:
    PersonalModels(memory.store).put("r3", "nano#gone")
    done = drafted("r3")
    assert done["result"].draft.text == EFFUSION
    assert "nano#gone" in done["trace"].texts[0].rounds[0].notes[0]


def test_models_are_kept_by_radiologist(memory: CaseMemory) -> None:
    models = PersonalModels(memory.store)
    assert [models.get(who) for who in ("r1", "r", "r10")] == ["nano#adapters/r1", None, None]
    assert models.radiologists() == ["r1"]
    assert models.forget("r1")
    assert not models.forget("r1")
    assert models.get("r1") is None
    with pytest.raises(InputError, match="empty"):
        models.put("r1", " ")
