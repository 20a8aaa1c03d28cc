"""Files of texts to score, and two systems aligned by id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coarse2fine.evals.metrics import Samples
from coarse2fine.evals.metrics.rows import ScoreRow, aligned, read_samples, score_line
from coarse2fine.reports import InputError, ReportError

ROW = {"id": "a", "candidate": "Effusion.", "reference": "Left effusion.", "findings": "There is a left effusion."}


def write(folder: Path, *rows: dict[str, object] | str) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return file


def test_rows_are_read_in_order_with_reports(tmp_path: Path) -> None:
    file = write(tmp_path, ROW, "", {**ROW, "id": 7, "candidate": "", "exam": "Chest X-ray", "more": 1})
    found = read_samples(file)
    assert (found.ids, found.candidates) == (("a", "7"), ["Effusion.", ""])
    assert found.reports is not None
    assert [(r.id, r.findings, r.exam) for r in found.reports][1] == ("7", "There is a left effusion.", "Chest X-ray")


def test_rows_without_findings_have_no_reports(tmp_path: Path) -> None:
    bare = {key: value for key, value in ROW.items() if key != "findings"}
    assert read_samples(write(tmp_path, bare)).reports is None


def test_a_row_survives_writing_and_reading(tmp_path: Path) -> None:
    line = score_line(ScoreRow(id="ä", candidate="", reference="Normal."))
    assert read_samples(write(tmp_path, line)).ids == ("ä",)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([ROW, "{"], "row 2.*JSON"),
        ([ROW, {"id": "b", "candidate": "x"}], "row 2, field 'reference': Field required"),
        ([ROW, {**ROW, "id": "b", "reference": " "}], "row 2, field 'reference': is empty"),
        ([ROW, {**ROW, "id": "b", "candidate": None}], "row 2, field 'candidate': must be text, not NoneType"),
        ([ROW, {**ROW, "id": "b", "candidate": 5}], "row 2, field 'candidate': must be text, not int"),
        ([ROW, {**ROW, "id": "b", "findings": ""}], "row 2, field 'findings': is empty, but other rows have"),
        ([{**ROW, "findings": " "}, {**ROW, "id": "b"}], "row 1, field 'findings': is empty, but other rows have"),
        ([ROW, {**ROW, "id": "b"}, "", ROW], "row 4, field 'id': the id 'a' stands in row 1 too"),
        ([ROW, {**ROW, "id": "b", "findings": "x" * 60_000}], "row 2, field 'findings'.*60,000"),
    ],
)
def test_a_row_that_cannot_be_scored_is_named(tmp_path: Path, rows: list[dict[str, object] | str], says: str) -> None:
    with pytest.raises(ReportError, match=rf"rows\.jsonl, {says}"):
        read_samples(write(tmp_path, *rows))


@pytest.mark.parametrize("content", [None, "\n"])
def test_a_missing_or_empty_file_is_told(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        write(tmp_path, content)
    with pytest.raises(InputError, match=r"rows\.jsonl"):
        read_samples(tmp_path / "rows.jsonl")


def test_a_second_system_comes_in_the_order_of_the_first() -> None:
    first = Samples(["x", "y"], ["1", "2"], ids=["a", "b"])
    found = aligned(first, Samples(["Y", "X"], ["2", "1"], ids=["b", "a"]))
    assert (found.candidates, found.references, found.ids) == (["X", "Y"], ["1", "2"], ("a", "b"))


def test_systems_on_other_samples_are_not_compared() -> None:
    first = Samples(["x", "y"], ["1", "2"], ids=["a", "b"])
    with pytest.raises(InputError, match=r"ids of the first file that the second file lacks \(1\): 'b'"):
        aligned(first, Samples(["X"], ["1"], ids=["a"]))
    with pytest.raises(
        InputError, match=r"ids of the second file that the first file lacks \(4\): 'c', 'd', 'e', \.\.\."
    ):
        aligned(first, Samples(["X"] * 6, ["1"] * 6, ids=list("abcdef")))
    with pytest.raises(InputError, match=r"sample 2 \(id 'b'\): one.jsonl and two.jsonl have different references"):
        aligned(first, Samples(["X", "Y"], ["1", "3"], ids=["a", "b"]), ("one.jsonl", "two.jsonl"))
