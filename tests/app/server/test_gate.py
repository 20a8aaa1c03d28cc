"""The gate: keys, hosts, headers, logs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from coarse2fine.app.server import create_app
from coarse2fine.app.service import Options
from coarse2fine.reports import InputError

KEY = "a-key-of-sixteen-and-more"
OTHER = "another-key-of-sixteen"
Client = Callable[..., httpx.AsyncClient]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {KEY}x"}, 401),
        ({"Authorization": f"Bearer {KEY[:-1]}"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"X-API-Key": "nothing"}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"bearer {OTHER}"}, 200),
        ({"X-API-Key": KEY}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/models", "/metrics", "/openapi.json"])
async def test_a_key_is_needed_where_there_are_keys(
    client: Client, path: str, headers: dict[str, str], status: int
) -> None:
    got = await client(host="radiology.example", keys=(KEY, OTHER)).get(path, headers=headers)
    assert got.status_code == status
    if status == 401:
        assert got.headers["www-authenticate"] == "Bearer"
        assert KEY not in got.text


async def test_health_needs_no_key(client: Client) -> None:
    http = client(keys=(KEY,))
    assert [(await http.get(path)).status_code for path in ("/healthz", "/readyz")] == [200, 200]


async def test_wrong_keys_are_limited_by_address_and_right_ones_by_key(client: Client) -> None:
    http = client(keys=(KEY, OTHER), rate=2)
    wrong = [(await http.get("/v1/models")).status_code for _ in range(4)]
    assert wrong == [401, 401, 429, 429]
    for key in (KEY, OTHER):
        headers = {"Authorization": f"Bearer {key}"}
        assert [(await http.get("/v1/models", headers=headers)).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
async def test_this_machine_is_answered_without_a_key(client: Client, host: str) -> None:
    assert (await client().get("/v1/models", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example:80", "[", ""])
async def test_without_a_key_another_name_is_refused(client: Client, host: str) -> None:
    assert (await client().get("/v1/traces", headers={"Host": host})).status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/v1/traces", "/v1/none", "/v1/models"])
async def test_every_answer_has_security_headers_and_no_cors(client: Client, path: str) -> None:
    got = await client().get(path, headers={"Origin": "https://evil.example"})
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in got.headers["content-security-policy"]
    assert got.headers["x-frame-options"] == "DENY"
    assert not [name for name in got.headers if name.startswith("access-control")]


async def test_a_preflight_is_not_answered(client: Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    got = await client().options("/v1/impressions", headers=headers)
    assert got.status_code == 405
    assert not [name for name in got.headers if name.startswith("access-control")]


async def test_no_report_text_is_logged(
    client: Client, body: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("httpx"), "disabled", True)  # the test's own client
    caplog.set_level(logging.DEBUG)
    http = client()
    await http.post("/v1/impressions", json=body)
    await http.post("/v1/impressions?stream=true", json=body)
    await http.post("/v1/impressions", json={**body, "report": {"findings": "Small left pleural effusion.", "x": 1}})
    await http.post("/v1/feedback", json={"report": body["report"], "text": "Small left pleural effusion."})
    message = {"role": "user", "content": "Small left pleural effusion."}
    await http.post("/v1/chat/completions", json={"model": "coarse2fine", "messages": [message]})
    await http.get("/v1/traces/Small left pleural effusion.")
    assert "POST /v1/impressions 200" in caplog.text
    assert "GET /v1/traces/{trace_id} 404" in caplog.text
    assert "effusion" not in caplog.text


async def test_a_failure_that_nobody_foresaw_is_logged_by_its_place(
    client: Client, service: Any, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    made = service()

    def begin(*_: Any) -> None:
        raise KeyError("Small left pleural effusion.")

    made.begin = begin
    got = await client(create_app(made)).post("/v1/impressions", json=body)
    assert (got.status_code, got.json()["type"]) == (500, "urn:coarse2fine:failed")
    assert "KeyError at test_gate.py:" in caplog.text
    assert "effusion" not in caplog.text + got.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": ("short",)}, {"keys": ("a-key-with-ümlauts-in-it",)}, {"rate": -1}, {"max_body": 10},
        {"in_flight": 0}, {"waiting": -1}, {"timeout": 0},
    ],
)  # fmt: skip
def test_options_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Options(**wrong)
