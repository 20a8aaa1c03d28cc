"""Our own API, with a scripted model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from coarse2fine.app import runs
from coarse2fine.app.server import create_app
from coarse2fine.graph import FeedbackStore
from coarse2fine.reports import Feedback, ModelError, Report

Client = Callable[..., httpx.AsyncClient]


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines.get("event", ""), json.loads(lines["data"])))
    return found


async def test_impressions_answers_the_documented_object(client: Client, body: dict[str, Any]) -> None:
    answer = await client().post("/v1/impressions", json=body)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["id"], found["status"], list(found["impressions"])) == ("r1", "passed", ["brief"])
    (claim,) = found["draft"]["claims"]
    assert claim["evidence"] == {"start": 0, "end": 28, "text": "Small left pleural effusion."}
    assert {"trace_id", "models", "seconds", "warnings"} <= set(found)


@pytest.mark.parametrize(
    "report",
    [
        "EXAM: CT chest\nFINDINGS: Small left pleural effusion. No pneumothorax.",
        {"Report Findings": "Small left pleural effusion. No pneumothorax.", "Study": "CT chest", "Age": "61 y"},
    ],
)
async def test_a_report_may_be_raw_text_or_have_any_name_that_impress_knows(
    client: Client, body: dict[str, Any], report: Any
) -> None:
    http = client()
    found = (await http.post("/v1/impressions", json={**body, "report": report})).json()
    kept = (await http.get(f"/v1/traces/{found['trace_id']}")).json()
    assert kept["report"]["exam"] == "CT chest"
    assert found["impressions"]["brief"]["status"] == "passed"


async def test_all_audiences_are_the_default_and_none_is_the_draft_only(client: Client, body: dict[str, Any]) -> None:
    http = client()
    found = (await http.post("/v1/impressions", json={"report": body["report"]})).json()
    assert list(found["impressions"]) == ["brief", "bullet", "comprehensive"]
    assert (await http.post("/v1/impressions", json={**body, "audiences": []})).json()["impressions"] == {}


async def test_settings_reach_the_run_and_the_patient_does_not(client: Client, body: dict[str, Any]) -> None:
    http = client()
    report = {**body["report"], "patient": "DOE^JANE", "radiologist": "r2"}
    body = {**body, "report": report, "radiologist": "r17", "style": "terse", "words": 30}
    await http.post("/v1/impressions", json=body)
    kept = await http.get("/v1/traces/last")
    assert "DOE" not in kept.text
    settings = kept.json()["settings"]
    assert (settings["radiologist"], settings["style"], settings["words"]) == ("r17", "terse", 30)
    assert kept.json()["report"]["radiologist"] == "r17"


async def test_findings_with_markup_come_back_as_data(client: Client, body: dict[str, Any]) -> None:
    findings = "<script>alert(1)</script> is seen. Small left pleural effusion."
    answer = await client(replies=[findings]).post("/v1/impressions", json={**body, "report": {"findings": findings}})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>alert(1)</script>" in answer.json()["draft"]["text"]


# ----------------------------------------------------------------------------------------------------------- stream
@pytest.mark.parametrize("how", [{"params": {"stream": "true"}}, {"headers": {"Accept": "text/event-stream"}}])
async def test_rounds_come_as_events_and_the_result_last(
    client: Client, body: dict[str, Any], how: dict[str, Any]
) -> None:
    wrong = "Large right pleural effusion."
    script = iter([wrong, "Small left pleural effusion."])
    http = client(replies=lambda _: next(script, "Small left pleural effusion."))
    answer = await http.post("/v1/impressions", json=body, **how)
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer.text)
    assert [name for name, _ in found] == ["round", "round", "round", "result"]
    first, second, third = (data for _, data in found[:3])
    assert (first["audience"], first["round"], first["step"], first["passed"]) == ("draft", 1, "write", False)
    assert first["text"] == wrong
    assert first["verdicts"][0]["label"] != "supported"
    assert first["omissions"]
    assert (second["round"], second["step"], second["passed"]) == (2, "revise", True)
    assert (third["audience"], third["round"]) == ("brief", 1)
    assert found[-1][1]["impressions"]["brief"]["text"] == third["text"]


async def test_a_draft_that_breaks_is_an_error_event(client: Client, body: dict[str, Any]) -> None:
    def breaks(_: Any) -> str:
        raise ModelError("the model is out")

    answer = await client(replies=breaks).post("/v1/impressions?stream=true", json=body)
    ((name, data),) = events(answer.text)
    assert (name, data["status"], data["type"]) == ("error", 502, "urn:coarse2fine:model_failed")


async def test_a_draft_that_breaks_is_a_bad_gateway(client: Client, body: dict[str, Any]) -> None:
    def breaks(_: Any) -> str:
        raise ModelError("the model is out")

    answer = await client(replies=breaks).post("/v1/impressions", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (502, "the model is out")


async def test_a_stream_keeps_the_connection_open_and_ends_at_the_deadline(
    client: Client, service: Any, model: Any, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "IDLE_SECONDS", 0.1)
    model.seconds = 1.0
    made = service()
    made.runs.timeout = 0.6
    answer = await client(create_app(made)).post("/v1/impressions?stream=true", json=body)
    assert answer.text.startswith(": waiting\n\n: waiting\n\n")
    ((name, data),) = events(answer.text)
    assert (name, data["status"]) == ("error", 504)
    await made.close()


# ------------------------------------------------------------------------------------------------- traces, feedback
async def test_a_store_that_cannot_be_read_is_told_without_its_place(client: Client, home: Path) -> None:
    home.mkdir()
    (home / "traces.sqlite").write_text("this is no database, and long enough to be taken for a broken one" * 20)
    answer = await client().get("/v1/traces")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:coarse2fine:store_failed")
    assert str(home) not in answer.text


async def test_traces_are_listed_without_text_and_found_by_id(client: Client, body: dict[str, Any]) -> None:
    http = client()
    found = (await http.post("/v1/impressions", json=body)).json()
    listed = await http.get("/v1/traces", params={"limit": 5})
    assert [one["id"] for one in listed.json()["traces"]] == [found["trace_id"]]
    assert "effusion" not in listed.text
    kept = (await http.get(f"/v1/traces/{found['trace_id']}")).json()
    assert [text["audience"] for text in kept["texts"]] == ["draft", "brief"]


@pytest.mark.parametrize("path", ["/v1/traces/nothing", "/v1/traces/%00", "/v1/traces/%27%3B--", "/v1/none"])
async def test_what_is_not_there_is_a_problem(client: Client, path: str) -> None:
    answer = await client().get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:coarse2fine:not_found"
    assert "sqlite" not in answer.text


@pytest.mark.parametrize("limit", ["0", "501", "x"])
async def test_a_limit_is_checked(client: Client, limit: str) -> None:
    answer = await client().get("/v1/traces", params={"limit": limit})
    assert (answer.status_code, answer.json()["field"]) == (422, "limit")


async def test_feedback_is_kept_once(client: Client, home: Path) -> None:
    http = client()
    record = Feedback(id="f1", report=Report(findings="Clear."), text="Clear.", rating="positive", radiologist="r17")
    sent = json.loads(record.model_dump_json())
    first, again = [await http.post("/v1/feedback", json=sent) for _ in range(2)]
    unedited = {"edit": None, "unjudged": None}
    assert (first.status_code, first.json()) == (201, {"id": "f1", "new": True, **unedited})
    assert (again.status_code, again.json()) == (200, {"id": "f1", "new": False, **unedited})
    other = await http.post("/v1/feedback", json={**sent, "rating": "negative"})
    assert (other.status_code, other.json()["field"]) == (409, "id")
    assert (home / "feedback.sqlite").exists()


@pytest.mark.parametrize(
    ("edited", "status", "labels", "omitted"),
    [
        ("Small left pleural effusion.", "passed", ["supported"], 0),
        ("Small right pleural effusion.", "needs_review", ["contradicted"], 1),
        ("No pneumothorax.", "needs_review", ["supported"], 1),
    ],
)
async def test_an_edit_is_kept_and_comes_back_with_what_the_critic_says(
    client: Client, home: Path, edited: str, status: str, labels: list[str], omitted: int
) -> None:
    http = client()
    report = Report(findings="Small left pleural effusion. No pneumothorax.")
    record = Feedback(id="f1", report=report, audience="brief", text="An effusion.", edited=edited)
    sent = json.loads(record.model_dump_json())
    first, again = [await http.post("/v1/feedback", json=sent) for _ in range(2)]
    edit = first.json()["edit"]
    assert (edit["text"], edit["status"], edit["stop_reason"]) == (edited, status, "edited")
    assert [claim["label"] for claim in edit["claims"]] == labels
    assert len(edit["omissions"]) == omitted
    assert bool(edit["reasons"]) == (status != "passed")
    assert again.json() == {**first.json(), "new": False}
    (kept,) = FeedbackStore(home / "feedback.sqlite").list()
    assert kept.edited == edited, "whatever the critic says"


async def test_an_edit_that_comes_before_the_models_are_loaded_is_kept_and_says_so(client: Client) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    sent = {"report": {"findings": "Clear."}, "text": "Clear.", "edited": "All clear."}
    answer = (await client(warm=never).post("/v1/feedback", json=sent)).json()
    assert (answer["new"], answer["edit"], answer["unjudged"]) == (True, None, "the models are not loaded yet")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rating": None}, ""),
        ({"text": " "}, "text"),
        ({"created": "2026-11-24T10:30:00"}, "created"),
        ({"created": "0001-01-01T00:00:00+14:00"}, "created"),
        ({"colour": "red"}, "colour"),
        ({"report": {}}, "report.findings"),
        ({"text": "\ud800"}, ""),
    ],
)
async def test_feedback_that_cannot_be_kept_names_the_field(client: Client, change: dict[str, Any], field: str) -> None:
    sent = {"report": {"findings": "Clear."}, "text": "Clear.", "rating": "positive", **change}
    answer = await client().post("/v1/feedback", content=json.dumps(sent), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json().get("field", "") == field


# ---------------------------------------------------------------------------------------------------------- health
async def test_health_is_open_and_ready_waits_for_the_models(client: Client, service: Any, body: Any) -> None:
    made = service(warm=None)
    made.state = "loading"
    http = client(create_app(made))
    assert (await http.get("/healthz")).json() == {"status": "alive"}
    assert (await http.get("/readyz")).status_code == 503
    refused = await http.post("/v1/impressions", json=body)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    made.state = "ready"
    assert (await http.get("/readyz")).json() == {"status": "ready"}


async def test_models_are_loaded_when_the_app_starts(service: Any) -> None:
    ran: list[int] = []

    async def warm() -> None:
        ran.append(1)

    made = service(warm=warm)
    assert made.state == "loading"
    await made.warm_up()
    assert (made.state, ran) == ("ready", [1])


async def test_models_that_cannot_be_loaded_are_told(service: Any) -> None:
    async def warm() -> None:
        raise ModelError("no weights")

    told: list[Exception] = []
    made = service(warm=warm, broken=told.append)
    await made.warm_up()
    assert (made.state, [str(error) for error in told]) == ("broken", ["no weights"])


async def test_metrics_count_and_name_nobody(client: Client, body: dict[str, Any]) -> None:
    spanish = "Los pulmones están claros y el corazón es de tamaño normal sin derrame pleural."
    http = client()
    found = (await http.post("/v1/impressions", json=body)).json()
    await http.post("/v1/impressions", json={**body, "report": {"findings": spanish}})
    await http.get(f"/v1/traces/{found['trace_id']}")
    await http.get("/v1/nothing")
    page = (await http.get("/metrics")).text
    assert 'coarse2fine_requests_total{method="POST",route="/v1/impressions",status="200"} 2.0' in page
    assert 'coarse2fine_requests_total{method="GET",route="/v1/traces/{trace_id}",status="200"} 1.0' in page
    assert 'coarse2fine_requests_total{method="GET",route="other",status="404"} 1.0' in page
    assert 'coarse2fine_runs_total{status="passed"} 1.0' in page
    assert 'coarse2fine_needs_review_total{audience="draft"} 1.0' in page
    assert 'coarse2fine_rounds_total{audience="brief"}' in page
    assert "coarse2fine_runs_in_flight 0.0" in page
    assert 'coarse2fine_request_seconds_count{route="/v1/impressions"} 2.0' in page
    assert found["trace_id"] not in page
    assert "effusion" not in page


async def test_the_openapi_document_has_bodies_with_examples_and_whole_references(client: Client) -> None:
    http = client()
    document = (await http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert {"ImpressionRequest", "Feedback", "ChatRequest", "Result", "RunTrace"} <= set(schemas)
    named = {word.split('"')[0] for word in json.dumps(document).split('"$ref": "#/components/schemas/')[1:]}
    assert named <= set(schemas)
    for name, path in (("ImpressionRequest", "/v1/impressions"), ("ChatRequest", "/v1/chat/completions")):
        (example,) = schemas[name]["examples"]
        assert (await http.post(path, json=example)).status_code == 200
    assert (await http.get("/docs")).status_code == 404
