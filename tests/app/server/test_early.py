"""Answers that come while the request's body is still being sent: the client reads them whole, by a raw socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from coarse2fine.app import lingering

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
SIZE = 12_000_000
PATH = "/v1/impressions"
Serving = Callable[..., Any]


def head(*fields: str, size: int = SIZE) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *fields]
    if "Transfer-Encoding: chunked" not in fields:
        lines.append(f"Content-Length: {size}")
    return "\r\n".join([*lines, "", ""]).encode()


def opened(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers, problem; what comes after the answer's body stays unread."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        pairs = (line.decode().partition(":") for line in iter(file.readline, b"\r\n"))
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return status, headers, json.loads(file.read(int(headers["content-length"])))


def send(connection: socket.socket, parts: Iterable[bytes]) -> None:
    for part in parts:
        connection.sendall(part)


def chunked(size: int) -> Iterator[bytes]:
    for _ in range(size >> 16):
        yield b"10000\r\n" + b"x" * (1 << 16) + b"\r\n"
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("fields", [(), ("Connection: close",), ("Transfer-Encoding: chunked",)])
def test_who_sends_all_before_reading_reads_the_refusal(serving: Serving, fields: tuple[str, ...]) -> None:
    with serving() as served, opened(served.url) as connection:
        connection.sendall(head(*fields))
        send(connection, chunked(SIZE) if "chunked" in str(fields) else [b"x" * SIZE])
        status, headers, problem = answer(connection)
        assert (status, headers["content-type"]) == (413, "application/problem+json")
        assert problem["type"] == "urn:coarse2fine:too_large"


def test_so_does_who_has_no_key(serving: Serving) -> None:
    with serving(keys=("a-key-of-sixteen-and-more",)) as served, opened(served.url) as connection:
        connection.sendall(head("Connection: close"))
        connection.sendall(b"x" * SIZE)
        status, headers, problem = answer(connection)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert problem["type"] == "urn:coarse2fine:unauthorized"


def test_the_answer_does_not_wait_for_the_body(serving: Serving) -> None:
    with serving() as served, opened(served.url) as connection:
        connection.sendall(head(size=50_000_000) + b"x" * 1000)
        started = time.monotonic()
        status, headers, _ = answer(connection)
        assert (status, headers["connection"]) == (413, "close")
        assert time.monotonic() - started < 2


def test_who_never_stops_sending_is_cut_off(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_MOST", 1 << 20)
    with serving() as served, opened(served.url) as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        with pytest.raises(ConnectionError):
            send(connection, chunked(1 << 30))


def test_who_stops_in_the_middle_is_not_waited_for(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_SECONDS", 0.2)
    with serving() as served, opened(served.url) as connection:
        connection.sendall(head(size=50_000_000) + b"x" * 1000)
        assert answer(connection)[0] == 413
        assert connection.recv(1) == b"", "closed by the server, without a reset"


def test_a_connection_goes_on_after_a_body_that_was_thrown_away(serving: Serving) -> None:
    with serving(max_body=2_000) as served, opened(served.url) as connection:
        for _ in range(2):
            connection.sendall(head(size=300_000))
            connection.sendall(b"x" * 300_000)
            status, headers, _ = answer(connection)
            assert (status, "connection" in headers) == (413, False)
