"""The examples run and show what they say."""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def run(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path))


def test_scripted_loop_shows_the_invention_being_mended(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run("scripted_loop.py", capsys)
    assert "contradicted" in shown
    assert "Large left pneumothorax" in shown
    assert shown.count("round 2") >= 1


def test_own_chat_model_passes_what_stands_in_the_findings(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("own_chat_model.py", capsys).splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["supported", "supported"]


@pytest.mark.slow
def test_from_python_runs_the_shipped_models(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("nano", "critic"):
        if not (ROOT / "serving" / "models" / name / "config.json").exists():
            pytest.skip(f"serving/models/{name} is not here: train it with `coarse2fine train {name}`")
    shown = run("from_python.py", capsys)
    assert shown.startswith("male 67")
    assert "brief: " in shown


@pytest.mark.slow
def test_clinical_chatbot_answers_from_the_report_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("nano", "critic"):
        if not (ROOT / "serving" / "models" / name / "config.json").exists():
            pytest.skip(f"serving/models/{name} is not here: train it with `coarse2fine train {name}`")
    answers = run("clinical_chatbot.py", capsys).split("\n> ")
    assert "Brief (" in answers[1]
    assert "findings: “Small left pleural effusion.”" in answers[2]
    assert "Reading rooms are open" in answers[3]
    assert "Bullet (" in answers[4]
    assert "I cannot answer that" in answers[7]


def test_langgraph_json_names_compiled_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (ROOT / "serving" / "models" / "nano" / "config.json").exists():
        pytest.skip("serving/models/nano is not here: train it with `coarse2fine train nano`")
    for target in json.loads((ROOT / "langgraph.json").read_text("utf-8"))["graphs"].values():
        file, name = target.split(":")
        spec = importlib.util.spec_from_file_location("served", ROOT / file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "served", module)
        spec.loader.exec_module(module)
        assert {"messages", "coarse2fine"} <= set(getattr(module, name).get_input_jsonschema()["properties"])


def test_every_example_is_tested() -> None:
    text = Path(__file__).read_text("utf-8")
    for example in EXAMPLES.glob("*.py"):
        assert example.name in text


def test_the_figure_is_the_papers() -> None:
    from coarse2fine.reports import read_text

    report = read_text((EXAMPLES / "figure1.txt").read_text("utf-8"))
    assert report.findings.startswith("Patchy restricted diffusion")
    assert (report.sex, report.age, report.impression) == ("male", 67, None)
