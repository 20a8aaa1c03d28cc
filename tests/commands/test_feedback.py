"""`coarse2fine feedback` and `train dpo`: what is printed and where, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coarse2fine import serving
from coarse2fine.agents import Critic
from coarse2fine.cli import app
from coarse2fine.graph import FeedbackStore
from coarse2fine.graph.feedback_store import Judgement
from coarse2fine.reports import Feedback, Report
from coarse2fine.serving import ScriptedNLI
from coarse2fine.training import preference, reward

Run = Callable[..., Result]
EXAMPLE = Path(__file__).parents[2] / "examples" / "feedback.jsonl"
RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


def test_add_list_export_forget(cli: Run, tmp_path: Path) -> None:
    assert "16 new, 0 known" in cli("feedback", "add", EXAMPLE).stdout
    assert "0 new, 16 known" in cli("feedback", "add", EXAMPLE).stdout
    listed = cli("feedback", "list", "--limit", "3")
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == ["f14", "f15", "f16"]
    assert "pneumothorax" not in listed.stdout
    out = tmp_path / "out" / "feedback.jsonl"
    assert json.loads(cli("feedback", "export", "--out", out, "--json").stdout)["written"] == 16
    assert json.loads(cli("feedback", "forget", "--radiologist", "r17", "--json").stdout) == {"deleted": 16}
    assert cli("feedback", "list").stdout.strip() == "no feedback has been kept yet"
    assert json.loads(cli("feedback", "add", out, "--json").stdout)["new"] == 16


@pytest.mark.parametrize(("edited", "said"), [("Small left effusion.", "passed"), ("Right effusion.", "needs review")])
def test_list_says_what_the_critic_made_of_an_edit(cli: Run, edited: str, said: str) -> None:
    report, store = Report(findings="Small left pleural effusion."), FeedbackStore()
    store.add([Feedback(id="e1", report=report, text="Effusion.", edited=edited)])
    assert "passed" not in cli("feedback", "list").stdout
    store.keep_judgement("e1", Judgement("scripted", Critic(ScriptedNLI(0.0)).critique(report, edited)))
    assert f"yes, {said}" in cli("feedback", "list").stdout


def test_list_as_json_gives_whole_records(cli: Run) -> None:
    cli("feedback", "add", EXAMPLE)
    lines = cli("feedback", "list", "--radiologist", "r17", "--limit", "1", "--json").stdout.splitlines()
    assert json.loads(lines[0])["id"] == "f16"
    assert cli("feedback", "list", "--radiologist", "r1", "--json").stdout == ""


def test_bad_lines_are_named_and_the_good_ones_kept(cli: Run, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(EXAMPLE.read_text("utf-8") + '{"text": "x"}\n', "utf-8")
    done = cli("feedback", "add", path)
    assert done.exit_code == 2
    assert "row 17, field 'report'" in done.stderr
    assert "16 new" in done.stdout


def test_an_id_that_stands_for_another_record_is_named(cli: Run, tmp_path: Path) -> None:
    cli("feedback", "add", EXAMPLE)
    path = tmp_path / "in.jsonl"
    first = json.loads(EXAMPLE.read_text("utf-8").splitlines()[0])
    path.write_text(json.dumps({**first, "edited": "Effusion."}) + "\n", "utf-8")
    done = cli("feedback", "add", path)
    assert done.exit_code == 2
    assert "the id f01 stands for another record" in done.stderr


def test_edits_of_facts_are_exported_with_what_the_critic_says(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "load_nli", lambda _name: ScriptedNLI(1.0))
    cli("feedback", "add", EXAMPLE)
    out = tmp_path / "facts.jsonl"
    done = cli("feedback", "export", "--fact-edits", "--out", out, "--json")
    assert json.loads(done.stdout) == {"out": str(out), "edits": 12, "written": 2}
    side, invented = (json.loads(line) for line in out.read_text("utf-8").splitlines())
    assert (side["feedback_id"], side["shown_passed"], side["edited_passed"]) == ("f13", False, True)
    assert "side" in side["changes"][0]["reasons"][0]
    assert (invented["feedback_id"], invented["shown_passed"], invented["edited_passed"]) == ("f14", True, False)


@pytest.mark.parametrize(("failures", "code"), [((), 0), (("mean length fell",), 1)])
def test_a_run_that_fails_its_guards_has_its_own_exit_code(
    cli: Run, monkeypatch: pytest.MonkeyPatch, failures: tuple[str, ...], code: int
) -> None:
    asked = []

    def train(recipe: preference.PolicyRecipe, **_: object) -> preference.Outcome:
        asked.append(recipe)
        return preference.Outcome(recipe.output, failures)

    monkeypatch.setattr(preference, "train", train)
    words = ["--recipe", RECIPES / "kto.yaml", "--feedback", EXAMPLE, "--radiologist", "r17", "--start", "nano#a"]
    done = cli("train", "kto", *words, "--json")
    assert done.exit_code == code
    assert json.loads(done.stdout) == {"folder": "outputs/kto", "failed": list(failures)}
    assert (asked[0].data.feedback, asked[0].data.radiologist, asked[0].start) == (EXAMPLE, "r17", "nano#a")


def test_a_recipe_of_another_method_is_refused(cli: Run) -> None:
    done = cli("train", "dpo", "--recipe", RECIPES / "grpo.yaml")
    assert done.exit_code == 2
    assert "recipe of `train grpo`, not of `train dpo`" in done.stderr


def test_train_reward_prints_the_folder(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward, "train", lambda recipe, **_: recipe.output)
    done = cli("train", "reward", "--recipe", RECIPES / "reward.yaml")
    assert (done.exit_code, done.stdout.strip()) == (0, "outputs/reward")


def test_nothing_to_learn_from(cli: Run) -> None:
    done = cli("train", "dpo", "--recipe", RECIPES / "dpo.yaml")
    assert done.exit_code in (2, 4)  # 4 where trl is not installed
    assert "no feedback to learn from" in done.stderr or "pip install" in done.stderr
