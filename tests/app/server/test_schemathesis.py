"""The OpenAPI document holds: whatever is sent, the server does not fail, and it answers what the document says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from coarse2fine.app.server import create_app

schemathesis = pytest.importorskip("schemathesis")

HERE = {"Host": "localhost"}
MODES = list(schemathesis.GenerationMode)
POSTS = ("/v1/impressions", "/v1/feedback", "/v1/chat/completions")


@pytest.fixture
def api(service: Callable[..., Any]) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(service()), headers=HERE)


def hold(case: Any) -> None:
    """All checks but one: that findings must not be blank, and how a report's fields may be named, no schema says."""
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    case.call_and_validate(headers=HERE, excluded_checks=[positive_data_acceptance])


def test_each_operation_answers_what_its_document_says_at_every_edge(api: Any) -> None:
    operations = [found.ok() for found in api.get_all_operations()]
    assert {(one.method, one.path) for one in operations} >= {("post", path) for path in POSTS}
    for operation in operations:
        for case in api.iter_coverage_cases(
            operation, generation_modes=MODES, generation_config=api.config.generation_for(operation=operation)
        ):
            hold(case)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", POSTS)
def test_what_is_sent_at_random_is_answered_as_its_document_says(api: Any, path: str, mode: Any) -> None:
    @settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=api[path]["POST"].as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        hold(case)

    run()
