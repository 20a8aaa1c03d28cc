"""Published layouts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coarse2fine.evals.layouts import read_cases
from coarse2fine.reports import InputError, ReportError


def write(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_open_i_keeps_the_impression_from_the_report(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", {"idx": 7, "inputs": "Clear lungs.", "target": "Normal chest."})
    (case,) = read_cases("openi", file)
    assert case.reference == "Normal chest."
    assert case.report.impression is None
    assert (case.report.id, case.report.findings, case.report.exam) == ("7", "Clear lungs.", "Chest X-ray")


def test_limit_reads_from_the_beginning(tmp_path: Path) -> None:
    rows = [{"idx": n, "inputs": "Clear lungs.", "target": "Normal."} for n in range(5)]
    assert [case.report.id for case in read_cases("openi", write(tmp_path / "rows.jsonl", *rows), limit=2)] == [
        "0",
        "1",
    ]


def test_a_row_without_an_impression_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", {"inputs": "Clear.", "target": "Normal."}, {"inputs": "Clear.", "target": ""})
    with pytest.raises(ReportError, match="row 2, field 'impression'"):
        read_cases("openi", file)


def test_a_row_that_cannot_be_read_is_not_skipped(tmp_path: Path) -> None:
    file = write(
        tmp_path / "rows.jsonl", {"inputs": "Clear.", "target": "Normal."}, {"inputs": " ", "target": "Normal."}
    )
    with pytest.raises(ReportError, match="row 2"):
        read_cases("openi", file)


def test_any_file_is_read_by_its_columns_or_by_those_that_are_told(tmp_path: Path) -> None:
    named = write(tmp_path / "named.jsonl", {"findings": "Clear lungs.", "impression": "Normal.", "id": "x"})
    assert read_cases("any", named) == read_cases(None, named)
    strange = write(tmp_path / "strange.jsonl", {"Text A": "Clear lungs.", "Text B": "Normal.", "id": "x"})
    told = {"findings": "Text A", "impression": "Text B"}
    assert read_cases("any", strange, columns=told) == read_cases("any", named)
    moved = write(tmp_path / "moved.jsonl", {"idx": 1, "report": "Clear lungs.", "target": "Normal."})
    (case,) = read_cases("openi", moved, columns={"findings": "report"})
    assert (case.report.findings, case.report.exam) == ("Clear lungs.", "Chest X-ray")


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("chexpert-plus", "path_to_image,section_findings,section_impression,deid_patient_id\na,Clear.,Normal.,p1\n"),
        ("mimic-cxr", "study,subject_id,findings,impression\na,p1,Clear.,Normal.\n"),
    ],
)
def test_published_tables_are_cases(tmp_path: Path, layout: str, text: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text, "utf-8")
    (case,) = read_cases(layout, file)
    assert (case.report.findings, case.reference, case.report.id) == ("Clear.", "Normal.", "a")
    assert (case.report.impression, case.report.exam) == (None, "Chest X-ray")


def test_an_unknown_layout_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="openi"):
        read_cases("other", tmp_path / "rows.jsonl")
