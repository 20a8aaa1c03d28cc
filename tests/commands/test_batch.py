"""`coarse2fine batch`: what is written where, what is printed, the exit codes."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from coarse2fine.agents import Critic
from coarse2fine.app import batch as runner
from coarse2fine.cli import app
from coarse2fine.graph import HOME_STORE, build_graph
from coarse2fine.reports import ModelError
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

GOOD = "Small left pleural effusion. No pneumothorax."
SPANISH = "Los pulmones están claros y el corazón es de tamaño normal sin derrame pleural."
Run = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))

    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, ["batch", *map(str, arguments)], input=stdin)

    return run


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Graphs get a model that always says the same, or breaks; the settings they were built with."""
    made: list[dict[str, Any]] = []

    def reply(messages: list[Any]) -> str:
        if "BROKEN" in str(messages):
            raise ModelError("the model broke")
        return "Small left pleural effusion."

    def build(model: str, critic: str, **settings: Any) -> Any:
        made.append({"model": model, "critic": critic, **settings})
        return build_graph(ScriptedChatModel(replies=reply), Critic(ScriptedNLI(0.0)), **settings)

    monkeypatch.setattr(runner, "build_graph", build)
    return made


def table(path: Path, *findings: str) -> Path:
    path.write_text("id,findings\n" + "".join(f"r{n},{text}\n" for n, text in enumerate(findings)), "utf-8")
    return path


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]


def test_a_file_of_reports_becomes_one_of_results(cli: Run, built: list[dict[str, Any]], tmp_path: Path) -> None:
    file, out = table(tmp_path / "in.csv", GOOD, GOOD, GOOD), tmp_path / "out.jsonl"
    done = cli(file, "--out", out, "-a", "brief", "--json", "--workers", "1")
    assert done.exit_code == 0
    figures = json.loads(done.stdout)
    assert {name: figures[name] for name in ("rows", "there", "passed", "needs_review", "failed")} == {
        "rows": 3, "there": 0, "passed": 3, "needs_review": 0, "failed": 0,
    }  # fmt: skip
    assert figures["rows_a_minute"] > 0
    assert ids(out) == ["r0", "r1", "r2"]
    assert list(json.loads(out.read_text("utf-8").splitlines()[0])["impressions"]) == ["brief"]
    assert built[0]["trace_store"] is HOME_STORE
    again = cli(file, "--out", out, "-a", "brief")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "there already  3" in again.stderr
    assert ids(out) == ["r0", "r1", "r2"]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ((GOOD, SPANISH), 5),
        ((GOOD, ""), 2),
        ((GOOD, "BROKEN lung."), 3),
        ((SPANISH, "BROKEN lung.", ""), 2),
        ((SPANISH, "BROKEN lung."), 3),
    ],
)
def test_the_lowest_exit_code_that_holds(cli: Run, tmp_path: Path, findings: tuple[str, ...], code: int) -> None:
    out = tmp_path / "out.jsonl"
    done = cli(table(tmp_path / "in.csv", *findings), "--out", out, "-a", "brief")
    assert done.exit_code == code
    failed = sum(text != SPANISH and text != GOOD for text in findings)
    assert len(ids(out)) == len(findings) - failed
    if failed:
        lines = (tmp_path / "out.failed.jsonl").read_text("utf-8").splitlines()
        assert len(lines) == failed
        assert str(tmp_path / "out.failed.jsonl") in done.stderr


@pytest.mark.usefixtures("built")
def test_only_the_first_failures_are_shown(cli: Run, tmp_path: Path) -> None:
    done = cli(table(tmp_path / "in.csv", *[""] * 30), "--out", tmp_path / "out.jsonl")
    assert done.stderr.count("error:") == 5
    assert "more failures are in" in done.stderr
    assert len((tmp_path / "out.failed.jsonl").read_text("utf-8").splitlines()) == 30


@pytest.mark.usefixtures("built")
def test_a_model_that_is_gone_stops_the_batch(cli: Run, tmp_path: Path) -> None:
    file = table(tmp_path / "in.csv", *["BROKEN lung."] * 40, GOOD)
    done = cli(file, "--out", tmp_path / "out.jsonl", "--workers", "2")
    assert done.exit_code == 3
    assert "20 reports in a row failed for their model: the model broke" in done.stderr
    assert "the same command goes on" in done.stderr
    assert len((tmp_path / "out.failed.jsonl").read_text("utf-8").splitlines()) == 20


