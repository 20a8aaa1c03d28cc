"""Requests that cannot be used: which status, in which form, and what is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from coarse2fine.app import limits, lingering
from coarse2fine.app.errors import Refused, answer, refused_from
from coarse2fine.app.limits import Buckets, Seats
from coarse2fine.reports import InputError, MissingExtra, PromptError

Client = Callable[..., httpx.AsyncClient]
JSON = {"Content-Type": "application/json"}
PATHS = ("/v1/impressions", "/v1/chat/completions", "/v1/feedback")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"", 400, "bad_json"),
        (b'{"report": "a", "report": "b"}', 400, "bad_json"),
        (b'{"words": NaN}', 400, "bad_json"),
        (b"[" * 100_000, 400, "bad_json"),
        (b'{"words": ' + b"9" * 5_000 + b"}", 400, "bad_json"),
        (b'{"report": "\xff"}', 400, "bad_encoding"),
        (b"\xff\xfe{\x00}\x00", 400, "bad_encoding"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"{}", 422, "invalid"),
    ],
)
async def test_a_body_that_is_no_use_is_told_in_the_form_of_the_api(
    client: Client, path: str, content: bytes, status: int, code: str
) -> None:
    got = await client().post(path, content=content, headers=JSON)
    if path.startswith("/v1/chat"):
        assert got.status_code == 400
        error = got.json()["error"]
        assert (error["code"], error["type"]) == (code, "invalid_request_error")
        assert set(error) == {"message", "type", "param", "code"}
    else:
        assert got.status_code == status
        assert got.headers["content-type"] == "application/problem+json"
        problem = got.json()
        assert (problem["type"], problem["status"]) == (f"urn:coarse2fine:{code}", status)
        assert problem["title"]
        assert problem["detail"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"report": {"findings": " "}}, "report.findings"),
        ({"report": {"exam": "CT"}}, "report.findings"),
        ({"report": {"findings": "x" * 50_001}}, "report.findings"),
        ({"report": {"findings": 7}}, "report.findings"),
        ({"report": {"findings": "a\ud800"}}, "report.findings"),
        ({"report": {"findings": "a\x00"}}, "report.findings"),
        ({"report": {"findings": "Clear.", "comparision": "CT of 2020"}}, "report"),
        ({"report": {"findings": "Clear.", "age": 200}}, "report.age"),
        ({"report": "IMPRESSION: Normal."}, "report.findings"),
        ({"report": "FINDINGS: Clear.\nIMPRESSION: No.\nFINDINGS: Clear."}, "report.findings"),
        ({"report": ""}, "report.findings"),
        ({"report": ["Clear."]}, "report.dict[str,any]"),
        ({"audiences": ["poet"]}, "audiences.0"),
        ({"audiences": ["draft"]}, "audiences.0"),
        ({"audiences": "brief"}, "audiences"),
        ({"audiences": ["brief"] * 4}, "audiences"),
        ({"audience": ["brief"]}, "audience"),
        ({"words": 0}, "words"),
        ({"words": "30"}, "words"),
        ({"words": True}, "words"),
        ({"style": "x" * 201}, "style"),
        ({"radiologist": "\ud800"}, "radiologist"),
        ({"radiologist": " "}, ""),
    ],
)
async def test_a_field_that_cannot_be_is_named_and_its_value_is_not_echoed(
    client: Client, body: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    got = await client().post("/v1/impressions", content=json.dumps({**body, **change}), headers=JSON)
    assert got.status_code == 422
    assert got.json().get("field", "") == field
    assert "xxxx" not in got.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_must_say_that_it_is_json(client: Client, body: dict[str, Any], kind: str) -> None:
    got = await client().post("/v1/impressions", content=json.dumps(body), headers={"Content-Type": kind})
    assert got.status_code == 415


@pytest.mark.parametrize("path", [*PATHS, "/v1/traces"])
async def test_another_method_is_told(client: Client, path: str) -> None:
    assert (await client().delete(path)).status_code == 405


# ------------------------------------------------------------------------------------------------------ large bodies
@pytest.mark.parametrize("path", PATHS)
async def test_a_large_body_is_refused_before_it_is_read(
    client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingering, "_MOST", 0)
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(160):
            sent += 1 << 16
            yield b" " * (1 << 16)

    got = await client().post(path, content=chunks(), headers=JSON)
    assert got.status_code == 413
    assert sent <= (1 << 20) + (1 << 17)


async def test_a_declared_large_body_is_not_read_at_all(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_MOST", 0)
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b" " * 10_000_000

    headers = {**JSON, "Content-Length": "10000000"}
    got = await client().post("/v1/impressions", content=chunks(), headers=headers)
    assert (got.status_code, read) == (413, 0)
    assert got.json()["detail"] == "a body may have 1,048,576 bytes at most"


async def test_a_body_that_does_not_come_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_BODY_SECONDS", 0.05)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    got = await client().post("/v1/impressions", content=chunks(), headers=JSON)
    assert got.status_code == 408


# ------------------------------------------------------------------------------------------------------------ limits
def test_a_bucket_fills_again() -> None:
    now = [0.0]
    buckets = Buckets(60, lambda: now[0])
    for _ in range(60):
        buckets.take("a")
    with pytest.raises(Refused) as refused:
        buckets.take("a")
    assert refused.value.retry_after == pytest.approx(1.0)
    buckets.take("b")
    now[0] = 1.0
    buckets.take("a")
    with pytest.raises(Refused):
        buckets.take("a")


def test_buckets_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_CLIENTS", 10)
    buckets = Buckets(1)
    for number in range(50):
        buckets.take(str(number))
    assert len(buckets._buckets) == 10
    with pytest.raises(Refused):
        buckets.take("49")


async def test_seats_and_queue_are_bounded() -> None:
    seats = Seats(1, 1)
    seats.admit()
    async with seats.seat():
        seats.admit()
        assert (seats.seated, seats.waiting) == (1, 1)
        with pytest.raises(Refused, match="1 runs go on and 1 wait"):
            seats.admit()
    seats.leave()
    seats.admit()


async def test_too_many_requests_get_429_with_a_time(client: Client) -> None:
    http = client(rate=2)
    found = [await http.get("/v1/models") for _ in range(3)]
    assert [one.status_code for one in found] == [200, 200, 429]
    assert 1 <= int(found[-1].headers["retry-after"]) <= 30
    assert found[-1].json()["error"]["type"] == "rate_limit_error"
    assert (await http.get("/healthz")).status_code == 200
    assert (await http.get("/v1/traces")).json()["type"] == "urn:coarse2fine:too_many_requests"


async def test_too_many_runs_at_once_get_503_and_the_others_are_done(
    client: Client, model: Any, body: dict[str, Any]
) -> None:
    model.seconds = 0.2
    http = client(in_flight=1, waiting=1)
    found = await asyncio.gather(*(http.post("/v1/impressions", json=body) for _ in range(4)))
    assert sorted(one.status_code for one in found) == [200, 200, 503, 503]
    busy = next(one for one in found if one.status_code == 503)
    assert int(busy.headers["retry-after"]) >= 1
    assert busy.json()["type"] == "urn:coarse2fine:busy"
    assert (await http.post("/v1/impressions", json=body)).status_code == 200


async def test_runs_go_on_at_once(client: Client, model: Any, body: dict[str, Any]) -> None:
    model.seconds = 0.05
    going, most = 0, 0

    def reply(_: Any) -> str:
        return "Small left pleural effusion."

    original = type(model)._agenerate

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal going, most
        going += 1
        most = max(most, going)
        try:
            return await original(self, *args, **kwargs)
        finally:
            going -= 1

    class Counted(type(model)):  # type: ignore[misc]
        _agenerate = counted

    model.__class__ = Counted
    http = client(in_flight=3, replies=reply)
    await asyncio.gather(*(http.post("/v1/impressions", json={**body, "audiences": []}) for _ in range(6)))
    assert most == 3


async def test_a_run_that_takes_too_long_is_stopped(client: Client, service: Any, model: Any, body: Any) -> None:
    from coarse2fine.app.server import create_app

    model.seconds = 0.6
    made = service()
    made.runs.timeout = 0.2
    got = await client(create_app(made)).post("/v1/impressions", json=body)
    assert (got.status_code, got.json()["type"]) == (504, "urn:coarse2fine:timeout")
    assert made.runs.seats.seated == 1, "the model is still busy, so its seat is taken"
    await made.close()
    assert (made.runs.seats.seated, len(model.asked)) == (0, 1)


# -------------------------------------------------------------------------------------------------------- the table
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("x"), 422),
        (PromptError("x"), 422),
        (MissingExtra("x"), 500),
        (OSError("/secret/path"), 500),
        (ValueError("findings of somebody"), 500),
    ],
)
def test_failures_have_a_status_and_unforeseen_ones_tell_nothing(error: Exception, status: int) -> None:
    got = answer(refused_from(error), "/v1/impressions")
    assert got.status_code == status
    assert b"secret" not in got.body
    assert b"somebody" not in got.body
