"""Exporting run traces from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import coarse2fine
from coarse2fine.agents import Critic
from coarse2fine.cli import app
from coarse2fine.graph import RunTrace, TraceStore, build_graph, otlp_export
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

FINDINGS = "FINDINGS: Small left pleural effusion. No pneumothorax."


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(model: str, critic: str, **settings: Any) -> Any:
        said = ScriptedChatModel(replies=["Small left pleural effusion."])
        return build_graph(said, Critic(ScriptedNLI(0.0)), **settings)

    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(coarse2fine, "build_graph", build, raising=False)
    for name in otlp_export.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, RunTrace]]:
    """What was sent: where to, whether with content, which run."""
    found: list[tuple[str, bool, RunTrace]] = []

    class Exporter:
        def __init__(self, endpoint: str, content: bool = False) -> None:
            self.endpoint, self.content = endpoint, content

        def export(self, traces: Any) -> None:
            found.extend((self.endpoint, self.content, trace) for trace in traces)

        def close(self) -> None:
            pass

    monkeypatch.setattr(otlp_export, "OtlpExporter", Exporter)
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, input=FINDINGS)


def test_impress_sends_each_run_and_keeps_it(sent: list[Any]) -> None:
    result = run("impress", "-", "--json", "--otlp", "http://127.0.0.1:4318")
    ((endpoint, content, trace),) = sent
    assert (endpoint, content) == ("http://127.0.0.1:4318/v1/traces", False)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["trace_id"] == trace.id == TraceStore().get("last").id


def test_the_environment_names_a_collector_too(sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert run("impress", "-", "--otlp-content").exit_code == 0
    assert [(endpoint, content) for endpoint, content, _ in sent] == [("http://127.0.0.1:4318/v1/traces", True)]


def test_nothing_is_sent_by_default(sent: list[Any]) -> None:
    assert run("impress", "-").exit_code == 0
    assert sent == []


def test_a_kept_run_is_sent_by_its_id(sent: list[Any]) -> None:
    run("impress", "-")
    result = run("trace", "export", "last", "--otlp", "http://127.0.0.1:4318/v1/traces")
    ((_, content, trace),) = sent
    assert result.stdout.split() == ["sent", "run", trace.id]
    assert not content


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["trace", "export", "last"], 2, "name a collector"),
        (["trace", "export", "none", "--otlp", "http://127.0.0.1:4318"], 2, "no trace"),
        (["impress", "-", "--otlp-content"], 2, "needs a collector"),
        (["impress", "-", "--otlp", "collector:4317"], 2, "http or https URL"),
        (["serve", "--otlp", "collector:4317"], 2, "http or https URL"),
    ],
)
def test_what_cannot_be_sent_is_told(arguments: list[str], code: int, said: str) -> None:
    run("impress", "-")
    result = run(*arguments)
    assert result.exit_code == code
    assert said in result.stderr.replace("\n", " ")


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    result = run("impress", "-", "--otlp", "http://127.0.0.1:4318")
    assert result.exit_code == 4
    assert "coarse2fine[otlp]" in result.stderr
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    result = run("impress", "-")
    assert result.exit_code == 0, "the variable may be there for another program"
    assert "coarse2fine[otlp]" in result.stderr
