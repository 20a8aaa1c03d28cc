"""The load test."""

from __future__ import annotations

from pathlib import Path

import httpx

from coarse2fine.evals.load import load, scripted_app


async def test_every_request_is_answered_and_counted(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, in_flight=1, waiting=1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        found = await load(client, clients=4, requests=12)
    assert sum(found.statuses.values()) == 12
    assert set(found.statuses) == {200, 503}
    assert 0 < found.median <= found.percentile_95
    assert found.per_second > 0
