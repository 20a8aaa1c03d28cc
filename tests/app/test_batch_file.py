"""The file of a batch: what is there already, what a kill left behind, what is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from coarse2fine.app.batch_file import Kept, ResultFile
from coarse2fine.reports import InputError

KEYS = ["00000000000000aa", "ffffffffffffffff", "00000000000000aa"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Three results, two of them of the same report."""
    path = tmp_path / "deep" / "out.jsonl"
    with ResultFile(path) as file:
        for number, key in enumerate(KEYS):
            file.write({"id": f"r{number}", "text": "Kein Erguß.\nNo\u2028more"}, key)
    return path


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


def test_rows_are_taken_as_often_as_they_are_there() -> None:
    kept = Kept([5, 2**64 - 1, 5])
    assert [kept.take(key) for key in (5, 5, 5, 6, 2**64 - 1, 2**64 - 1)] == [True, True, False, False, True, False]
    assert kept.left == 0
    assert not Kept(()).take(5)


def test_what_was_written_is_known_again(out: Path) -> None:
    assert [(row["id"], row["key"]) for row in lines(out)] == [("r0", KEYS[0]), ("r1", KEYS[1]), ("r2", KEYS[2])]
    file = ResultFile(out)
    assert (file.kept.left, file.mended) == (3, False)
    assert file.kept.take(0xAA)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("cut", range(1, 70, 3))
def test_a_last_line_that_was_cut_short_is_taken_away(out: Path, cut: int) -> None:
    whole = out.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    out.write_bytes(whole[:-cut] if cut < last else whole[: 1 - last])
    with ResultFile(out) as file:
        assert file.mended
        assert file.kept.left == (3 if cut == 1 else 2), "a line that lacks its line end only is whole"
        file.write({"id": "new"}, KEYS[1])
    assert [row["id"] for row in lines(out)] == ["r0", "r1", *(["r2"] if cut == 1 else []), "new"]


def test_nothing_is_changed_before_it_is_used(out: Path) -> None:
    out.write_bytes(out.read_bytes()[:-9])
    before = out.read_bytes()
    assert ResultFile(out).mended
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    "foreign",
    ['{"id": "a", "findings": "Normal."}', '{"id": "a", "findings": "Normal."}\n', "notes", "FINDINGS: none\n", "\n\n"],
)
def test_a_file_of_somebody_elses_is_refused_and_stays(tmp_path: Path, foreign: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(foreign, "utf-8")
    with pytest.raises(InputError, match="line 1: no batch wrote it"):
        ResultFile(path)
    assert path.read_text("utf-8") == foreign


def test_the_line_is_named(out: Path) -> None:
    with out.open("a") as file:
        file.write('{"id": "x"}\n')
    with pytest.raises(InputError, match=r"out\.jsonl, line 4: no batch wrote it"):
        ResultFile(out)


@pytest.mark.parametrize("name", ["out.jsonl", "out.failed.jsonl"])
def test_the_input_is_no_place_for_results(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match="is the input"):
        ResultFile(tmp_path / "out.jsonl", str(tmp_path / name))


def test_failures_are_those_of_the_last_run(out: Path) -> None:
    failures = out.with_name("out.failed.jsonl")
    with ResultFile(out) as file:
        file.fail({"id": "a"})
        file.fail({"id": "b"})
    assert [row["id"] for row in lines(failures)] == ["a", "b"]
    assert stat.S_IMODE(failures.stat().st_mode) == 0o600
    with ResultFile(out):
        pass
    assert not failures.exists()


def test_a_place_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot use"), ResultFile(tmp_path / "file" / "out.jsonl"):
        pass
