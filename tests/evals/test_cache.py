"""Rows that outlive a kill."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from coarse2fine.evals.cache import RowCache, code_hash, digest, file_hash, model_hash
from coarse2fine.evals.systems import Written
from coarse2fine.reports import InputError


def test_rows_are_there_again_and_the_last_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "rows.jsonl"
    rows = RowCache(path, Written)
    assert (rows.get("a"), path.exists()) == (None, False)
    rows.put("a", Written(id="1", first="Effusión."))
    rows.put("a", Written(id="1", first="Mass."))
    rows.put("b", Written(id="2"))
    again = RowCache(path, Written)
    assert (len(again), again.get("a")) == (2, Written(id="1", first="Mass."))


def test_a_line_cut_short_is_no_row_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = RowCache(path, Written)
    rows.put("a", Written(id="1", first="Effusión."))
    rows.put("b", Written(id="2"))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        RowCache(path, Written).put("c", Written(id="3"))
        found = RowCache(path, Written)
        assert found.get("c") == Written(id="3")
        assert found.get("a") in (None, Written(id="1", first="Effusión."))
    path.write_text('{"key": "x"}\n[]\n7\n{"key": "y", "row": {"first": 1}}\n', "utf-8")
    assert len(RowCache(path, Written)) == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        RowCache(tmp_path / "file" / "rows.jsonl", Written).put("a", Written(id="1"))
    with pytest.raises(InputError, match="cannot be read"):
        file_hash(tmp_path / "none")


def test_a_model_on_this_machine_is_known_by_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"one")
    here = SimpleNamespace(folder=tmp_path)
    first = model_hash("nano", here)
    (tmp_path / "README.md").write_text("no weight")
    assert model_hash("nano", here) == first != model_hash("other", here)
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert model_hash("nano", here) != first
    assert model_hash("openai:x", SimpleNamespace()) == digest("openai:x")


def test_the_code_has_a_hash_of_its_own() -> None:
    assert code_hash() == code_hash() != code_hash("evals")
    assert digest("a", "b") != digest("ab") != digest("a", ["b"])
