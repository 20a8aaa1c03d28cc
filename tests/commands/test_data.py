"""`coarse2fine data`: what is written, what is printed and where, and the exit codes."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner, Result

from coarse2fine.cli import app
from coarse2fine.commands.options import FormatName
from coarse2fine.reports import Format, Report, read_reports

Run = Callable[..., Result]


@pytest.fixture
def cli() -> Run:
    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Ten patients with two good rows each, a duplicate, a row without findings and two that cannot be read."""
    rows = [f"p{n // 2},F,{30 + n},Finding {n} [bracketed].,Impression {n}.\n" for n in range(20)]
    rows += ["p0,F,30,FINDING 0 [bracketed],impression 0\n", "p1,F,31,,Normal.\n"]
    rows += ["p2,Q,32,A,B\n", "p3,F,33,too,many,cells\n"]
    path = tmp_path / "export.csv"
    path.write_text("patient,sex,age,Befund,impression\n" + "".join(rows), "utf-8")
    return path


def reports(path: Path) -> list[Report]:
    return [outcome for outcome in read_reports(path) if isinstance(outcome, Report)]


def test_the_command_line_offers_every_format() -> None:
    assert get_args(FormatName) == get_args(Format)


# ----------------------------------------------------------------------------------------------------------- ingest
def test_ingest_writes_pairs_names_bad_rows_and_counts_the_rest(cli: Run, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "reports.jsonl"
    result = cli("data", "ingest", table, "--column", "findings=Befund", "--out", out, "--json")
    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert (found["read"], found["kept"], found["rejected"], found["with_patient"]) == (24, 20, 2, 20)
    assert found["left_out"] == {"near duplicate": 1, "no findings": 1}
    assert "export.csv, row 23, field 'sex'" in result.stderr
    assert "export.csv, row 24: has 6 cells" in result.stderr
    assert "row 22" not in result.stderr
    assert "near duplicate 1" in result.stderr
    written = reports(out)
    assert len(written) == 20
    assert (written[0].findings, written[0].patient, written[0].age) == ("Finding 0 [bracketed].", "p0", 30)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in out.parent.iterdir()] == ["reports.jsonl"]


def test_ingest_gives_the_same_file_again(cli: Run, tmp_path: Path) -> None:
    text = '{"findings": "Clear.", "impression": "Normal."}\n'
    for name in ("a.jsonl", "b.jsonl"):
        result = cli("data", "ingest", "-", "--format", "jsonl", "--out", tmp_path / name, stdin=text)
        assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_ingest_knows_published_layouts(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"idx": 4, "inputs": "Clear.", "target": "Normal."}\n', "utf-8")
    assert cli("data", "ingest", file, "--layout", "openi", "--out", tmp_path / "out.jsonl").exit_code == 0
    (report,) = reports(tmp_path / "out.jsonl")
    assert (report.id, report.exam) == ("4", "Chest X-ray")
    refused = cli("data", "ingest", file, "--layout", "closedi", "--out", tmp_path / "out.jsonl")
    assert (refused.exit_code, "chexpert-plus" in refused.stderr) == (2, True)


def test_ingest_leaves_nothing_where_there_is_no_pair(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"findings": "Clear."}\n', "utf-8")
    result = cli("data", "ingest", file, "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 2
    assert "no impression 1" in result.stderr
    assert "nothing was written" in result.stderr
    missing = cli("data", "ingest", tmp_path / "none.csv", "--out", tmp_path / "out.jsonl")
    assert (missing.exit_code, "there is no such file" in missing.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


def test_ingest_never_writes_over_its_input_or_into_nowhere(cli: Run, table: Path) -> None:
    before = table.read_bytes()
    for out, words in ((table, "is the input"), (table / "x.jsonl", "cannot write")):
        result = cli("data", "ingest", table, "--column", "findings=Befund", "--out", out)
        assert (result.exit_code, words in result.stderr) == (2, True)
    assert table.read_bytes() == before


def test_parquet_without_pyarrow_is_exit_code_4(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    result = cli("data", "ingest", tmp_path / "x.parquet", "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 4
    assert "coarse2fine[parquet]" in result.stderr
    assert not (tmp_path / "out.jsonl").exists()


# ------------------------------------------------------------------------------------------------------------ split
def test_split_writes_parts_and_a_manifest(cli: Run, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    result = cli(
        "data", "split", table, "--column", "findings=Befund", "--out", out,
        "--train", "60%", "--validate", "0.2", "--test", "0.2", "--seed", "5", "--json",
    )  # fmt: skip
    assert result.exit_code == 2
    assert result.stderr.count("row 23, field 'sex'") == 1
    manifest = json.loads(result.stdout)
    assert manifest == json.loads((out / "manifest.json").read_text("utf-8"))
    assert (manifest["seed"], manifest["sizes"]) == (5, {"train": 0.6, "validate": 0.2, "test": 0.2})
    parts = {name: {report.patient for report in reports(out / f"{name}.jsonl")} for name in manifest["parts"]}
    assert set(parts) == {"train", "validate", "test"}
    assert sum(map(len, parts.values())) == len(set().union(*parts.values()))


def test_split_says_when_patients_are_not_known(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    rows = [{"findings": f"Finding {n}.", "impression": "Normal."} for n in range(12)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    result = cli("data", "split", file, "--out", tmp_path / "out", "--train", "8", "--test", "4")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "12 of 12 reports name no patient" in result.stderr
    again = cli("data", "split", file, "--out", tmp_path / "out", "--train", "8", "--test", "4")
    assert (again.exit_code, "not empty" in again.stderr) == (2, True)


@pytest.mark.parametrize("options", [("--train", "many"), ("--test", "1.5"), ("--by", "ward"), ()])
def test_split_refuses_sizes_that_cannot_be(cli: Run, table: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    result = cli("data", "split", table, "--column", "findings=Befund", "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------------------ stats
def test_stats_show_deciles_and_lengths_apart(cli: Run, table: Path) -> None:
    result = cli("data", "stats", table, "--column", "findings=Befund")
    assert result.exit_code == 2
    for words in ("deciles 3 3 3", "mean words, female", "mean words, 40-64"):
        assert words in " ".join(result.stdout.split())
    found = json.loads(cli("data", "stats", table, "--column", "findings=Befund", "--json").stdout)
    assert found["findings"]["total"] == 63
    assert found["lengths_by_sex"]["female"]["impression"] == 2.0


def test_stats_know_published_layouts(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("section_findings,section_impression\nClear.,Normal.\n", "utf-8")
    found = json.loads(cli("data", "stats", file, "--layout", "chexpert-plus", "--json").stdout)
    assert found["exams"] == {"chest x-ray": 1}


def test_plots_are_written_or_the_extra_is_named(
    cli: Run, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    command = ("data", "stats", table, "--column", "findings=Befund", "--plots", tmp_path / "plots", "--json")
    result = cli(*command)
    assert (result.exit_code, result.stdout) == (4, "")
    assert "coarse2fine[plots]" in result.stderr
    monkeypatch.undo()
    pytest.importorskip("matplotlib")
    assert json.loads(cli(*command).stdout)["reports"] == 21
    assert (tmp_path / "plots" / "ratio.png").exists()
