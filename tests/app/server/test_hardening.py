"""Each rule of bad input and security, in both forms: our own API's problem details, and OpenAI's error object."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from coarse2fine.app.server import create_app

FINDINGS = "Small left pleural effusion. No pneumothorax."
KEY = "a-key-of-sixteen-and-more"
OWN, CHAT = "/v1/impressions", "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}
Client = Callable[..., httpx.AsyncClient]

both = pytest.mark.parametrize("path", [OWN, CHAT])


def asking(path: str, findings: str = FINDINGS, **more: Any) -> dict[str, Any]:
    if path == OWN:
        return {"report": {"findings": findings}, "audiences": ["brief"], **more}
    return {"model": "coarse2fine-brief", "messages": [{"role": "user", "content": f"FINDINGS: {findings}"}], **more}


def code_of(got: httpx.Response, path: str) -> str:
    """The reason, from the form that belongs to the path, which must be whole."""
    body = got.json()
    if path == OWN:
        assert got.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= set(body) <= {"type", "title", "status", "detail", "field"}
        assert body["status"] == got.status_code
        return str(body["type"]).removeprefix("urn:coarse2fine:")
    assert got.headers["content-type"] == "application/json"
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return str(body["error"]["code"])


@both
async def test_a_body_of_ten_megabytes_is_refused(client: Client, path: str) -> None:
    got = await client().post(path, content=json.dumps(asking(path, "x" * 10_000_000)), headers=JSON)
    assert (got.status_code, code_of(got, path)) == (413, "too_large")
    assert "xxx" not in got.text


@both
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"report": "FINDINGS: \xc3\x28"}', "bad_encoding"),
        ('{"report": "FINDINGS: é"}'.encode("latin-1"), "bad_encoding"),
        ("{}".encode("utf-16"), "bad_encoding"),
        (b'{"report": "FINDINGS: Clear."', "bad_json"),
        (b"findings=clear", "bad_json"),
        (b'{"words": Infinity}', "bad_json"),
        (b'{"words": 1, "words": 2}', "bad_json"),
    ],
)
async def test_broken_text_and_wrong_json_are_refused(client: Client, path: str, content: bytes, code: str) -> None:
    got = await client().post(path, content=content, headers=JSON)
    assert (got.status_code, code_of(got, path)) == (400, code)


@both
@pytest.mark.parametrize("findings", ["a\x00b", "\ud800", "a\ufffe\x07b"])
async def test_characters_that_are_no_text_never_fail_the_server(client: Client, path: str, findings: str) -> None:
    got = await client().post(path, content=json.dumps(asking(path, findings)), headers=JSON)
    assert got.status_code in (200, 400, 422)
    if got.status_code != 200:
        assert code_of(got, path) == "invalid"


@both
async def test_markup_in_findings_is_data(client: Client, path: str) -> None:
    findings = "<script>alert(1)</script> is seen. Small left pleural effusion."
    got = await client(replies=[findings]).post(path, json=asking(path, findings))
    assert got.status_code == 200
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in got.headers["content-security-policy"]
    assert "<script>alert(1)</script>" in json.dumps(got.json())


@both
@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"audience": "poet"}, 422, "invalid"),
        ({"words": -1}, 422, "invalid"),
        ({"radiologist": "\ud800"}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_wanted_is_refused(
    client: Client, path: str, more: dict[str, Any], status: int, code: str
) -> None:
    got = await client().post(path, content=json.dumps(asking(path, **more)), headers=JSON)
    assert (got.status_code, code_of(got, path)) == (400 if path == CHAT else status, code)


async def test_an_unknown_audience_is_refused(client: Client) -> None:
    http = client()
    own = await http.post(OWN, json={**asking(OWN), "audiences": ["poet"]})
    assert (own.status_code, code_of(own, OWN), own.json()["field"]) == (422, "invalid", "audiences.0")
    chat = await http.post(CHAT, json={**asking(CHAT), "model": "coarse2fine-poet"})
    assert (chat.status_code, code_of(chat, CHAT)) == (404, "model_not_found")


@pytest.mark.parametrize("name", ["gpt-4o", "hf:/etc", "vllm:http://evil.example/v1", "nano#/tmp/adapter", "openai:x"])
async def test_no_model_is_chosen_from_outside(client: Client, model: Any, name: str) -> None:
    http = client()
    chat = await http.post(CHAT, json={**asking(CHAT), "model": name})
    assert (chat.status_code, code_of(chat, CHAT)) == (404, "model_not_found")
    for field in ("model", "critic"):
        own = await http.post(OWN, json={**asking(OWN), field: name})
        assert (own.status_code, code_of(own, OWN), own.json()["field"]) == (422, "invalid", field)
    assert model.asked == []


@both
async def test_keys_and_hosts_are_asked_for(client: Client, path: str) -> None:
    keyed = client(host="radiology.example", keys=(KEY,))
    for headers in ({}, {"Authorization": f"Bearer {KEY}x"}, {"X-API-Key": KEY[:-1]}):
        got = await keyed.post(path, json=asking(path), headers=headers)
        assert (got.status_code, code_of(got, path)) == (401, "unauthorized")
        assert KEY not in got.text
    assert (await keyed.post(path, json=asking(path), headers={"X-API-Key": KEY})).status_code == 200
    got = await client(host="evil.example").post(path, json=asking(path))
    assert (got.status_code, code_of(got, path)) == (400, "bad_host")


@both
async def test_rates_and_seats_are_limited(client: Client, model: Any, path: str) -> None:
    http = client(rate=1)
    await http.post(path, json=asking(path))
    got = await http.post(path, json=asking(path))
    assert (got.status_code, code_of(got, path)) == (429, "too_many_requests")
    assert int(got.headers["retry-after"]) >= 1
    model.seconds = 0.2
    narrow = client(in_flight=1, waiting=0)
    found = await asyncio.gather(*(narrow.post(path, json=asking(path)) for _ in range(3)))
    busy = [one for one in found if one.status_code == 503]
    assert len(busy) == 2
    assert {code_of(one, path) for one in busy} == {"busy"}


@both
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_request_that_is_cancelled_stops_its_run(
    service: Any, model: Any, path: str, streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The client hangs up after its body was read; asyncio must not complain of a task that nobody waited for."""
    model.seconds = 0.2
    made = service()
    body = json.dumps(
        {**asking(path), "audiences": []} if path == OWN else {**asking(path), "stream": streamed}
    ).encode()
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        await asyncio.sleep(0)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "", "headers": headers,
        "query_string": b"stream=true" if streamed and path == OWN else b"", "client": ("127.0.0.1", 1),
        "server": ("localhost", 80), "state": {},
    }  # fmt: skip
    await create_app(made)(scope, receive, send)
    for _ in range(100):
        if not made.runs.seats.seated:
            break
        await asyncio.sleep(0.02)
    assert (made.runs.seats.seated, made.runs.seats.waiting) == (0, 0)
    assert len(model.asked) == 1, "the call that was under way was the last"
    assert "never retrieved" not in caplog.text


@both
async def test_no_text_is_logged_whatever_happens(
    client: Client, model: Any, path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("httpx"), "disabled", True)  # the test's own client
    caplog.set_level(logging.DEBUG)
    secret = "Spiculated mass in the secret lobe."

    def breaks(_: Any) -> str:
        raise ValueError(secret)

    for http in (client(replies=[secret]), client(replies=breaks)):
        await http.post(path, json=asking(path, secret))
        await http.post(path, json=asking(path, secret, words=secret))
        await http.post(path, content=json.dumps(asking(path, secret))[:-2], headers=JSON)
        await http.get(f"/v1/models/{secret}")
    assert f"POST {path}" in caplog.text
    assert "secret" not in caplog.text
