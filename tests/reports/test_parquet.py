"""Parquet: the same reports as from CSV, in batches, and what is no Parquet."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coarse2fine.reports import MissingExtra, Report, ReportError, read_reports
from coarse2fine.reports.parquet import BATCH


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table(columns), path)
    return path


def error_of(path: Path, **options: Any) -> ReportError:
    (error,) = read_reports(path, **options)
    assert isinstance(error, ReportError)
    return error


def test_rows_become_reports_and_bad_rows_are_named(tmp_path: Path) -> None:
    columns = {
        "Findings": ["Clear.", None, "Effusion.", "Nodule."],
        "sex": ["F", "M", "Q", None],
        "Patient_Age": [67, 1, 2, 300],
        "subject_id": [10, 11, 12, 13],
        "image": [b"\xff\xd8"] * 4,
    }
    good, *bad = read_reports(write(tmp_path / "x.parquet", columns))
    assert isinstance(good, Report)
    assert (good.findings, good.sex, good.age, good.patient) == ("Clear.", "female", 67, "10")
    named = [(error.row, error.field) for error in bad if isinstance(error, ReportError)]
    assert named == [(2, "findings"), (3, "sex"), (4, "age")]


def test_rows_keep_their_order_over_batches(tmp_path: Path) -> None:
    texts = [f"Finding {number}." for number in range(2 * BATCH + 3)]
    reports = list(read_reports(write(tmp_path / "x.parquet", {"text": texts}), columns={"findings": "text"}))
    assert [report.findings for report in reports if isinstance(report, Report)] == texts


def test_only_the_columns_that_hold_fields_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.parquet", {"findings": ["a"], "pixels": [b"0" * 100]})
    from pyarrow.parquet import ParquetFile

    asked: list[Any] = []
    read = ParquetFile.iter_batches

    def spy(self: Any, **options: Any) -> Any:
        asked.append(options["columns"])
        return read(self, **options)

    monkeypatch.setattr(ParquetFile, "iter_batches", spy)
    assert len(list(read_reports(path))) == 1
    assert asked == [["findings"]]


def test_what_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"findings": ["a"] * 5_000})
    assert (
        "nothing holds the findings; found 'text'" in error_of(write(tmp_path / "y.parquet", {"text": ["a"]})).message
    )
    assert error_of(write(tmp_path / "z.parquet", {"findings": []})).message == "has columns but no rows"
    (tmp_path / "w.parquet").write_bytes(path.read_bytes()[:-50])
    assert error_of(tmp_path / "w.parquet").message.startswith("is no Parquet file")
    (tmp_path / "v.parquet").write_text("findings\na\n")
    assert error_of(tmp_path / "v.parquet").message.startswith("is no Parquet file")
    assert error_of(tmp_path / "none.parquet").message == "there is no such file"


def test_a_file_that_is_broken_inside_keeps_what_came_before(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    groups = [[f"{group} {number}" for number in range(BATCH)] for group in range(3)]
    with parquet.ParquetWriter(path, arrow.schema([("findings", arrow.string())]), compression="zstd") as writer:
        for group in groups:
            writer.write_table(arrow.table({"findings": group}))
    whole = bytearray(path.read_bytes())
    start = parquet.ParquetFile(path).metadata.row_group(2).column(0).dictionary_page_offset
    whole[start : start + 400] = bytes(400)
    path.write_bytes(whole)
    *good, error = read_reports(path)
    assert len(good) == 2 * BATCH
    assert all(isinstance(report, Report) for report in good)
    assert isinstance(error, ReportError)
    assert error.message.startswith("breaks off")


def test_a_stream_that_cannot_be_sought_in(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pipe(b"PAR1")))
    (error,) = read_reports("-", format="parquet")
    assert isinstance(error, ReportError)
    assert "give a file" in error.message


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtra, match=r"pip install 'coarse2fine\[parquet\]'") as caught:
        list(read_reports(tmp_path / "x.parquet"))
    assert caught.value.exit_code == 4
