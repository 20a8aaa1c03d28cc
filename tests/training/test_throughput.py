"""Packing measured on a nano of one layer: the same tokens each way, fewer rows packed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from coarse2fine.training.sft_recipe import load_recipe
from coarse2fine.training.throughput import measure

pytestmark = [
    pytest.mark.skipif(find_spec("trl") is None, reason="trl is not installed: pip install 'coarse2fine[train]'"),
    pytest.mark.skipif(find_spec("datasets") is None, reason="datasets is not installed: coarse2fine[train]"),
]


def test_the_same_reports_are_learnt_each_way(tmp_path: Path) -> None:
    reports = tmp_path / "reports.jsonl"
    lines = [
        {"id": str(n), "findings": f"Small left pleural effusion. {n} cm mass.", "impression": "Effusion."}
        for n in range(12)
    ]
    reports.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    recipe = load_recipe(Path(__file__).parents[2] / "recipes" / "openi.yaml")
    data = recipe.data.model_copy(update={"cases": 0})
    recipe = recipe.model_copy(update={"data": data, "output": tmp_path / "out"})
    packed, default, unpacked = measure(recipe, reports, 10)
    assert packed.tokens == default.tokens == unpacked.tokens > 0
    assert default.rows == unpacked.rows == 10
    assert packed.rows < 10
    assert min(pace.speed for pace in (packed, default, unpacked)) > 0
    assert not (tmp_path / "out").exists()
