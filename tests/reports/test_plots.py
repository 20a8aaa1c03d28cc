"""Plots: files of pictures where matplotlib is there, the extra's name where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from coarse2fine.reports import InputError, MissingExtra, Report, statistics
from coarse2fine.reports.plots import write_plots

FOUND = statistics(
    [
        Report(findings="a b c d", impression="a", sex="female", age=40),
        Report(findings="a b", impression="a b", sex="male"),
    ]
)


def test_pictures_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = write_plots(FOUND, tmp_path / "new" / "plots")
    assert {file.name for file in files} == {"lengths.png", "ratio.png", "sexes.png", "ages.png"}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert set(files) == set((tmp_path / "new" / "plots").iterdir())


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert write_plots(statistics([]), tmp_path) == ()
    without = write_plots(statistics([Report(findings="a")]), tmp_path)
    assert "ratio.png" not in {file.name for file in without}


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_plots(FOUND, tmp_path / "file")


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"coarse2fine\[plots\]"):
        write_plots(FOUND, tmp_path)
