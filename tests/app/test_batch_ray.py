"""The batch over Ray Data: the same texts as in this process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from coarse2fine.app.batch import Counts, Engine, Setup, run_batch, run_here
from coarse2fine.app.batch_file import ResultFile
from coarse2fine.app.batch_ray import run_on_ray
from coarse2fine.reports import InputError, MissingExtra, Report

FINDINGS = ("Small left pleural effusion. No pneumothorax.", "A 12 mm nodule is seen in the right upper lobe.")
MODEL = Path(__file__).parents[2] / "serving" / "models" / "nano" / "config.json"


def test_a_missing_ray_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"pip install 'coarse2fine\[ray\]'"):
        run_on_ray(Setup(), 2)


def texts(out: Path, setup: Setup, engine: Engine) -> dict[str, str]:
    counts = Counts()
    with ResultFile(out) as file:
        reports = [Report(id=str(number), findings=FINDINGS[number % 2]) for number in range(9)]
        run_batch(reports, setup, file, engine, counts)
    assert counts.run == 9
    found = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return {row["id"]: row["draft"]["text"] for row in found}


@pytest.mark.slow
@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore")
def test_two_actors_write_what_this_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    if not MODEL.exists():
        pytest.skip("serving/models/nano is not here: train it with `coarse2fine train nano`")
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    setup = Setup(audiences=())
    far = texts(tmp_path / "ray.jsonl", setup, run_on_ray(setup, 2))
    assert far == texts(tmp_path / "local.jsonl", setup, run_here(setup.graph(), 2))
    assert (tmp_path / "home" / "traces.sqlite").exists(), "actors know where this installation keeps things"
    with ResultFile(tmp_path / "none.jsonl") as file, pytest.raises(InputError, match="each actor takes one"):
        run_batch([Report(findings=FINDINGS[0])], setup, file, run_on_ray(setup, 10_000), Counts())
