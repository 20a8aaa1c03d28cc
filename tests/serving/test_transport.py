"""Retries, backpressure and kept connections."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import httpx
import pytest

from coarse2fine.serving.transport import ATTEMPTS, AsyncPatient, Patient, Seats, clients_of

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
BODY = {"model": "llama"}


def waiting(server: Any, seats: Seats) -> httpx.Client:
    return httpx.Client(base_url=server.url, transport=Patient(seats, wait=0.0))


def awaiting(server: Any, seats: Seats) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, transport=AsyncPatient(seats, wait=0.0))


@pytest.mark.parametrize(
    ("statuses", "end", "sent"),
    [
        ([], 200, 1),
        ([500, 503], 200, 3),
        ([None], 200, 2),
        ([500] * 9, 500, ATTEMPTS),
        ([400], 400, 1),
        ([404], 404, 1),
        ([408], 408, 1),
        ([429], 429, 1),
    ],
)
async def test_only_what_may_pass_is_tried_again(server: Any, statuses: list[int | None], end: int, sent: int) -> None:
    seats = Seats(1)
    with waiting(server, seats) as client:
        async with awaiting(server, seats) as client_:
            for _ in range(2):  # a seat that were lost would be missed by the next
                server.statuses = list(statuses)
                assert client.post("completions", json=BODY).status_code == end
                server.statuses = list(statuses)
                assert (await client_.post("completions", json=BODY)).status_code == end
    assert server.posts == [BODY] * sent * 4


async def test_a_server_that_is_gone_is_an_error_after_some_patience(server: Any) -> None:
    server.close()
    seats = Seats(1)
    for _ in range(2):
        with waiting(server, seats) as client, pytest.raises(httpx.ConnectError):
            client.post("completions", json=BODY)
        async with awaiting(server, seats) as client_:
            with pytest.raises(httpx.ConnectError):
                await client_.post("completions", json=BODY)


async def test_timeouts_are_tried_again(server: Any) -> None:
    server.seconds = 0.3
    with waiting(server, Seats(1)) as client, pytest.raises(httpx.ReadTimeout):
        client.post("completions", json=BODY, timeout=0.05)
    time.sleep(0.4)
    assert len(server.posts) == ATTEMPTS


async def test_no_more_than_the_bound_is_in_flight_over_threads_and_loops(server: Any) -> None:
    server.seconds, seats = 0.05, Seats(3)
    blocking = waiting(server, seats)
    threads = [threading.Thread(target=lambda: blocking.post("completions", json=BODY)) for _ in range(4)]
    for thread in threads:
        thread.start()
    async with awaiting(server, seats) as client:
        answers = await asyncio.gather(*(client.post("completions", json=BODY) for _ in range(8)))
    for thread in threads:
        await asyncio.to_thread(thread.join)
    blocking.close()
    assert {answer.status_code for answer in answers} == {200}
    assert len(server.posts) == 12
    assert server.most == 3


async def test_who_leaves_the_line_takes_no_seat_along(server: Any) -> None:
    server.seconds, seats = 0.1, Seats(1)
    async with awaiting(server, seats) as client:
        first = asyncio.create_task(client.post("completions", json=BODY))
        await asyncio.sleep(0.02)
        leaving = [asyncio.create_task(client.post("completions", json=BODY)) for _ in range(3)]
        await asyncio.sleep(0.02)
        for one in leaving:
            one.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        assert (await first).status_code == 200
        assert (await client.post("completions", json=BODY)).status_code == 200
        begun = asyncio.create_task(client.post("completions", json=BODY))
        await asyncio.sleep(0.02)
        begun.cancel()
        await asyncio.gather(begun, return_exceptions=True)
        assert (await client.post("completions", json=BODY)).status_code == 200
    assert len(server.posts) == 4


async def test_a_stream_keeps_its_seat_until_it_is_closed(server: Any) -> None:
    seats = Seats(1)
    async with awaiting(server, seats) as client:
        async with client.stream("POST", "completions", json=BODY) as answer:
            assert answer.status_code == 200
            other = asyncio.create_task(client.post("completions", json=BODY))
            await asyncio.sleep(0.05)
            assert len(server.posts) == 1
        assert (await other).status_code == 200


def test_connections_are_kept_and_each_event_loop_has_its_own(server: Any) -> None:
    client = clients_of(server.url).awaiting

    async def twice() -> None:
        for _ in range(2):
            assert (await client.post("completions", json=BODY)).status_code == 200
        await client._transport.aclose()

    asyncio.run(twice())
    asyncio.run(twice())
    assert (len(server.posts), server.connections) == (4, 2)
    assert clients_of(server.url).awaiting is client


def test_the_key_is_shown(server: Any) -> None:
    clients_of(server.url, "secret").blocking.post("completions", json=BODY)
    assert server.asked[0][2]["Authorization"] == "Bearer secret"
