"""Model selection with scripted models: rows of the table, the loop, failures, and going on after a kill."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from coarse2fine.evals.layouts import Case
from coarse2fine.evals.metrics import load_metric
from coarse2fine.evals.pages import html, markdown
from coarse2fine.evals.selection import Plan, Selection, contrasts_csv, select, selection_csv
from coarse2fine.evals.selection_page import selection_page
from coarse2fine.reports import InputError, ModelError
from coarse2fine.serving import LoadedModel, ScriptedChatModel, ScriptedNLI

Scripted = Callable[..., Callable[[str], LoadedModel]]
INVENTED = "Large right mass."


def invents_until_told(messages: list[BaseMessage]) -> str:
    """First invents; asked to revise, says what the first report says."""
    revising = INVENTED in str(messages[-1].content)
    return "Small left pleural effusion." if revising else INVENTED


def run(load: Any, cases: list[Case], *models: str, **settings: Any) -> Selection:
    names = settings.pop("metrics", ("rouge", "length"))
    plan = Plan(models, ScriptedNLI(0.0), [load_metric(n) for n in names], resamples=200, load=load, **settings)
    return asyncio.run(select(plan, cases))


def test_each_model_prompt_and_loop_is_a_row(scripted: Scripted, cases: list[Case]) -> None:
    load = scripted(a=["No acute disease."], b=["Stable cardiomegaly."])
    found = run(load, cases, "a", "b", rungs=("base", "draft"))
    assert [(one.model, one.prompts, one.loop) for one in found.systems] == [
        (model, prompts, loop) for model in "ab" for prompts in ("default/base", "default") for loop in (False, True)
    ]
    assert {(one.first, one.second) for one in found.loop} >= {("a, default, loop on", "a, default, loop off")}
    off = found.systems[0]
    assert off.columns["rougeL"].value == pytest.approx(0.25)
    assert off.columns["rougeL"].low <= 0.25 <= off.columns["rougeL"].high
    assert found.best
    assert len(found.rivals) == 7


def test_rungs_reach_the_model_as_different_prompts(scripted: Scripted, cases: list[Case]) -> None:
    chat = ScriptedChatModel(replies=["Stable cardiomegaly."])
    run(scripted(a=chat), cases[:1], "a", rungs=("base", "prime", "expert", "plain", "draft"), loop="off")
    prompts = {"\n".join(str(m.content) for m in messages) for messages in chat.asked}
    assert (len(chat.asked), len(prompts)) == (5, 5)


def test_a_model_with_prompts_of_its_own_is_one_row(scripted: Scripted, cases: list[Case]) -> None:
    found = run(scripted("nano", a=["No acute disease."]), cases, "a", rungs=("base", "prime"), loop="off")
    assert [(one.prompts, one.loop) for one in found.systems] == [("nano", False)]


def test_off_is_one_call_and_no_critic(scripted: Scripted, cases: list[Case]) -> None:
    chat, nli = ScriptedChatModel(replies=invents_until_told), ScriptedNLI(0.0)
    plan = Plan(["a"], nli, [load_metric("rouge")], ("draft",), "off", resamples=200, load=scripted(a=chat))
    asyncio.run(select(plan, cases))
    assert (len(chat.asked), nli.asked) == (len(cases), [])


def test_the_loop_is_told_from_the_first_draft(scripted: Scripted, cases: list[Case]) -> None:
    found = run(scripted(a=invents_until_told), cases[:1], "a", rungs=("draft",))
    off, on = found.systems
    assert (off.columns["rougeL"].value, on.columns["rougeL"].value) == (0, 1)
    (gap,) = found.loop
    assert (gap.first, gap.second) == ("a, default, loop on", "a, default, loop off")
    assert gap.columns["rougeL"].value == 1


def test_a_model_that_fails_is_a_row_and_the_others_go_on(scripted: Scripted, cases: list[Case]) -> None:
    def breaks(messages: list[BaseMessage]) -> str:
        raise RuntimeError("out of memory")

    load = scripted(gone=ModelError("no such model"), broken=breaks, sound=["No acute disease."])
    found = run(load, cases, "gone", "broken", "sound", rungs=("draft",), loop="on")
    assert [bool(one.error) for one in found.systems] == [True, True, False]
    assert "no such model" in found.systems[0].error
    assert "out of memory" in found.systems[1].error
    assert found.best == "sound, default, loop on"
    lines = list(csv.DictReader(io.StringIO(selection_csv(found))))
    assert {line["model"] for line in lines if line["error"]} == {"gone", "broken"}


def test_one_report_that_fails_counts_as_an_empty_text(scripted: Scripted, cases: list[Case]) -> None:
    def silent_on_the_second(messages: list[BaseMessage]) -> str:
        return "" if "heart is normal in size" in str(messages[-1].content) else "Stable cardiomegaly."

    found = run(scripted(a=silent_on_the_second), cases, "a", rungs=("draft",), loop="off")
    (one,) = found.systems
    assert (one.failed, one.error) == (1, "")
    assert one.columns["words"].value == pytest.approx(1.5)


def test_a_model_that_breaks_three_times_running_is_broken(scripted: Scripted, cases: list[Case]) -> None:
    calls: list[int] = []

    def dies_after_the_first(messages: list[BaseMessage]) -> str:
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("the server is gone")
        return "No acute disease."

    found = run(scripted(a=dies_after_the_first), cases * 3, "a", rungs=("draft",), loop="off")
    assert "the server is gone" in found.systems[0].error
    assert len(calls) == 4


def test_a_killed_run_goes_on(scripted: Scripted, cases: list[Case], tmp_path: Path) -> None:
    first = ScriptedChatModel(replies=["No acute disease."])
    settings: dict[str, Any] = {"rungs": ("base", "draft"), "loop": "off", "rows": tmp_path}
    whole = run(scripted(a=first), cases, "a", **settings)
    assert len(first.asked) == 2 * len(cases)
    (base,) = tmp_path.glob("a-default-base-*.jsonl")
    held = base.read_text("utf-8")
    base.write_text(held[: len(held) // 2], "utf-8")  # as a kill in the middle of a line leaves it
    again = ScriptedChatModel(replies=["No acute disease."])
    gone_on = run(scripted(a=again), cases, "a", **settings)
    assert 0 < len(again.asked) < len(cases)
    assert [one.columns for one in gone_on.systems] == [one.columns for one in whole.systems]
    third = ScriptedChatModel(replies=["Never asked."])
    run(scripted(a=third), cases, "a", **settings)
    assert third.asked == []


def test_rows_of_other_data_or_prompts_are_not_taken(scripted: Scripted, cases: list[Case], tmp_path: Path) -> None:
    run(scripted(a=["No acute disease."]), cases[:1], "a", rungs=("draft",), loop="off", rows=tmp_path)
    other = cases[0]._replace(report=cases[0].report.model_copy(update={"findings": "Clear lungs."}))
    chat = ScriptedChatModel(replies=["Normal."])
    run(scripted(a=chat), [other], "a", rungs=("draft",), loop="off", rows=tmp_path)
    assert len(chat.asked) == 1
    looped = ScriptedChatModel(replies=["Small left pleural effusion."])
    run(scripted(a=looped), cases[:1], "a", rungs=("draft",), loop="on", rows=tmp_path)
    assert len(looped.asked) == 1


def test_the_page_has_every_figure_and_no_other_file(scripted: Scripted, cases: list[Case]) -> None:
    load = scripted(a=invents_until_told, gone=ModelError("no <such> model"))
    found = run(load, cases, "a", "gone", rungs=("draft",))
    page = selection_page(found, "invented")
    text, drawn = markdown(page), html(page)
    for words in ("a, default, loop on", "rougeL", "rouge1_recall", "0.420", "no <such> model"):
        assert words in text
    assert "no &lt;such&gt; model" in drawn
    assert "<svg" in drawn
    for outside in ("<script", "<link", "src=", "@import", "<!DOCTYPE svg"):
        assert outside not in drawn
    assert contrasts_csv(found).splitlines()[1].startswith("loop,")


def test_without_matplotlib_the_page_says_why_it_has_no_pictures(
    scripted: Scripted, cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(scripted(a=["Normal."]), cases, "a", rungs=("draft",), loop="off")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    drawn = html(selection_page(found, "invented"))
    assert "<svg" not in drawn
    assert "coarse2fine[plots]" in drawn


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"rungs": ("poem",)}, "poem"), ({"loop": "maybe"}, "maybe"), ({"models": ("a", "a")}, "twice")],
)
def test_what_is_unknown_is_refused(
    scripted: Scripted, cases: list[Case], settings: dict[str, Any], message: str
) -> None:
    models = settings.pop("models", ("a",))
    with pytest.raises(InputError, match=message):
        run(scripted(a=["Normal."]), cases, *models, **settings)
