"""`coarse2fine memory` and `coarse2fine style`: what is kept, shown, edited, forgotten."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from coarse2fine.agents.memory import HOME_MEMORY
from coarse2fine.cli import app

Run = Callable[..., Result]
ROWS = [
    {"id": "1", "exam": "CXR", "findings": "Small left pleural effusion.", "impression": "1. Small left effusion."},
    {"id": "2", "exam": "CXR", "findings": "The heart is enlarged.", "impression": "1. Cardiomegaly."},
    {"id": "3", "exam": "CXR", "findings": "The lungs are clear.", "impression": "1. Normal chest."},
]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))

    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def past(tmp_path: Path) -> Path:
    file = tmp_path / "past.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    return file


def test_reports_are_added_once_listed_and_forgotten(cli: Run, past: Path, tmp_path: Path) -> None:
    assert "no radiologist's reports" in cli("memory", "list").stdout
    assert not (tmp_path / "home").exists()
    added = cli("memory", "add", past, "--radiologist", "r17")
    assert (added.exit_code, added.stdout) == (0, "3 added, 0 there already\n")
    again = json.loads(cli("memory", "add", past, "--radiologist", "r17", "--json").stdout)
    assert again == {"radiologist": "r17", "added": 0, "known": 3, "skipped": {}, "rejected": 0}
    cli("memory", "add", past, "--radiologist", "dr.x [/]")
    lines = [json.loads(line) for line in cli("memory", "list", "--json").stdout.splitlines()]
    assert lines == [
        {"radiologist": "dr.x [/]", "cases": 3, "style_card": "none"},
        {"radiologist": "r17", "cases": 3, "style_card": "none"},
    ]
    assert "dr.x [/]" in cli("memory", "list").stdout
    assert json.loads(cli("memory", "forget", "--radiologist", "r17", "--older-than", "1h", "--json").stdout) == {
        "radiologist": "r17", "cases": 0, "style_card": False,
    }  # fmt: skip
    cli("style", "learn", "--radiologist", "r17")
    assert cli("memory", "forget", "--radiologist", "r17").stdout == "forgot 3 cases and the style card\n"
    assert [holding.radiologist for holding in HOME_MEMORY.list()] == ["dr.x [/]"]
    left = b"".join(file.read_bytes() for file in (tmp_path / "home").iterdir())
    assert b"effusion" in left
    cli("memory", "forget", "--radiologist", "dr.x [/]")
    assert b"effusion" not in b"".join(file.read_bytes() for file in (tmp_path / "home").iterdir())


def test_bad_rows_are_named_and_the_good_ones_kept(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    file.write_text('id,findings,impression\n1,,Normal.\n2,Clear lungs.,Normal.\n3,Clear.,\n4,"open\n', "utf-8")
    result = cli("memory", "add", file, "--radiologist", "r1")
    assert result.exit_code == 2
    assert result.stdout == "1 added, 0 there already, 1 skipped (no impression), 2 rejected\n"
    assert "past.csv, row 1, field 'findings'" in result.stderr
    assert "row 4" in result.stderr
    assert "Clear" not in result.stderr
    assert HOME_MEMORY.count("r1") == 1


def test_layouts_columns_and_standard_input(cli: Run, tmp_path: Path) -> None:
    openi = tmp_path / "openi.jsonl"
    openi.write_text('{"idx": 5, "inputs": "Clear lungs.", "target": "Normal chest."}\n', "utf-8")
    assert cli("memory", "add", openi, "--radiologist", "a", "--layout", "openi").exit_code == 0
    (case,) = HOME_MEMORY.cases("a")
    assert (case.report_id, case.exam, case.impression) == ("5", "Chest X-ray", "Normal chest.")
    raw = "FINDINGS: Clear lungs.\nIMPRESSION: Normal."
    assert cli("memory", "add", "-", "--radiologist", "b", stdin=raw).exit_code == 0
    csv = tmp_path / "own.csv"
    csv.write_text("text,conclusion\nClear lungs.,Fine.\n", "utf-8")
    columns = ["--column", "findings=text", "--column", "impression=conclusion"]
    assert cli("memory", "add", csv, "--radiologist", "c", *columns).exit_code == 0
    assert [holding.cases for holding in HOME_MEMORY.list()] == [1, 1, 1]


@pytest.mark.parametrize(
    "line",
    [
        ["memory", "add", "missing.csv", "--radiologist", "r1"],
        ["memory", "add", "past.jsonl"],
        ["memory", "add", "past.jsonl", "--radiologist", " "],
        ["memory", "add", "past.jsonl", "--radiologist", "r1", "--layout", "closedi"],
        ["memory", "forget", "--radiologist", "r1", "--older-than", "soon"],
        ["style", "learn", "--radiologist", "nobody"],
        ["style", "show", "--radiologist", "nobody"],
        ["style", "edit", "--radiologist", "nobody", "--from", "-"],
    ],
)
def test_bad_input_is_exit_code_2(
    cli: Run, past: Path, line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli(*line)
    assert (result.exit_code, result.stdout) in [(2, ""), (2, "0 added, 0 there already, 1 rejected\n")]
    assert result.stderr


def test_a_card_is_learnt_shown_edited_and_stays_edited(
    cli: Run, past: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("memory", "add", past, "--radiologist", "r17")
    learnt = cli("style", "learn", "--radiologist", "r17")
    assert learnt.exit_code == 0
    assert "Layout: a numbered list" in learnt.stdout
    assert cli("style", "show", "--radiologist", "r17").stdout == learnt.stdout
    assert cli("style", "show", "--radiologist", "r18").exit_code == 2

    shown = json.loads(cli("style", "show", "--radiologist", "r17", "--json").stdout)
    assert shown["style_words"].startswith("numbered")
    assert shown["text"] + "\n" == learnt.stdout
    own = tmp_path / "card.yaml"
    fields = {name: value for name, value in shown.items() if name not in ("text", "style_words")}
    own.write_text(yaml.safe_dump({**fields, "remarks": "Brief, please."}), "utf-8")
    edited = cli("style", "edit", "--radiologist", "r17", "--from", own)
    assert "- Brief, please." in edited.stdout

    refused = cli("style", "learn", "--radiologist", "r17")
    assert refused.exit_code == 2
    assert "--again" in refused.stderr
    assert cli("style", "show", "--radiologist", "r17").stdout == edited.stdout
    assert json.loads(cli("memory", "list", "--json").stdout)["style_card"] == "edited"
    again = cli("style", "learn", "--radiologist", "r17", "--again")
    assert again.stdout == learnt.stdout

    bad = cli("style", "edit", "--radiologist", "r17", "--from", "-", stdin="layout: verse")
    assert bad.exit_code == 2
    assert "layout" in bad.stderr
    assert cli("style", "show", "--radiologist", "r17").stdout == learnt.stdout


def test_the_editor_is_the_users_own(cli: Run, past: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("memory", "add", past, "--radiologist", "r17")
    cli("style", "learn", "--radiologist", "r17")
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\n"
        "file.write_text(file.read_text().replace('layout: numbered', 'layout: prose'))\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    assert "plain sentences in one paragraph" in cli("style", "edit", "--radiologist", "r17").stdout
    monkeypatch.setenv("EDITOR", f"{sys.executable} -c 'raise SystemExit(3)'")
    broken = cli("style", "edit", "--radiologist", "r17")
    assert broken.exit_code == 2
    assert "EDITOR" in broken.stderr


def test_a_radiologists_own_model_is_chosen_shown_and_dropped(cli: Run, tmp_path: Path) -> None:
    folder = tmp_path / "r17"
    folder.mkdir()
    missing = cli("style", "use", f"nano#{folder}", "--radiologist", "r17")
    assert missing.exit_code == 2
    assert "holds no adapter" in missing.stderr
    (folder / "adapter_config.json").write_text("{}")
    assert f"nano#{folder}" in cli("style", "use", f"nano#{folder}", "--radiologist", "r17").output.replace("\n", "")
    assert json.loads(cli("style", "use", "--radiologist", "r17", "--json").output)["model"] == f"nano#{folder}"
    assert json.loads(cli("style", "use", "--radiologist", "r1", "--json").output)["model"] is None
    cli("memory", "forget", "--radiologist", "r17")
    assert json.loads(cli("style", "use", "--radiologist", "r17", "--json").output)["model"] is None
