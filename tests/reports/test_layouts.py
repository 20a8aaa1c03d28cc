"""Published data sets: columns as they are published, and folders of texts."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.reports import LAYOUTS, InputError, NoFindings, Report, ReportError, read_layout


def table(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def reports(layout: str, source: Path, **options: Any) -> list[Report]:
    outcomes = list(read_layout(layout, source, **options))
    found = [outcome for outcome in outcomes if isinstance(outcome, Report)]
    assert len(found) == len(outcomes), outcomes
    return found


def test_every_layout_names_fields_that_reports_have() -> None:
    for layout in LAYOUTS.values():
        assert {"findings", "impression", "id"} <= set(layout.columns) <= set(Report.model_fields)


def test_open_i(tmp_path: Path) -> None:
    row = {"idx": 7, "inputs": "Clear lungs.", "target": "Normal.", "findings": "not these"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert reports("openi", tmp_path / "x.jsonl") == [
        Report(findings="Clear lungs.", impression="Normal.", id="7", exam="Chest X-ray")
    ]


CHEXPERT = {
    "path_to_image": "train/patient00001/study1/view1_frontal.jpg",
    "frontal_lateral": "Frontal",
    "ap_pa": "PA",
    "deid_patient_id": "patient00001",
    "patient_report_date_order": "1",
    "report": "NARRATIVE: everything",
    "section_narrative": "",
    "section_clinical_history": "Cough.",
    "section_history": "",
    "section_comparison": "None.",
    "section_technique": "",
    "section_findings": "Lungs are clear.",
    "section_impression": "1. Normal chest.",
    "section_summary": "4-POSSIBLE SIGNIFICANT FINDINGS",
    "section_accession_number": "",
    "age": "68.0",
    "sex": "Female",
    "race": "White",
    "insurance_type": "Medicare",
    "split": "train",
}


def test_chexpert_plus(tmp_path: Path) -> None:
    rows = CHEXPERT, {**CHEXPERT, "sex": "Unknown", "age": "", "section_findings": ""}
    good, bad = read_layout("chexpert-plus", table(tmp_path / "df_chexpert_plus_240401.csv", *rows))
    assert good == Report(
        findings="Lungs are clear.",
        impression="1. Normal chest.",
        clinical_information="Cough.",
        comparison="None.",
        exam="Chest X-ray",
        sex="female",
        age=68,
        patient="patient00001",
        id="train/patient00001/study1/view1_frontal.jpg",
    )
    assert isinstance(bad, NoFindings)


def test_mimic_cxr_table_with_and_without_the_patient(tmp_path: Path) -> None:
    row = {"study": "s50414267", "subject_id": "10000032", "findings": "Clear.\n", "impression": "Normal.\n"}
    (report,) = reports("mimic-cxr", table(tmp_path / "a.csv", row))
    assert (report.id, report.patient, report.exam) == ("s50414267", "10000032", "Chest X-ray")
    (report,) = reports("mimic-cxr", table(tmp_path / "b.csv", {**row, "subject_id": ""}))
    assert report.patient is None
    del row["subject_id"]
    (report,) = reports("mimic-cxr", table(tmp_path / "c.csv", row))
    assert (report.id, report.patient) == ("s50414267", None)


def test_mimic_cxr_folder_of_texts(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "p10" / "p10000032"
    folder.mkdir(parents=True)
    text = (
        "FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n \n FINDINGS: \n \n Clear.\n \n IMPRESSION: \n \n Normal.\n"
    )
    (folder / "s50414267.txt").write_text(text, "utf-8")
    (folder / "s2.txt").write_text(" IMPRESSION: \n Normal.\n", "utf-8")
    (folder / "index.html").write_text("<html>", "utf-8")
    missing, report = read_layout("mimic-cxr", tmp_path / "files")
    assert isinstance(missing, NoFindings)
    assert missing.source == str(folder / "s2.txt")
    assert isinstance(report, Report)
    assert (report.findings, report.impression) == ("Clear.", "Normal.")
    assert (report.id, report.patient, report.exam) == ("s50414267", "p10000032", "CHEST (PA AND LAT)")
    (alone,) = reports("mimic-cxr", folder / "s50414267.txt")
    assert alone == report


def test_a_folder_without_texts_is_one_error(tmp_path: Path) -> None:
    (error,) = read_layout("mimic-cxr", tmp_path)
    assert isinstance(error, ReportError)
    assert error.message == "holds no .txt file"


def test_named_columns_win_over_the_layout(tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", {"section_findings": "Old.", "mine": "New.", "section_impression": "x"})
    (report,) = reports("chexpert-plus", path, columns={"findings": "mine"})
    assert report.findings == "New."
    (error,) = read_layout("chexpert-plus", path, columns={"findings": "absent"})
    assert "has no 'absent'" in str(error)


def test_a_table_of_another_form_says_what_it_should_hold(tmp_path: Path) -> None:
    (error,) = read_layout("chexpert-plus", table(tmp_path / "x.csv", {"findings": "a"}))
    assert "section_findings" in str(error)


def test_an_unknown_layout_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="openi, chexpert-plus, mimic-cxr"):
        read_layout("closedi", tmp_path / "x.csv")
