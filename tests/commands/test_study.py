"""`coarse2fine study`: what is written, what is printed and where, and the exit codes."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coarse2fine.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "study"
Run = Callable[..., Result]


@pytest.fixture
def cli() -> Run:
    return lambda *arguments: CliRunner().invoke(app, ["study", *map(str, arguments)])


@pytest.fixture
def study(cli: Run, tmp_path: Path) -> Path:
    out = tmp_path / "study"
    result = cli(
        "create", EXAMPLES / "generated.jsonl", EXAMPLES / "original.jsonl", "--out", out,
        "--generated", "8", "--original", "4", "--reader", "a", "--reader", "b", "--seed", "7", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["readers"] == {"a": 12, "b": 12}
    assert "keep" in result.stderr
    return out


def test_the_readmes_commands_run_on_the_examples(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    lines = re.findall(r"^coarse2fine study (.*)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["create", "analyze"]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for line in lines:
        result = cli(*shlex.split(line))
        assert result.exit_code == 0, result.stderr
    assert "| generated | 8 | 1 | 5 | 1 | 1 | 0 | 75.0% (6/8; 40.9% to 92.9%)" in result.stdout
    assert {path.name for path in Path("outputs/study/report").iterdir()} == {"report.md", "report.json", "radar.png"}
    assert "![Mean of each dimension" in Path("outputs/study/report/report.md").read_text("utf-8")


def test_json_and_the_report_say_the_same_and_hold_no_report_text(cli: Run, study: Path, tmp_path: Path) -> None:
    ratings = EXAMPLES / "ratings.csv"
    result = cli("analyze", study / "key.json", ratings, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found == json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert (found["ratings"], found["disputed"], found["evaluated"]) == (24, 1, 11)
    assert [comment["comment"] for comment in found["comments"]] == ["Would add a follow-up interval."]
    text = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "follow-up interval" not in text
    for row in (EXAMPLES / "generated.jsonl").read_text("utf-8").splitlines():
        assert json.loads(row)["impression"] not in text + result.stdout


def test_what_readers_agreed_upon_is_taken(cli: Run, study: Path, tmp_path: Path) -> None:
    command = ("analyze", study / "key.json", EXAMPLES / "ratings.csv", "--json")
    (open_,) = json.loads(cli(*command).stdout)["unresolved"]
    assert f"Unresolved items: {open_}." in cli(*command[:-1]).stdout
    (tmp_path / "resolved.csv").write_text(f"item,rating\n{open_},neutral\n", "utf-8")
    found = json.loads(cli(*command, "--resolved", tmp_path / "resolved.csv").stdout)
    assert (found["unresolved"], found["disputed"], found["evaluated"]) == ([], 1, 12)


def test_missing_ratings_are_a_warning(cli: Run, study: Path, tmp_path: Path) -> None:
    lines = (EXAMPLES / "ratings.csv").read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "r.csv").write_text("".join(lines[:-2]), "utf-8")
    result = cli("analyze", study / "key.json", tmp_path / "r.csv")
    assert (result.exit_code, "2 ratings are missing" in result.stderr) == (0, True)


def test_bad_input_is_exit_code_2_and_writes_nothing(cli: Run, study: Path, tmp_path: Path) -> None:
    key, ratings, out = study / "key.json", EXAMPLES / "ratings.csv", tmp_path / "out"
    other = tmp_path / "other"
    cli(
        "create", EXAMPLES / "generated.jsonl", EXAMPLES / "original.jsonl", "--out", other,
        "--generated", "8", "--original", "4", "--reader", "a", "--reader", "b", "--seed", "8",
    )  # fmt: skip
    for arguments, words in (
        ((other / "key.json", ratings), "hash mismatch"),
        ((key, ratings, ratings), "rated item"),
        ((key, tmp_path / "none.csv"), "cannot read"),
        ((key, ratings, "--readers", other / "readers"), "its hash is not the key's"),
        ((key, ratings, "--detect", "2"), "between 0 and 1"),
    ):
        result = cli("analyze", *arguments, "--out", out)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert cli("analyze", key, ratings, "--plots").exit_code == 2
    assert not out.exists()
    assert cli("analyze", key, ratings, ratings, "--keep", "last").exit_code == 0
    again = cli("create", EXAMPLES / "generated.jsonl", EXAMPLES / "original.jsonl", "--out", study)
    assert (again.exit_code, "8 generated rows for 200 items" in again.stderr) == (2, True)


def test_missing_packages_are_exit_code_4(
    cli: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("analyze", study / "key.json", EXAMPLES / "ratings.csv", "--out", tmp_path / "out")
    monkeypatch.setitem(sys.modules, "krippendorff", None)
    result = cli(*command)
    assert (result.exit_code, "coarse2fine[evals]" in result.stderr) == (4, True)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = cli(*command, "--plots")
    assert (result.exit_code, "coarse2fine[plots]" in result.stderr) == (4, True)
    assert not (tmp_path / "out").exists()
