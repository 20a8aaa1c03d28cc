"""A run recalls its own radiologist's cases and card, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from coarse2fine import Report, aimpress, build_graph
from coarse2fine.agents.memory import HOME_MEMORY, CaseMemory
from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.agents.style_card import StyleCard, StyleCards
from coarse2fine.graph import RunTrace
from coarse2fine.prompts import prompt_set
from coarse2fine.reports import InputError
from coarse2fine.serving import ScriptedNLI

EFFUSION = "Small left pleural effusion."
ASKING = (
    "DRAFT {% for c in cases %}[{{ c.exam }}|{{ c.clinical_information }}|{{ c.findings }}|{{ c.impression }}]"
    "{% endfor %} card={{ card }} style={{ style }}"
)


def past(n: int, who: str) -> Report:
    findings = f"There is a small left pleural effusion. Rib {n} is normal."
    return Report(
        id=f"{who}{n}", exam="CXR", clinical_information="Cough.", findings=findings, impression=f"Of {who}: {n}."
    )


@pytest.fixture
def memory() -> CaseMemory:
    made = CaseMemory(InMemoryStore())
    for who in ("r1", "r2", "r10"):
        made.add([past(n, who) for n in range(12)], who)
    StyleCards(made.store).put("r2", StyleCard(layout="dashes", remarks="Card of r2."))
    return made


@pytest.fixture
def ask(scripted: Any, prompts: Any) -> Any:
    """Runs a graph whose draft prompt shows what it is given; that prompt, and what came out."""

    def run(report: Report, memory: Any, **settings: Any) -> tuple[str, dict[str, Any]]:
        chat, script = scripted(draft=[EFFUSION])
        asking = prompts.replace("draft", ASKING)
        graph = build_graph(chat, ScriptedNLI(), asking, audiences=[], trace_store=None, memory=memory, **settings)
        out = graph.invoke({"report": report})
        return script.asked[0], out

    return run


def test_the_nearest_cases_of_the_radiologist_are_shown(ask: Any, effusion: Report, memory: CaseMemory) -> None:
    prompt, out = ask(effusion, memory, radiologist="r1")
    assert prompt.count("Of r1: ") == 8
    assert "Of r2" not in prompt
    assert "Of r10" not in prompt
    assert "[CXR|Cough.|There is a small left pleural effusion. Rib" in prompt
    assert "card= style=" in prompt
    assert ask(effusion, memory, radiologist="r1", cases=2)[0].count("Of r1: ") == 2
    assert ask(effusion, memory, radiologist="r1", cases=0)[0].count("Of r1: ") == 0
    assert out["result"].status == "passed"


def test_the_reports_own_radiologist_counts_where_none_is_set(ask: Any, effusion: Report, memory: CaseMemory) -> None:
    dictated = effusion.model_copy(update={"radiologist": "r2"})
    assert "Of r2" in ask(dictated, memory)[0]
    assert "Of r10" in ask(dictated, memory, radiologist="r10")[0]
    assert "Of r2" not in ask(dictated, memory, radiologist="r10")[0]


@pytest.mark.parametrize("radiologist", [None, "r", "nobody", "r1.", "R1", "r_"])
def test_who_has_no_cases_gets_none(ask: Any, effusion: Report, memory: CaseMemory, radiologist: str | None) -> None:
    prompt, out = ask(effusion, memory, radiologist=radiologist)
    assert prompt.strip() == "DRAFT  card= style="
    assert out["trace"].texts[0].cases == ()


def test_without_a_memory_there_are_none(ask: Any, effusion: Report) -> None:
    HOME_MEMORY.add([past(1, "r1")], "r1")
    assert "Of r1: 1." in ask(effusion, HOME_MEMORY, radiologist="r1")[0]
    assert "Of r1" not in ask(effusion, None, radiologist="r1")[0]


def test_the_trace_names_the_cases_and_holds_no_text_of_theirs(ask: Any, effusion: Report, memory: CaseMemory) -> None:
    _, out = ask(effusion, memory, radiologist="r1", cases=3)
    trace = out["trace"]
    expected = tuple(case.key for case in memory.nearest(effusion, "r1", 3))
    assert trace.texts[0].cases == expected
    shown, chosen = trace.texts[0].rounds[0].notes
    assert shown == "the prompt showed 3 of the radiologist's 3 nearest reports"
    assert chosen.startswith("the drafter's own: of 4 texts the findings prove 1")
    assert (trace.settings.radiologist, trace.settings.cases) == ("r1", 3)
    written = trace.model_dump_json()
    assert "Of r1" not in written
    assert RunTrace.model_validate_json(written) == trace


def test_traces_of_before_are_still_read(ask: Any, effusion: Report) -> None:
    _, out = ask(effusion, None)
    old = json.loads(out["trace"].model_dump_json())
    for name in ("radiologist", "cases"):
        del old["settings"][name]
    del old["texts"][0]["cases"]
    assert RunTrace.model_validate(old).texts[0].cases == ()


def test_the_card_is_shown_and_sets_the_style(ask: Any, effusion: Report, memory: CaseMemory) -> None:
    prompt, out = ask(effusion, memory, radiologist="r2", cases=0)
    assert "Card of r2." in prompt
    assert "style=a list with a dash before each line, the most important finding first" in prompt
    wished, _ = ask(effusion, memory, radiologist="r2", cases=0, style="terse")
    assert wished.endswith("style=terse")
    assert "Card of r2." in wished
    assert out["trace"].settings.style.startswith("a list with a dash")
    assert "Card of r2." not in ask(effusion, memory, radiologist="r1")[0]


def test_nano_is_asked_in_style_words_for_every_text(scripted: Any, effusion: Report, memory: CaseMemory) -> None:
    chat, _ = scripted()
    said: list[str] = []

    def answer(messages: Any) -> str:
        said.append("\n".join(str(m.content) for m in messages))
        return EFFUSION

    chat.replies = answer
    graph = build_graph(chat, ScriptedNLI(), "nano", audiences=["brief"], trace_store=None, memory=memory)
    graph.invoke({"report": effusion}, context={"radiologist": "r2", "cases": 2})
    words = "<|style|> dashes plain importance negatives none incidentals drop usual"
    assert len(said) == 2
    assert all(words in prompt for prompt in said)
    assert "Card of r2." not in said[0]


def test_the_default_set_shows_the_nearest_three_as_its_examples(
    scripted: Any, effusion: Report, memory: CaseMemory
) -> None:
    said: list[list[tuple[str, str]]] = []

    def answer(messages: Any) -> str:
        said.append([(m.type, str(m.content)) for m in messages])
        return EFFUSION

    chat, _ = scripted()
    chat.replies = answer
    graph = build_graph(chat, ScriptedNLI(), "default", audiences=[], trace_store=None, memory=memory)
    out = graph.invoke({"report": effusion}, context={"radiologist": "r2"})
    (system, *turns, last) = said[0]
    nearest = memory.nearest(effusion, "r2", 3)
    assert [text for role, text in turns if role == "ai"] == [case.impression for case in reversed(nearest)]
    assert [case.findings in text for case, (_, text) in zip(reversed(nearest), turns[::2], strict=True)] == [True] * 3
    assert "Card of r2." in system[1]
    assert effusion.findings in last[1]
    assert out["trace"].texts[0].cases == tuple(case.key for case in nearest)


def test_a_memory_that_fails_costs_no_draft(ask: Any, effusion: Report, tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_bytes(b"no database, but long enough to be read as if it were one" * 20)
    _, out = ask(effusion, SqliteStore(tmp_path / "m.sqlite"), radiologist="r1")
    assert out["result"].draft.text == EFFUSION
    (note,) = out["trace"].texts[0].rounds[0].notes
    assert "without the radiologist's past reports" in note
    assert "m.sqlite cannot be used" in note


async def test_impress_and_coroutines_take_a_store(scripted: Any, prompts: Any, effusion: Report, memory: Any) -> None:
    chat, script = scripted(draft=[EFFUSION])
    asking = prompts.replace("draft", ASKING)
    await aimpress(
        effusion, chat, ScriptedNLI(), asking, audiences=[], trace_store=None, memory=memory.store, radiologist="r10"
    )
    assert "Of r10: " in script.asked[0]


def test_a_run_that_pauses_keeps_no_case_in_its_checkpoints(
    scripted: Any, prompts: Any, effusion: Report, memory: CaseMemory
) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    saver = InMemorySaver()
    graph = build_graph(
        chat, ScriptedNLI(), prompts, audiences=["brief"], review=True, checkpointer=saver, trace_store=None,
        memory=memory, radiologist="r2",
    )  # fmt: skip
    graph.invoke({"report": effusion}, {"configurable": {"thread_id": "t"}})
    kept = repr(list(saver.storage.values())) + repr(list(saver.blobs.values())) + repr(list(saver.writes.values()))
    assert "pleural effusion" in kept
    assert "Of r2" not in kept


@pytest.mark.parametrize("setting", [{"cases": -1}, {"radiologist": " "}, {"radiologist": "x" * 300}])
def test_settings_that_cannot_be(scripted: Any, setting: dict[str, Any]) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    with pytest.raises(InputError):
        build_graph(chat, ScriptedNLI(), **setting)


def test_every_set_renders_a_draft_with_and_without_cases() -> None:
    fields = {"exam": "", "clinical_information": "", "comparison": "", "findings": "F.", "style": "s", "words": None}
    case = CaseMemory(InMemoryStore())
    case.add([past(1, "r1")], "r1")
    shown = case.nearest(Report(findings="Small left pleural effusion."), "r1")
    for name in ("default", "nano", "default/expert", "default/base"):
        assert prompt_set(name).render("draft", **fields)
        assert prompt_set(name).render("draft", **fields, cases=shown, card="C.")


def test_what_was_written_of_such_reports_stands_where_the_findings_prove_it(scripted: Any, prompts: Any) -> None:
    report = Report(findings="There is a small left pleural effusion. Heart size is normal.")
    usual, wrong = "Small effusion on the left.", "Small effusion on the right."
    for written, wanted in ((usual, usual), (wrong, EFFUSION)):
        memory = CaseMemory(InMemoryStore())
        memory.add([Report(id=str(n), findings=report.findings, impression=written) for n in range(4)], "r1")
        chat, _ = scripted(draft=[EFFUSION])
        graph = build_graph(
            chat, ScriptedNLI(), prompts, audiences=[], trace_store=None, memory=memory, radiologist="r1"
        )
        assert graph.invoke({"report": report})["result"].draft.text == wanted
        asked = graph.invoke({"report": report}, context={"style": "terse"})["result"].draft.text
        assert asked == EFFUSION
