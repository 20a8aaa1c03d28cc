"""What a radiologist made of a text: judged like the machine's own, sentence by sentence, and kept in any case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coarse2fine.agents import Critic
from coarse2fine.serving import ScriptedNLI

Browse = Callable[..., Any]
NODULE, EFFUSION = "12 mm nodule in the right upper lobe.", "Small left pleural effusion."
MARKED = "The critic does not find all of this edit proven. It is kept as you wrote it"


async def edit(browse: Any, edited: str, audience: str = "brief") -> str:
    """Hand a report in and save an edit of a text; the path of the result."""
    where = await browse.run()
    form = {"token": (await browse.get(where)).token, "id": "f1", "audience": audience, "edited": edited}
    answer = await browse.post(f"{where}/feedback", {**form, "decision": "save"})
    assert answer.status_code == 303
    return str(where)


@pytest.mark.parametrize(
    ("edited", "label", "words"),
    [
        (f"{NODULE} Small right pleural effusion.", "contradicted", "contradicted"),
        (f"{NODULE} {EFFUSION} Probable pneumonia.", "unsupported", "not proven"),
    ],
)
async def test_an_edit_that_the_critic_refuses_is_kept_and_marked(
    browser: Browse, edited: str, label: str, words: str
) -> None:
    browse = browser()
    page = await browse.get(await edit(browse, edited))
    assert browse.service.feedback.list()[0].edited == edited
    assert MARKED in page.text
    marks = [e for e in page.all("a") if e.get("data-claim", "").startswith("brief-edit-")]
    assert label in " ".join(mark["class"] for mark in marks)
    assert any(f"✘{n} {words}" in page.text for n in range(1, len(marks) + 1))
    assert "Brief as you edited it ! needs review" in page.text
    assert "As it was written ✔ passed" in page.text


async def test_each_sentence_of_an_edit_is_tied_to_its_evidence(browser: Browse) -> None:
    browse = browser()
    page = await browse.get(await edit(browse, f"{EFFUSION} {NODULE}"))
    assert MARKED not in page.text
    assert "Brief as you edited it ✔ passed" in page.text
    findings = browse.service.traces.get("last").report.findings
    shown = {e["data-claim"]: e for e in page.all("a") if "data-evidence" in e}
    start, end = (int(shown["brief-edit-1"][f"data-{name}"]) for name in ("start", "end"))
    assert findings[start:end] == EFFUSION
    tied = [piece for piece in page.all("a") if "brief-edit-1" in piece.get("data-claims", "").split()]
    assert [findings[int(piece["data-start"]) : int(piece["data-end"])] for piece in tied] == [EFFUSION]
    ids = [e.attrs["id"] for e in page.elements if "id" in e.attrs]
    assert len(ids) == len(set(ids))
    assert {e["href"][1:] for e in page.all("a") if e["href"].startswith("#")} <= set(ids), "no link leads nowhere"


async def test_a_finding_that_an_edit_leaves_out_is_named(browser: Browse) -> None:
    browse = browser()
    page = await browse.get(await edit(browse, EFFUSION))
    assert "Not addressed" in page.text
    assert "not addressed in brief as edited" in page.text
    assert page.all("a", href="#text-brief-edit") or any("left-out" in e.get("class", "") for e in page.all("a"))


async def test_the_trace_and_the_history_show_an_edit(browser: Browse) -> None:
    browse = browser()
    where = await edit(browse, f"{NODULE} {EFFUSION} Probable pneumonia.", "bullet")
    trace = await browse.get(f"{where}/trace")
    assert trace.text.count("Edited by a person") == 1
    assert "Held against the findings by scripted." in trace.text
    assert "✘ not proven Probable pneumonia." in trace.text
    history = await browse.get("/workbench/runs")
    assert "bullet edited" in history.text
    assert "pneumonia" not in history.text, "no report text in a list"


async def test_the_newest_edit_is_shown_and_is_where_the_next_begins(browser: Browse) -> None:
    browse = browser()
    where = await edit(browse, f"{NODULE} Probable pneumonia.")
    token = (await browse.get(where)).token
    form = {"token": token, "id": "f2", "audience": "brief", "edited": f"{EFFUSION} {NODULE}", "decision": "save"}
    await browse.post(f"{where}/feedback", form)
    page = await browse.get(where)
    assert page.html.count('id="text-brief-edit"') == 1
    assert MARKED not in page.text
    assert f"{EFFUSION} {NODULE}</textarea>" in page.html
    assert "Probable" in page.text, "the older edit is still told of"


async def test_an_edit_whose_critic_breaks_is_kept_and_says_so(browser: Browse) -> None:
    class Broken(Critic):
        def critique_many(self, jobs: Any) -> Any:
            raise RuntimeError("no memory")

    browse = browser(critic=Broken(ScriptedNLI(0.0)))
    edited = f"{NODULE} {EFFUSION} Probable pneumonia, <b>likely</b>."
    page = await browse.get(await edit(browse, edited))
    assert "not checked" in page.text
    assert "The critic has not seen this edit: the critic failed" in page.text
    assert edited in page.text
    assert not page.all("b")
    assert browse.service.feedback.list()[0].edited == edited
