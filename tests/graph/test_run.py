from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from coarse2fine import Report, aimpress, build_graph, impress
from coarse2fine.graph import TraceStore
from coarse2fine.reports import InputError, ModelError, UnparsableReply
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

EFFUSION = "Small left pleural effusion."
INVENTED = "Large right pneumothorax."


def run(report: Report, chat: Any, prompts: Any, **settings: Any) -> Any:
    graph = build_graph(chat, ScriptedNLI(0.9), prompts, trace_store=None, **settings)
    return graph.invoke({"report": report})


def test_an_invention_is_caught_named_and_mended(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, script = scripted(draft=[f"{EFFUSION} {INVENTED}"], draft_revised=[EFFUSION])
    out = run(effusion, chat, prompts, audiences=[])
    told = next(asked for asked in script.asked if asked.startswith("REVISE"))
    assert f'contradicted: "{INVENTED}"' in told
    first, second = out["trace"].texts[0].rounds
    assert [v.label for v in first.critique.verdicts] == ["supported", "contradicted"]
    assert second.step == "revise"
    assert second.text == EFFUSION
    assert INVENTED in "".join(second.told)
    assert [change for change in second.diff if change.op == "removed"] == [("removed", INVENTED)]
    assert out["result"].status == "passed"
    assert out["result"].draft.stop_reason == "passed"


def test_one_that_never_mends_is_repaired(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[f"1. {EFFUSION}\n2. {INVENTED}"])
    draft = run(effusion, chat, prompts, audiences=[])["result"].draft
    assert draft.text == f"1. {EFFUSION}"
    assert (draft.status, draft.stop_reason) == ("passed", "repaired")


def test_a_text_that_is_all_wrong_becomes_the_reports_own_words(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[f"- {INVENTED}"])
    draft = run(effusion, chat, prompts, audiences=[])["result"].draft
    assert draft.text == "- Small left pleural effusion."
    assert draft.status == "passed"


def test_a_dropped_claim_does_not_take_its_finding_along(scripted: Any, prompts: Any) -> None:
    report = Report(
        findings="There is a small left pleural effusion. There is a displaced fracture of the left sixth rib."
    )
    chat, _ = scripted(draft=["Displaced fracture of the left sixth rib. Small right pleural effusion."])
    graph = build_graph(chat, ScriptedNLI(lambda premise, claim: float(claim in premise)), prompts, trace_store=None)
    draft = graph.invoke({"report": report}, context={"audiences": []})["result"].draft
    assert "Small left pleural effusion" in draft.text
    assert "right" not in draft.text
    assert draft.status == "passed"


def test_where_nothing_is_left_a_person_decides(scripted: Any, prompts: Any, normal: Report) -> None:
    chat, _ = scripted(draft=[INVENTED])
    draft = run(normal, chat, prompts, audiences=[])["result"].draft
    assert draft.text == INVENTED
    assert draft.status == "needs_review"
    assert any("contradicted" in reason and INVENTED in reason for reason in draft.reasons)


def test_an_omitted_finding_is_added_to_every_text(scripted: Any, prompts: Any) -> None:
    report = Report(findings="There is a large left pneumothorax. The heart is normal in size.")
    chat, _ = scripted(draft=["The heart is normal in size."])
    graph = build_graph(chat, ScriptedNLI(lambda premise, claim: float(claim in premise)), prompts, trace_store=None)
    result = graph.invoke({"report": report})["result"]
    terse, whole = "Large left pneumothorax.", "There is a large left pneumothorax."
    for name, text in {"draft": result.draft, **result.impressions}.items():
        said = whole if name == "brief" else terse
        assert text.text == f"{said} The heart is normal in size."  # critical: first
        assert text.status == "passed"


def test_one_audience_that_breaks_leaves_the_others(scripted: Any, prompts: Any, effusion: Report) -> None:
    def broken(prompt: str) -> str:
        raise ConnectionError("the server went away")

    chat, _ = scripted(draft=[EFFUSION], bullet=broken)
    result = run(effusion, chat, prompts)["result"]
    assert list(result.impressions) == ["brief", "bullet", "comprehensive"]
    assert [text.status for text in result.impressions.values()] == ["passed", "error", "passed"]
    bullet = result.impressions["bullet"]
    assert (bullet.text, bullet.stop_reason, bullet.claims) == ("", "error", ())
    assert "the server went away" in bullet.reasons[0]
    assert result.status == "needs_review"


def test_a_mistake_of_ours_is_no_model_failure(scripted: Any, prompts: Any, effusion: Report) -> None:
    def wrong(prompt: str) -> str:
        raise AttributeError("a bug")

    chat, _ = scripted(draft=[EFFUSION], bullet=wrong)
    with pytest.raises(AttributeError, match="a bug"):
        run(effusion, chat, prompts)


def test_a_drafter_that_breaks_fails_the_run_and_leaves_a_trace(scripted: Any, prompts: Any, effusion: Report) -> None:
    def broken(prompt: str) -> str:
        raise RuntimeError("out of memory")

    chat, _ = scripted(draft=broken)
    store = TraceStore()
    with pytest.raises(ModelError, match="out of memory"):
        build_graph(chat, ScriptedNLI(), prompts, trace_store=store).invoke({"report": effusion})
    kept = store.get("last")
    assert kept.status == "failed"
    assert "out of memory" in kept.error
    assert kept.report == effusion


def test_a_drafter_that_answers_nothing_is_a_named_failure(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=["  "])
    with pytest.raises(UnparsableReply, match="answered nothing when asked to draft"):
        run(effusion, chat, prompts)


def test_a_revision_of_nothing_goes_to_repair(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[f"{EFFUSION} {INVENTED}"], draft_revised=[""])
    out = run(effusion, chat, prompts, audiences=[])
    assert out["result"].draft.text == EFFUSION
    assert [r.step for r in out["trace"].texts[0].rounds] == ["write", "repair"]


@pytest.mark.parametrize("max_rounds", [1, 2, 4])
def test_rounds_are_bounded(scripted: Any, prompts: Any, normal: Report, max_rounds: int) -> None:
    wrong = ["Left rib fracture.", "Right rib fracture.", "Large goiter.", "Hiatal hernia.", "Emphysema.", "Lung mass."]
    chat, script = scripted(draft=[" ".join(wrong)], draft_revised=[" ".join(wrong[n:]) for n in range(1, 6)])
    out = run(normal, chat, prompts, audiences=[], max_rounds=max_rounds)
    assert len(script.asked) == max_rounds
    assert out["result"].draft.stop_reason == "max_rounds"
    assert out["result"].draft.text == " ".join(wrong[max_rounds - 1 :])


def test_a_revision_that_changes_nothing_ends_the_loop(scripted: Any, prompts: Any, normal: Report) -> None:
    chat, script = scripted(draft=[INVENTED])
    assert run(normal, chat, prompts, audiences=[], max_rounds=9)["result"].draft.stop_reason == "no_change"
    assert len(script.asked) == 2


def test_a_revision_that_gains_nothing_ends_the_loop_and_the_best_is_kept(
    scripted: Any, prompts: Any, normal: Report
) -> None:
    chat, script = scripted(draft=[INVENTED], draft_revised=["Large goiter. Hiatal hernia."])
    draft = run(normal, chat, prompts, audiences=[], max_rounds=9)["result"].draft
    assert (draft.stop_reason, draft.text) == ("no_gain", INVENTED)
    assert len(script.asked) == 2


def test_a_report_that_contradicts_itself_needs_a_person(scripted: Any, prompts: Any) -> None:
    report = Report(findings="There is a large left pleural effusion. There is no pleural effusion.")
    chat, _ = scripted(draft=["There is a large left pleural effusion."])
    result = run(report, chat, prompts, audiences=[])["result"]
    assert result.status == "needs_review"
    assert result.draft.reasons


def test_settings_of_one_call(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    graph = build_graph(chat, ScriptedNLI(), prompts, audiences=["brief"], trace_store=None)
    assert list(graph.invoke({"report": effusion})["result"].impressions) == ["brief"]
    chosen = graph.invoke({"report": effusion}, context={"audiences": ["comprehensive", "brief"]})
    assert list(chosen["result"].impressions) == ["comprehensive", "brief"]
    with pytest.raises(InputError, match="no audience 'children'"):
        graph.invoke({"report": effusion}, context={"audiences": ["children"]})
    with pytest.raises(TypeError, match="audience"):
        graph.invoke({"report": effusion}, context={"audience": ["brief"]})


@pytest.mark.parametrize("setting", [{"max_rounds": 0}, {"words": 0}, {"audiences": "brief"}, {"audiences": ["draft"]}])
def test_settings_that_cannot_be(setting: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        build_graph(ScriptedChatModel(replies=["x"]), ScriptedNLI(), **setting)


def test_words_reach_the_prompt(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, script = scripted(draft=[EFFUSION])
    asking = prompts.replace("draft", "DRAFT in {{ words }} as {{ style }}: {{ findings }}")
    run(effusion, chat, asking, audiences=[], words=25, style="terse")
    assert script.asked[0].startswith("DRAFT in 25 as terse:")


def test_replaced_templates(scripted: Any, tmp_path: Any, effusion: Report) -> None:
    path = tmp_path / "draft.j2"
    path.write_text("DRAFT mine {{ findings }}")
    chat, script = scripted(draft=[EFFUSION])
    run(effusion, chat, {"draft": path}, audiences=[])
    assert script.asked == [f"DRAFT mine {effusion.findings}"]


async def test_impress_inside_a_running_loop(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    blocking = impress(effusion, chat, ScriptedNLI(), prompts, trace_store=None)
    waiting = await aimpress(effusion, chat, ScriptedNLI(), prompts, trace_store=None)
    assert blocking.draft == waiting.draft
    assert blocking.impressions == waiting.impressions


def test_streams(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    graph = build_graph(chat, ScriptedNLI(), prompts, trace_store=None)
    nodes = [
        next(iter(part["data"])) for part in graph.stream({"report": effusion}, stream_mode="updates", version="v2")
    ]
    assert nodes == ["draft", "stylist", "stylist", "stylist", "finish"]


def test_as_a_subgraph_of_a_graph_with_a_context_of_its_own(scripted: Any, prompts: Any, effusion: Report) -> None:
    from coarse2fine.graph.run_state import RunState

    chat, _ = scripted(draft=[EFFUSION])
    inner = build_graph(chat, ScriptedNLI(), prompts, audiences=["bullet"], trace_store=None)
    outer = StateGraph(RunState, context_schema=dict)
    outer.add_node("impress", inner)
    outer.add_edge(START, "impress")
    outer.add_edge("impress", END)
    out = outer.compile().invoke({"report": effusion}, context={"user": "u1"})
    assert list(out["result"].impressions) == ["bullet"]


def test_the_result_is_the_documented_json(scripted: Any, prompts: Any, effusion: Report) -> None:
    chat, _ = scripted(draft=[EFFUSION])
    made = run(effusion, chat, prompts, audiences=["brief"])["result"].to_dict()
    assert set(made) == {"id", "status", "draft", "impressions", "trace_id", "models", "seconds", "warnings"}
    assert made["id"] == "r1"
    assert made["models"] == {"drafter": "ScriptedChatModel", "stylist": "ScriptedChatModel", "critic": "scripted"}
    text = made["impressions"]["brief"]
    assert set(text) == {"text", "status", "rounds", "stop_reason", "claims", "omissions", "reasons"}
    (claim,) = text["claims"]
    assert set(claim) == {"text", "label", "score", "evidence", "reasons"}
    evidence = claim["evidence"]
    assert effusion.findings[evidence["start"] : evidence["end"]] == evidence["text"]


def test_a_trace_that_cannot_be_kept_loses_no_text(
    scripted: Any, prompts: Any, effusion: Report, tmp_path: Any
) -> None:
    (tmp_path / "file").write_text("")
    chat, _ = scripted(draft=[EFFUSION])
    store = TraceStore(tmp_path / "file" / "traces.sqlite")
    result = build_graph(chat, ScriptedNLI(), prompts, trace_store=store).invoke({"report": effusion})["result"]
    assert result.status == "passed"
    assert "could not be kept" in result.warnings[0]


def test_long_findings_are_drafted_in_parts(scripted: Any, prompts: Any) -> None:
    organs = ["liver", "spleen", "pancreas", "stomach", "bladder"]
    findings = " ".join(f"The {organ} is normal in size and in position." * 2 for organ in organs)
    small = type(prompts)("test", prompts.sources, prompts.settings.model_copy(update={"max_characters": 200}))
    chat, script = scripted(draft=lambda prompt: prompt.removeprefix("DRAFT ").split(".")[0] + ".")
    out = run(Report(findings=findings), chat, small, audiences=[])
    first = out["trace"].texts[0].rounds[0]
    drafted = [asked.removeprefix("DRAFT ") for asked in script.asked if asked.startswith("DRAFT")]
    assert "".join("".join(drafted).split()) == "".join(findings.split())
    assert all(len(part) <= 200 for part in drafted)
    assert first.notes == (f"the findings are long: drafted in {len(drafted)} parts",)
    assert all(organ in first.text for organ in organs if any(p.startswith(f"The {organ}") for p in drafted))


class _Slow(ScriptedChatModel):
    async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        await asyncio.sleep(0.05)
        return self._generate(messages)


async def test_the_stylists_run_side_by_side(effusion: Report, prompts: Any) -> None:
    chat = _Slow(replies=[EFFUSION])
    graph = build_graph(chat, ScriptedNLI(), prompts, trace_store=None)
    await graph.ainvoke({"report": effusion})
    trace = (await graph.ainvoke({"report": effusion}))["trace"]
    stylists = [call for call in trace.calls if call.agent == "stylist"]
    assert max(c.started for c in stylists) < min(c.started + c.milliseconds / 1000 for c in stylists)
    assert 0.09 < trace.model_seconds < 0.19  # four calls of 0.05 s, of which three at once


async def test_the_graph_itself_costs_little(effusion: Report, prompts: Any) -> None:
    graph = build_graph(ScriptedChatModel(replies=[EFFUSION]), ScriptedNLI(), prompts, trace_store=None)
    await graph.ainvoke({"report": effusion})
    started = time.process_time()
    for _ in range(5):
        await graph.ainvoke({"report": effusion})
    assert (time.process_time() - started) / 5 < 0.12  # processor seconds a report; about 0.015 on an idle machine
