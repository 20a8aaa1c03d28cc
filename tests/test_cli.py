"""The command line, with scripted models: what is printed, where, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import coarse2fine
from coarse2fine.agents import Critic
from coarse2fine.cli import app
from coarse2fine.commands.trace import parse_age
from coarse2fine.graph import HOME_STORE, build_graph
from coarse2fine.reports import InputError, ModelError
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

FINDINGS = "Small left pleural effusion. No pneumothorax."
Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def cli(home: Path) -> Run:
    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Graphs get a model that always says the same; the settings they were built with."""
    built: list[dict[str, Any]] = []

    def build(model: str, critic: str, **settings: Any) -> Any:
        built.append({"model": model, "critic": critic, **settings})
        return build_graph(
            ScriptedChatModel(replies=["Small left pleural effusion."]), Critic(ScriptedNLI(0.0)), **settings
        )

    monkeypatch.setattr(coarse2fine, "build_graph", build, raising=False)
    return built


def report_file(path: Path, findings: str = FINDINGS) -> Path:
    path.write_text(f"FINDINGS:\n{findings}\n", "utf-8")
    return path


# ---------------------------------------------------------------------------------------------------------- impress
@pytest.mark.usefixtures("answers")
def test_impress_shows_each_sentence_with_status_word_and_evidence(cli: Run, tmp_path: Path) -> None:
    result = cli("impress", report_file(tmp_path / "report.txt"))
    assert result.exit_code == 0
    for heading in ("DRAFT", "BRIEF", "BULLET", "COMPREHENSIVE"):
        assert heading in result.stdout
    assert "supported Small left pleural effusion." in result.stdout
    assert "“Small left pleural effusion.”" in result.stdout
    assert "passed" in result.stdout


@pytest.mark.usefixtures("answers")
def test_impress_json_is_one_object_a_line(cli: Run, tmp_path: Path) -> None:
    rows = [{"id": "a", "findings": FINDINGS}, {"id": "b", "findings": FINDINGS}]
    file = tmp_path / "reports.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    result = cli("impress", file, "--audience", "brief", "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["id"] for one in found] == ["a", "b"]
    assert list(found[0]["impressions"]) == ["brief"]
    assert {"id", "status", "draft", "impressions", "trace_id", "models", "seconds"} <= set(found[0])
    (claim,) = found[0]["draft"]["claims"]
    assert claim["evidence"] == {"start": 0, "end": 28, "text": "Small left pleural effusion."}
    assert result.exit_code == 0


@pytest.mark.usefixtures("answers")
def test_impress_reads_standard_input(cli: Run) -> None:
    result = cli("impress", "-", "--json", "-a", "bullet", stdin=FINDINGS)
    assert json.loads(result.stdout)["status"] == "passed"


