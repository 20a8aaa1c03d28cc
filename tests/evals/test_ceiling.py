"""Radiologists' own texts as a system, and ours beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from coarse2fine.evals.ceiling import ours, radiologists
from coarse2fine.evals.external import Row, TextRow
from coarse2fine.evals.layouts import Case
from coarse2fine.reports import InputError, ReportError


def row(case: Case, text: str, error: str = "") -> Row:
    texts = {} if error else {"draft": TextRow(text=text, status="passed", rounds=1, stop_reason="passed")}
    return Row(
        id=case.report.id, reference=case.reference, abnormal=True, seen=False, texts=texts, rouge={}, seconds=1,
        error=error,
    )  # fmt: skip


def test_references_are_the_texts(cases: list[Case]) -> None:
    found = radiologists(cases)
    assert list(found.candidates) == list(found.references) == [case.reference for case in cases]


def test_our_texts_are_matched_by_id(cases: list[Case], tmp_path: Path) -> None:
    rows = [row(case, f"Text {case.report.id}.", "broke" if case.report.id == "1" else "") for case in cases]
    (tmp_path / "rows.jsonl").write_text("".join(r.model_dump_json() + "\n" for r in reversed(rows)), "utf-8")
    found = ours(cases, tmp_path / "rows.jsonl")
    assert list(found.candidates) == ["Text 0.", "", "Text 2.", "Text 3."]
    assert list(found.ids) == ["0", "1", "2", "3"]


def test_rows_of_other_reports_are_refused_by_place(cases: list[Case], tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(row(cases[0], "A.").model_dump_json() + "\n", "utf-8")
    with pytest.raises(InputError, match="no row for the report with the id '1'"):
        ours(cases, file)
    with pytest.raises(ReportError, match=r"row 1, field 'texts': has no text 'brief', but draft"):
        ours(cases[:1], file, "brief")
    with pytest.raises(ReportError, match="another reference"):
        ours([cases[0]._replace(reference="Other.")], file)
    file.write_text('{"id": 1}\n', "utf-8")
    with pytest.raises(ReportError, match="row 1"):
        ours(cases[:1], file)
