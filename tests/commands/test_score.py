"""`coarse2fine eval score` and `eval bench-metrics`: what is printed and written, and the exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coarse2fine.cli import app

Run = Callable[..., Result]
pytest.importorskip("sacrebleu")


@pytest.fixture
def cli() -> Run:
    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["eval", *map(str, arguments)], env={"COLUMNS": "100"})

    return run


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rows = [{"id": f"r{n}", "reference": f"Small effusion {n}, new since last week."} for n in range(12)]
    first = [{**row, "candidate": row["reference"] if n % 3 else "Effusion."} for n, row in enumerate(rows)]
    second = [{**row, "candidate": "Normal."} for row in reversed(rows)]
    paths = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    for path, system in zip(paths, (first, second), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in system), "utf-8")
    return paths


def test_metrics_are_named_after_one_another_by_commas_or_again(cli: Run, files: tuple[Path, Path]) -> None:
    for names in (
        ("--metrics", "rouge", "length"),
        ("--metrics", "rouge,length"),
        ("--metrics", "rouge", "--metrics", "length"),
    ):
        result = cli("score", files[0], *names, "--resamples", "100", "--json")
        assert result.exit_code == 0, result.stderr
        found = json.loads(result.stdout)
        assert {figure["metric"] for figure in found["figures"]} == {"rouge", "length"}
        assert (found["samples"], found["against"]) == (12, None)


def test_the_table_has_intervals_and_p_values(cli: Run, files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "scores.csv"
    result = cli("score", files[0], "--against", files[1], "--resamples", "200", "--out", out)
    assert result.exit_code == 0, result.stderr
    for words in ("12 samples, against", "rouge1_recall", "bleu_paper", "readability", "95% interval", "p (Holm)"):
        assert words in result.stdout
    assert "smooth:exp" in result.stdout
    assert out.read_text("utf-8").startswith("id,rouge1,")
    assert len(out.read_text("utf-8").splitlines()) == 13


def test_a_better_system_is_told_from_a_worse_one(cli: Run, files: tuple[Path, Path]) -> None:
    result = cli("score", files[0], "rouge", "--against", files[1], "--json")
    figure = json.loads(result.stdout)["figures"][0]
    assert figure["against"]["difference"] > 0.5
    assert figure["against"]["p_holm"] < 0.05
    assert json.loads(cli("score", files[0], "rouge", "--against", files[1], "--json").stdout)["figures"][0] == figure


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("rouge", "blue"), 2, "no metric is named 'blue'"),
        (("fc",), 2, "needs the reports"),
        (("--resamples", "5"), 2, "'--resamples'"),
        (("--against", "nowhere.jsonl"), 2, "nowhere.jsonl: cannot be read"),
    ],
)
def test_what_cannot_be_scored_ends_with_its_code(
    cli: Run, files: tuple[Path, Path], arguments: tuple[str, ...], code: int, says: str
) -> None:
    result = cli("score", files[0], *arguments)
    assert result.exit_code == code
    assert says in result.stderr


def test_a_missing_package_ends_with_4(cli: Run, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "radeval", None)
    result = cli("score", files[0], "radgraph")
    assert result.exit_code == 4
    assert "coarse2fine[radeval]" in result.stderr


def test_the_benchmark_is_printed(cli: Run) -> None:
    pytest.importorskip("rouge_score")
    result = cli("bench-metrics", "--pairs", "20", "--texts", "0", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)[0]["difference"] == 0.0
    assert "rouge-score" in cli("bench-metrics", "--pairs", "20", "--texts", "0").stdout