@pytest.mark.usefixtures("answers")
def test_a_bad_report_is_named_and_the_good_ones_go_on(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_text(f"id,findings\n1,\n2,{FINDINGS}\n", "utf-8")
    result = cli("impress", file, "--json", "-a", "brief")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["id"] == "2"
    assert "row 1, field 'findings'" in result.stderr
    assert "reports.csv" in result.stderr


@pytest.mark.usefixtures("answers")
def test_a_text_that_needs_review_has_an_exit_code_of_its_own(cli: Run) -> None:
    spanish = "Los pulmones están claros y el corazón es de tamaño normal sin derrame pleural."
    result = cli("impress", "-", "-a", "brief", stdin=spanish)
    assert result.exit_code == 5
    assert "needs review" in result.stdout
    assert "reason:" in result.stdout


@pytest.mark.usefixtures("answers")
def test_a_bad_report_wins_over_review(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text('{"findings": ""}\n{"findings": "Los pulmones están claros y el corazón es normal."}\n', "utf-8")
    assert cli("impress", file, "-a", "brief").exit_code == 2


@pytest.mark.parametrize("content", ["IMPRESSION: Normal chest.", ""])
def test_an_impression_is_never_invented(cli: Run, answers: list[dict[str, Any]], tmp_path: Path, content: str) -> None:
    (tmp_path / "report.txt").write_text(content, "utf-8")
    result = cli("impress", tmp_path / "report.txt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "field 'findings'" in result.stderr


def test_settings_reach_the_graph(cli: Run, answers: list[dict[str, Any]], tmp_path: Path) -> None:
    cli(
        "impress", report_file(tmp_path / "report.txt"), "--model", "hf:x", "--critic", "hf:y", "--style", "terse",
        "--length", "30", "--max-rounds", "2", "-a", "brief", "-a", "bullet",
    )  # fmt: skip
    assert answers == [
        {
            "model": "hf:x", "critic": "hf:y", "audiences": ["brief", "bullet"],
            "max_rounds": 2, "style": "terse", "words": 30, "trace_store": HOME_STORE,
        }
    ]  # fmt: skip


@pytest.mark.usefixtures("answers")
def test_the_radiologist_is_recorded(cli: Run, tmp_path: Path) -> None:
    cli("impress", report_file(tmp_path / "report.txt"), "--radiologist", "r17", "-a", "brief")
    assert json.loads(cli("trace", "show", "last", "--json").stdout)["report"]["radiologist"] == "r17"


@pytest.mark.usefixtures("answers")
def test_a_patient_of_the_file_is_not_recorded(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"patient,radiologist,findings\nDOE^JANE,r2,{FINDINGS}\n", "utf-8")
    assert cli("impress", tmp_path / "a.csv", "-a", "brief").exit_code == 0
    kept = cli("trace", "show", "last", "--json").stdout
    assert "DOE" not in kept
    assert json.loads(kept)["report"]["radiologist"] == "r2"


@pytest.mark.usefixtures("answers")
def test_html_is_one_file_or_a_folder_of_them(cli: Run, tmp_path: Path) -> None:
    assert cli("impress", report_file(tmp_path / "a.txt"), "--html", tmp_path / "a.html").exit_code == 0
    assert "<html" in (tmp_path / "a.html").read_text("utf-8")
    two = tmp_path / "two.jsonl"
    two.write_text(f'{{"findings": "{FINDINGS}"}}\n' * 2, "utf-8")
    refused = cli("impress", two, "--html", tmp_path / "b.html")
    assert (refused.exit_code, (tmp_path / "b.html").exists()) == (2, False)
    assert cli("impress", two, "--html", f"{tmp_path}/pages/").exit_code == 0
    assert len(list((tmp_path / "pages").glob("*.html"))) == 2


def test_a_file_that_cannot_be_written_is_bad_input(cli: Run, answers: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = cli("impress", report_file(tmp_path / "a.txt"), "--html", tmp_path / "file" / "page.html")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_a_model_that_cannot_be_loaded_is_exit_code_3(cli: Run, tmp_path: Path) -> None:
    result = cli("impress", report_file(tmp_path / "a.txt"), "--model", f"hf:{tmp_path / 'nothing'}")
    assert result.exit_code == 3
    assert result.stdout == ""


def test_a_missing_package_is_exit_code_4(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain", None)
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    result = cli("impress", report_file(tmp_path / "a.txt"), "--model", "openai:gpt-4o")
    assert result.exit_code == 4
    assert "langchain" in result.stderr


@pytest.mark.usefixtures("answers")
def test_control_characters_of_a_report_do_not_reach_the_terminal(cli: Run) -> None:
    result = cli("impress", "-", "-a", "brief", stdin="Small left pleural effusion.\x1b[2J No pneumothorax.")
    assert "\x1b[2J" not in result.stdout


def test_an_unknown_audience_is_a_usage_error(cli: Run, tmp_path: Path) -> None:
    assert cli("impress", report_file(tmp_path / "a.txt"), "--audience", "poet").exit_code == 2


@pytest.mark.parametrize("option", ["findings", "=x", "nothing=x"])
def test_a_column_option_is_checked(cli: Run, tmp_path: Path, option: str) -> None:
    assert cli("data", "stats", report_file(tmp_path / "a.txt"), "--column", option).exit_code == 2


# ------------------------------------------------------------------------------------------------------------ trace
@pytest.mark.usefixtures("answers")
def test_traces_are_listed_shown_exported_and_purged(cli: Run, tmp_path: Path) -> None:
    assert "no run has been recorded" in cli("trace", "list").stdout
    cli("impress", report_file(tmp_path / "a.txt"), "-a", "brief")
    (line,) = cli("trace", "list", "--json").stdout.splitlines()
    trace = json.loads(line)["id"]
    assert trace in cli("trace", "list").stdout
    shown = cli("trace", "show", trace)
    assert "Small left pleural effusion." in shown.stdout
    assert "supported" in shown.stdout
    assert cli("trace", "html", "last", "--out", tmp_path / "t.html").exit_code == 0
    assert (tmp_path / "t.html").read_text("utf-8") == cli("trace", "html", trace).stdout.removesuffix("\n")
    assert json.loads(cli("trace", "purge", "--older-than", "1h", "--json").stdout) == {"deleted": 0}
    assert cli("trace", "purge", "--older-than", "0m").stdout == "deleted 1 run trace\n"
    assert cli("trace", "show", trace).exit_code == 2


def test_ages_are_read() -> None:
    assert [parse_age(text).total_seconds() for text in ("90m", "2h", "30d", "1w")] == [5400, 7200, 2592000, 604800]
    for wrong in ("30", "d", "-1d", "1y", "1.5d"):
        with pytest.raises(InputError, match="30d"):
            parse_age(wrong)


# ------------------------------------------------------------------------------------------------------ data, train
def test_stats_count_and_name_what_cannot_be_read(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text('{"findings": "Clear lungs.", "impression": "Normal."}\n{"findings": ""}\n', "utf-8")
    result = cli("data", "stats", file, "--json")
    assert result.exit_code == 2
    assert (json.loads(result.stdout)["reports"], json.loads(result.stdout)["rejected"]) == (1, 1)
    assert "row 2" in result.stderr
    assert "1" in cli("data", "stats", file).stdout


@pytest.mark.parametrize("model", ["nano", "critic", "sft"])
def test_training_wants_a_recipe_that_can_be_read(cli: Run, tmp_path: Path, model: str) -> None:
    (tmp_path / "recipe.yaml").write_text("speed: 9\n", "utf-8")
    result = cli("train", model, "--recipe", tmp_path / "recipe.yaml")
    assert result.exit_code == 2
    assert "recipe.yaml" in result.stderr


# ------------------------------------------------------------------------------------------------------------- eval
@pytest.fixture
def openi(tmp_path: Path) -> Path:
    rows = [
        {"idx": 0, "inputs": FINDINGS, "target": "Small left pleural effusion."},
        {"idx": 1, "inputs": "The heart is normal in size. The lungs are clear.", "target": "Normal chest."},
    ]
    file = tmp_path / "openi.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.mark.usefixtures("answers")
def test_eval_external_prints_floors_and_writes_rows(cli: Run, openi: Path, tmp_path: Path, home: Path) -> None:
    result = cli("eval", "external", "openi", openi, "--out", tmp_path / "rows.jsonl", "--limit", "1", "--draft-only")
    assert result.exit_code == 0
    for words in (
        "ROUGE-1 / 2 / L",
        "constant string",
        "lead, 1 sentence",
        "100.0 / 100.0 / 100.0",
        "seconds a report",
    ):
        assert words in result.stdout
    (row,) = map(json.loads, (tmp_path / "rows.jsonl").read_text("utf-8").splitlines())
    assert (row["id"], list(row["texts"])) == ("0", ["draft"])
    assert not home.exists()


@pytest.mark.usefixtures("answers")
def test_eval_external_json(cli: Run, openi: Path) -> None:
    found = json.loads(cli("eval", "external", "openi", openi, "--json", "--workers", "2").stdout)
    assert (found["rows"], found["abnormal"], found["workers"]) == (2, 1, 2)
    assert set(found["texts"]) == {"draft", "brief", "bullet", "comprehensive"}


@pytest.mark.usefixtures("answers")
def test_eval_external_tells_what_is_lost_away_from_home(cli: Run, openi: Path, tmp_path: Path) -> None:
    rows, away = tmp_path / "rows.jsonl", tmp_path / "away.csv"
    assert cli("eval", "external", "openi", openi, "--out", rows, "--draft-only").exit_code == 0
    away.write_text("Befund,impression\nThe heart is normal in size. The lungs are clear.,Quite another.\n", "utf-8")
    asked = ("eval", "external", "any", away, "--column", "findings=Befund", "--draft-only", "--home", rows)
    found = json.loads(cli(*asked, "--json").stdout)
    (drop,) = [d for d in found["drops"] if (d["system"], d["score"], d["group"]) == ("draft", "rougeL", "all")]
    assert (drop["home_rows"], drop["away_rows"], drop["away"][0]) == (2, 1, 0)
    assert drop["home"][0] == drop["drop"][0] > 0
    assert drop["lost"] == 1
    assert "ROUGE-L, draft" in cli(*asked).stdout


def test_eval_external_names_an_unknown_layout(cli: Run, openi: Path) -> None:
    assert cli("eval", "external", "closedi", openi).exit_code == 2


def test_eval_critic_on_a_derived_set(cli: Run, openi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = tmp_path / "claims.jsonl"
    made = cli("eval", "critic-set", "openi", openi, claims, "--json")
    assert json.loads(made.stdout)["rows"] == len(claims.read_text("utf-8").splitlines()) > 3
    monkeypatch.setattr("coarse2fine.serving.load_nli", lambda name: ScriptedNLI(1.0))
    found = json.loads(cli("eval", "critic", claims, "--json", "--errors", "5").stdout)
    assert 0.5 <= found["balanced_accuracy"] <= 1
    assert "verbatim" in found["by_kind"]
    assert all(mistake["accepted"] != mistake["supported"] for mistake in found["errors"])
    assert "word-overlap oracle" in cli("eval", "critic", claims).stdout


# ----------------------------------------------------------------------------------------------------------- doctor
def test_doctor_says_how_to_get_what_is_missing(cli: Run, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def absent(name: str) -> Path:
        raise ModelError(name)

    monkeypatch.setattr("coarse2fine.serving.model_folder", absent)
    result = cli("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 3
    assert found["home"] == str(home)
    assert found["models"] == {"nano": [], "critic": []}
    assert len(found["missing"]) == 2
    assert found["packages"]["torch"]


def test_doctor_gives_sizes_and_hashes(cli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr("coarse2fine.serving.model_folder", lambda name: tmp_path)
    result = cli("doctor", "--json")
    assert result.exit_code == 0
    (weights,) = json.loads(result.stdout)["models"]["nano"]
    assert weights["file"] == "model.safetensors"
    assert weights["sha256"].startswith("9a129038")
    assert "9a129038" in cli("doctor").stdout


# ------------------------------------------------------------------------------------------------------ the front door
def test_help_names_every_command_and_the_exit_codes(cli: Run) -> None:
    text = cli("--help").stdout
    for command in ("impress", "trace", "data", "train", "eval", "doctor", "5 needs review"):
        assert command in text


def test_help_loads_no_model_library() -> None:
    code = (
        "import sys, coarse2fine, coarse2fine.cli\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(coarse2fine.cli.app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'transformers', 'langgraph', 'langchain_core', 'pydantic', 'peft'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_version_is_the_package_version(cli: Run) -> None:
    from importlib.metadata import version

    assert cli("--version").stdout.strip() == version("coarse2fine")


def test_eval_external_with_a_radiologists_memory(
    cli: Run, answers: list[dict[str, Any]], openi: Path, tmp_path: Path
) -> None:
    past = [{"idx": 7, "inputs": FINDINGS, "target": "Small left pleural effusion."}]
    (tmp_path / "past.jsonl").write_text(json.dumps(past[0]) + "\n", "utf-8")
    cli("memory", "add", tmp_path / "past.jsonl", "--layout", "openi", "--radiologist", "r17")
    asked = ("eval", "external", "openi", openi, "--draft-only", "--json", "--radiologist", "r17", "--cases", "5")
    found = json.loads(cli(*asked).stdout)
    assert (answers[0]["radiologist"], answers[0]["cases"]) == ("r17", 5)
    assert found["rouge"]["abnormal"]["nearest case"][2] == 100
    assert found["rouge"]["abnormal"]["medoid of 5 cases"][2] == 100
    without = json.loads(cli("eval", "external", "openi", openi, "--draft-only", "--json").stdout)
    assert (answers[1]["radiologist"], answers[1]["memory"]) == (None, None)
    assert "nearest case" not in without["rouge"]["all"]
