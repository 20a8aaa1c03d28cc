"""Home, results, traces and history: without scripts, and as events."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from coarse2fine.graph import RunTrace

FINDINGS = "A 12 mm nodule is seen in the right upper lobe. Small left pleural effusion. No pneumothorax."
WRONG = "12 mm nodule in the left upper lobe. Probable pneumonia."
Browse = Callable[..., Any]


async def test_the_front_door_leads_to_the_workbench(browser: Browse) -> None:
    for path in ("/", "/workbench"):
        answer = await browser().http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/")


async def test_a_report_is_run_without_scripts_and_its_result_is_shown(browser: Browse) -> None:
    browse = browser()
    where = await browse.run()
    trace = browse.service.traces.get("last")
    assert where == f"/workbench/runs/{trace.id}", "an opaque id, no text"
    found = await browse.get(where)
    for text in trace.texts:
        assert " ".join(text.text.split()) in found.text.replace("✔1 proven", "").replace("✔2 proven", "")
    assert [e["data-audience"] for e in found.all("section", class_="text")] == [
        "brief", "bullet", "comprehensive", "draft",
    ]  # fmt: skip
    assert "passed" in found.text


async def test_fields_beside_the_report_reach_the_run(browser: Browse) -> None:
    browse = browser()
    fields = {"exam": "CT chest", "clinical_information": "A cough.", "radiologist": "r17", "words": "30"}
    await browse.run(f"EXAM: chest\nFINDINGS: {FINDINGS}", **fields, audience=["bullet"])
    trace = browse.service.traces.get("last")
    assert (trace.report.exam, trace.report.clinical_information, trace.report.findings) == (
        "CT chest", "A cough.", FINDINGS,
    )  # fmt: skip
    assert (trace.settings.radiologist, trace.settings.words, trace.settings.audiences) == ("r17", 30, ("bullet",))


async def test_no_audience_shows_the_draft(browser: Browse) -> None:
    browse = browser()
    found = await browse.get(await browse.run(audience=[]))
    assert [e["data-audience"] for e in found.all("section", class_="text")] == ["draft"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"report": " "}, "report"),
        ({"report": "IMPRESSION: Nodule."}, "report"),
        ({"report": "x" * 50_001}, "report"),
        ({"words": "many"}, "words"),
        ({"words": "0"}, "words"),
        ({"words": "99999999999999999999"}, "words"),
        ({"radiologist": "r" * 201}, "radiologist"),
    ],
)
async def test_a_form_that_cannot_be_used_comes_back_with_the_error_beside_the_field(
    browser: Browse, page: Any, fields: dict[str, str], name: str
) -> None:
    browse = browser()
    form = {"token": (await browse.get("/workbench/")).token, "report": FINDINGS, "exam": "CT <chest>", **fields}
    answer = await browse.post("/workbench/runs", form)
    assert answer.status_code == 422
    found = page(answer.text)
    (field,) = [a for tag in ("input", "textarea") for a in found.all(tag, id=name)]
    assert field["aria-describedby"] == f"{name}-wrong"
    assert found.all("p", id=f"{name}-wrong")
    assert found.all("input", id="exam")[0]["value"] == "CT <chest>", "what was typed is still there"
    live = await browse.post("/workbench/runs", form, Accept="text/event-stream")
    assert (live.status_code, list(live.json()["errors"])) == (422, [name])


async def test_rounds_are_told_as_events(browser: Browse) -> None:
    browse = browser(replies=[WRONG, "12 mm nodule in the right upper lobe. Small left pleural effusion."])
    form = {"token": (await browse.get("/workbench/")).token, "report": FINDINGS, "audience": "brief"}
    answer = await browse.post("/workbench/runs", form, Accept="text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    names = [block[0].removeprefix("event: ") for block in blocks]
    assert names == ["round", "round", "round", "result"]
    first = json.loads(blocks[0][1].removeprefix("data: "))
    assert (first["audience"], first["round"], first["passed"], first["text"]) == ("draft", 1, False, WRONG)
    result = json.loads(blocks[-1][1].removeprefix("data: "))
    await browse.get(f"/workbench/runs/{result['trace_id']}")


async def test_a_full_server_says_so_and_keeps_the_report(browser: Browse, page: Any) -> None:
    browse = browser(in_flight=1, waiting=0)
    browse.service.runs.seats.admit()
    form = {"token": (await browse.get("/workbench/")).token, "report": FINDINGS}
    answer = await browse.post("/workbench/runs", form)
    assert answer.status_code == 503
    assert FINDINGS in page(answer.text).text
    assert "try again soon" in page(answer.text).text


def spans(trace: RunTrace) -> dict[str, str]:
    """The key of each claim → its evidence, from the trace alone."""
    return {
        f"{text.audience}-{number}": " ".join(f"{e.start}:{e.end}" for e in verdict.evidence)
        for text in trace.texts
        for number, verdict in enumerate(text.critique.verdicts, 1)
    }


async def test_each_sentence_is_tied_to_its_evidence_and_back(browser: Browse) -> None:
    browse = browser(replies=[WRONG])
    found = await browse.get(await browse.run())
    trace = browse.service.traces.get("last")
    expected = {key: evidence for key, evidence in spans(trace).items() if evidence}
    claims = {e["data-claim"]: e for e in found.all("a") if "data-evidence" in e}
    assert {key: e["data-evidence"] for key, e in claims.items()} == expected
    for element in claims.values():
        first = element["data-evidence"].split()[0]
        assert f"{element['data-start']}:{element['data-end']}" == first
    pieces = [e for e in found.all("a") if e.get("class", "").startswith("piece")]
    tied: dict[str, set[int]] = {}
    for piece in pieces:
        for key in piece["data-claims"].split():
            tied.setdefault(key, set()).update(range(int(piece["data-start"]), int(piece["data-end"])))
    wanted = {
        key: {n for span in text.split() for n in range(*map(int, span.split(":")))} for key, text in expected.items()
    }
    assert tied == wanted
    ids = [e.attrs["id"] for e in found.elements if "id" in e.attrs]
    assert len(ids) == len(set(ids))
    assert {e["href"][1:] for e in found.all("a") if e["href"].startswith("#")} <= set(ids), "no link leads nowhere"


async def test_what_is_wrong_is_said_in_words_at_the_top_of_its_text(browser: Browse) -> None:
    contradictory = "There is a small left pleural effusion. No left pleural effusion. A 12 mm nodule is in the liver."
    browse = browser(replies=["Small left pleural effusion."])
    found = await browse.get(await browse.run(contradictory))
    trace = browse.service.traces.get("last")
    assert trace.status == "needs_review"
    assert found.text.count("This text needs review before it is used.") == sum(
        text.status == "needs_review" for text in trace.texts
    )
    for text in trace.texts:
        for reason in (*text.reasons, *(r for v in text.critique.verdicts for r in v.reasons)):
            assert " ".join(reason.split()) in found.text
        for omission in text.critique.omissions:
            assert f"“{omission.text}”" in found.text
    html = found.html
    assert html.index("needs review before it is used") < html.index('class="words impression"')


@pytest.mark.parametrize(
    ("label", "words"),
    [("supported", "proven"), ("unsupported", "not proven"), ("contradicted", "contradicted")],
)
async def test_a_verdict_stands_in_words(browser: Browse, label: str, words: str) -> None:
    browse = browser(replies=["Probable pneumonia. 12 mm nodule in the left upper lobe. No pneumothorax."])
    where = await browse.run(audience=[])
    text = browse.service.traces.get("last").texts[0]
    rounds = await browse.get(f"{where}/trace")
    labels = {verdict.label for each in text.rounds for verdict in each.critique.verdicts}
    assert label in labels
    assert words in rounds.text


async def test_markup_in_a_report_stays_text(browser: Browse) -> None:
    bad = '<script>alert(1)</script> & "><img src=x onerror=alert(2)> is seen. Small left pleural effusion.'
    browse = browser(replies=[bad])
    where = await browse.run(bad, exam=bad, clinical_information=bad)
    for path in (where, f"{where}/trace", "/workbench/runs"):
        found = await browse.get(path)
        assert all(e.get("src", "").startswith("/workbench/static/") for e in found.all("script"))
        assert not found.all("img")
        assert not [name for e in found.elements for name in e.attrs if name.startswith("on") or name == "style"]
    assert "<script>alert(1)</script>" in (await browse.get(where)).text


async def test_the_trace_shows_rounds_diffs_and_what_was_told(browser: Browse) -> None:
    browse = browser(replies=[WRONG, "12 mm nodule in the right upper lobe. Small left pleural effusion."])
    where = await browse.run(audience=[])
    found = await browse.get(f"{where}/trace")
    draft = browse.service.traces.get("last").texts[0]
    assert len(draft.rounds) == 2
    assert "Round 2: revise (kept)" in found.text
    for line in draft.rounds[1].told:
        assert f"Told: {' '.join(line.split())}" in found.text
    assert found.all("del")
    assert found.all("ins")


async def test_history_lists_runs_with_their_rounds(browser: Browse) -> None:
    browse = browser()
    assert "No run is kept yet" in (await browse.get("/workbench/runs")).text
    paths = [await browse.run(), await browse.run()]
    found = await browse.get("/workbench/runs")
    assert {e["href"] for e in found.all("a")} >= {*paths, *(f"{path}/trace" for path in paths)}
    assert "draft 1, brief 1, bullet 1, comprehensive 1" in found.text
    assert "nodule" not in found.text, "no report text in a list"
    assert (await browse.get("/workbench/runs?most=1")).all("a", href="/workbench/runs?most=2")
    await browse.get("/workbench/runs?most=²")


@pytest.mark.parametrize("name", ["none", "last", "2026", "%2e%2e"])
async def test_only_a_whole_id_opens_a_run(browser: Browse, name: str) -> None:
    browse = browser()
    await browse.run()
    assert (await browse.http.get(f"/workbench/runs/{name}")).status_code == 404


async def test_no_report_text_is_logged_or_stands_in_an_address(
    browser: Browse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("httpx"), "disabled", True)
    caplog.set_level(logging.DEBUG)
    browse = browser()
    where = await browse.run()
    await browse.get(where)
    assert "POST /workbench/runs 303" in caplog.text
    assert "nodule" not in caplog.text + where


async def test_a_run_whose_trace_cannot_be_kept_is_shown_at_once(
    browser: Browse, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browse = browser()

    def put(trace: RunTrace) -> None:
        raise OSError("no space")

    monkeypatch.setattr(browse.service.traces, "put", put)
    form = {"token": (await browse.get("/workbench/")).token, "report": FINDINGS}
    answer = await browse.post("/workbench/runs", form)
    assert answer.status_code == 200
    assert page(answer.text).all("section", id="text-draft")


async def test_a_radiologist_of_whom_nothing_is_known_is_named(browser: Browse) -> None:
    browse = browser()
    where = await browse.run(radiologist="r 17")
    said = "Radiologist r 17 had no past reports here and has no style card"
    found = await browse.get(where)
    assert said in found.text
    (link,) = [e["href"] for e in found.all("a") if e["href"].startswith("/workbench/cards?")]
    card = await browse.get(link)
    form = {"token": card.token, "radiologist": "r 17", "yaml": "layout: prose"}
    assert (await browse.post("/workbench/cards", form)).status_code == 303
    assert said not in (await browse.get(where)).text
    assert "had no past reports" not in (await browse.get(await browse.run())).text


async def test_a_list_is_cut_into_lines_and_nothing_is_lost(browser: Browse) -> None:
    browse = browser(replies=["1. 12 mm nodule in the right upper lobe.\n2. Small left pleural effusion."])
    found = await browse.get(await browse.run(audience=[]))
    assert len(found.all("div", class_="line item")) == 2
    assert len(found.all("span", class_="lead")) == 2
    assert "1. 12 mm nodule in the right upper lobe.✔1 proven2. Small left pleural effusion." in found.text