def test_settings_reach_the_graph(cli: Run, built: list[dict[str, Any]], tmp_path: Path) -> None:
    cli(
        table(tmp_path / "in.csv", GOOD), "--out", tmp_path / "out.jsonl", "--model", "hf:x", "--critic", "hf:y",
        "--style", "terse", "--length", "30", "--max-rounds", "2", "-a", "bullet", "--no-traces",
    )  # fmt: skip
    assert built == [
        {
            "model": "hf:x", "critic": "hf:y", "audiences": ["bullet"], "max_rounds": 2, "style": "terse",
            "words": 30, "trace_store": None,
        }
    ]  # fmt: skip


@pytest.mark.usefixtures("built")
def test_what_ingest_reads_is_read(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "openi.jsonl").write_text(json.dumps({"idx": 7, "inputs": GOOD, "target": "x"}) + "\n", "utf-8")
    assert cli(tmp_path / "openi.jsonl", "--layout", "openi", "--out", tmp_path / "a.jsonl").exit_code == 0
    assert ids(tmp_path / "a.jsonl") == ["7"]
    (tmp_path / "b.csv").write_text(f"Befund\n{GOOD}\n", "utf-8")
    assert cli(tmp_path / "b.csv", "--column", "findings=Befund", "--out", tmp_path / "b.jsonl").exit_code == 0
    assert cli("-", "--out", tmp_path / "c.jsonl", stdin=f"FINDINGS: {GOOD}").exit_code == 0
    assert len(ids(tmp_path / "c.jsonl")) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_reports_under_way_finish(
    cli: Run, built: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    write = runner.ResultFile.write

    def signalled(self: Any, result: dict[str, Any], key: str) -> None:
        if not self.path.read_bytes():
            os.kill(os.getpid(), number)
        write(self, result, key)

    before = signal.getsignal(number)
    monkeypatch.setattr(runner.ResultFile, "write", signalled)
    file, out = table(tmp_path / "in.csv", *[GOOD] * 9), tmp_path / "out.jsonl"
    done = cli(file, "--out", out, "--workers", "3", "-a", "brief")
    assert done.exit_code == 1
    assert "the same command goes on" in done.stderr
    assert sorted(ids(out)) == ["r0", "r1", "r2"]
    assert signal.getsignal(number) == before
    assert cli(file, "--out", out, "-a", "brief").exit_code == 0
    assert len(ids(out)) == 9


@pytest.mark.usefixtures("built")
def test_a_run_that_is_stopped_says_how_to_go_on(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, out = table(tmp_path / "in.csv", GOOD, GOOD, GOOD), tmp_path / "out.jsonl"
    write = runner.ResultFile.write

    def stop(self: Any, result: dict[str, Any], key: str) -> None:
        write(self, result, key)
        if result["id"] == "r1":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner.ResultFile, "write", stop)
        done = cli(file, "--out", out, "--workers", "1")
    assert done.exit_code == 1
    assert "the same command goes on" in done.stderr
    out.write_bytes(out.read_bytes()[:-40])
    again = cli(file, "--out", out, "--workers", "1")
    assert again.exit_code == 0
    assert "the last line was cut short" in again.stderr
    assert ids(out) == ["r0", "r1", "r2"]


def test_another_file_is_not_overwritten(cli: Run, tmp_path: Path) -> None:
    file = table(tmp_path / "in.csv", GOOD)
    assert cli(file, "--out", file).exit_code == 2
    (tmp_path / "notes.txt").write_text("mine\n", "utf-8")
    refused = cli(file, "--out", tmp_path / "notes.txt")
    assert refused.exit_code == 2
    assert (tmp_path / "notes.txt").read_text("utf-8") == "mine\n"


def test_a_missing_package_is_told_before_anything_is_written(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = table(tmp_path / "in.csv", GOOD), tmp_path / "out.jsonl"
    monkeypatch.setitem(sys.modules, "ray", None)
    missing = cli(file, "--out", out, "--engine", "ray")
    assert missing.exit_code == 4
    assert "coarse2fine[ray]" in missing.stderr
    assert not out.exists()
