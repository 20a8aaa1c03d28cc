"""The speed benchmark."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from coarse2fine.evals.overhead import measure
from coarse2fine.reports import Report


def test_the_loading_run_does_not_count() -> None:
    traces = [
        SimpleNamespace(wall_seconds=wall, model_seconds=models)
        for wall, models in ((9.0, 1.0), (2.0, 1.0), (1.2, 1.0))
    ]

    class Graph:
        def invoke(self, state: dict[str, Any]) -> dict[str, Any]:
            assert state["report"].findings == "Clear."
            return {"trace": traces.pop(0)}

    found = measure(Graph(), [Report(findings="Clear.")], repeats=2)  # type: ignore[arg-type]
    assert found == pytest.approx((1.6, 1.0, 1.6))
    assert not traces
