"""Reading reports: what hospitals export, and what goes wrong on the way."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coarse2fine.reports import InputError, Report, ReportError, read_reports, read_text

RAW = """\
MERCY VALE HOSPITAL
CT CHEST WITHOUT CONTRAST

Clinical Indication: 61-year-old woman, cough.
COMPARISON: None.
TECHNIQUE - 5 mm slices.

FINDINGS
Lungs: 1.2 cm nodule.
History of prior surgery is noted.

IMPRESSION:
1. Lung nodule.
"""


def read(text: str, name: str = "x.csv", **options: Any) -> list[Report | ReportError]:
    return list(read_reports(name, text=text, **options))


def only_error(outcomes: list[Report | ReportError]) -> ReportError:
    (error,) = outcomes
    assert isinstance(error, ReportError)
    return error


def findings(outcomes: list[Report | ReportError]) -> list[str | None]:
    return [outcome.findings if isinstance(outcome, Report) else None for outcome in outcomes]


class TestRawText:
    def test_every_section_lands_in_its_field(self) -> None:
        report = read_text(RAW.replace("\n", "\r\n"))
        assert report.model_dump(exclude={"id"}) == {
            "findings": "Lungs: 1.2 cm nodule.\nHistory of prior surgery is noted.",
            "clinical_information": "61-year-old woman, cough.",
            "exam": "CT CHEST WITHOUT CONTRAST",
            "comparison": "None.",
            "technique": "5 mm slices.",
            "impression": "1. Lung nodule.",
            "sex": "female",
            "age": 61,
            "patient": None,
            "radiologist": None,
        }

    def test_a_text_without_headings_is_all_findings(self) -> None:
        text = "CT chest shows a nodule.\n\nHistory of surgery."
        report = read_text(f"\n{text}\n")
        assert (report.findings, report.exam, report.impression) == (text, "", None)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            (" \n\t\n", "is empty"),
            ("IMPRESSION: Normal.", "has headings (impression) but none for findings"),
            ("Lungs are clear.\nHISTORY: x\nIMPRESSION: y", "has headings (clinical information, impression) but none"),
            ("FINDINGS:\nIMPRESSION: Normal.", "is empty: an impression cannot be written without findings"),
            ("FINDINGS: " + "a" * 50_001, "has 50,001 characters; at most 50,000 are read"),
            ("a\0b", "has a character that is no text ('\\x00') at position 1"),
        ],
    )
    def test_findings_are_never_invented(self, text: str, message: str) -> None:
        with pytest.raises(ReportError) as caught:
            read_text(text, "ward.txt")
        assert caught.value.message.startswith(message)
        assert (caught.value.source, caught.value.field, caught.value.row) == ("ward.txt", "findings", None)

    def test_an_empty_impression_is_none(self) -> None:
        assert read_text("FINDINGS: a\nIMPRESSION:\n").impression is None

    def test_a_long_impression_is_refused_by_its_own_name(self) -> None:
        with pytest.raises(ReportError, match=r"field 'impression': has 50,001 characters"):
            read_text("FINDINGS: a\nIMPRESSION: " + "b" * 50_001)

    def test_two_reports_in_one_text(self) -> None:
        text = "FINDINGS: A\nIMPRESSION: a\nFINDINGS:\nIMPRESSION: b\nFINDINGS: C"
        first, second, third = read(text, "x.txt")
        assert isinstance(first, Report)
        assert isinstance(third, Report)
        assert (first.findings, first.impression, third.findings, third.impression) == ("A", "a", "C", None)
        assert isinstance(second, ReportError)
        assert (second.row, second.field) == (2, "findings")
        with pytest.raises(ReportError, match="holds 3 reports, not one"):
            read_text(text)

    def test_columns_make_no_sense_for_raw_text(self) -> None:
        assert "raw text" in only_error(read("a", "x.txt", columns={"findings": "a"})).message


class TestCsv:
    def test_known_columns_in_any_case(self) -> None:
        text = "Study_ID,Report-Findings,CONCLUSION,Gender,Patient Age,Indication,History,Radiologist,Exam Type,note\n"
        (report,) = read(text + "007,Clear.,Normal.,M,067Y,Cough,Fever,r1,Chest,ignored\n")
        assert report == Report(
            findings="Clear.",
            impression="Normal.",
            sex="male",
            age=67,
            clinical_information="Cough\nFever",
            radiologist="r1",
            exam="Chest",
            id="007",
        )

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_separators(self, separator: str) -> None:
        (report,) = read(f'id{separator}findings\n1{separator}"a{separator} b\nc ""d"""\n', "x.tsv")
        assert isinstance(report, Report)
        assert (report.id, report.findings) == ("1", f'a{separator} b\nc "d"')

    def test_one_bad_row_never_loses_the_good_ones(self) -> None:
        outcomes = read(
            "id,findings,sex,age\n"
            "1,Good,F,1\n"
            '2,"Quote left open,F,2\n'
            "3,Good,F,3\n"
            "4,,F,4\n"
            "5,too,few\n"
            "6,one,cell,7,more\n"
            "\n"
            ",,,\n"
            "8,Good,Q,8\n"
            "9,Good,F,old\n"
            "10,Good,F,200\n"
            f"11,{'a' * 50_001},F,11\n"
            f"12,{'a' * 200_000},F,11\n"
            '13,"Good"x,F,13\n'
            "14,Good,u,14,\n"
            '15,"Last quote open'
        )
        assert [report.id for report in outcomes if isinstance(report, Report)] == ["1", "3", "14"]
        errors = [(error.row, error.field) for error in outcomes if isinstance(error, ReportError)]
        assert errors == [
            (2, ""),
            (4, "findings"),
            (5, ""),
            (6, ""),
            (8, "sex"),
            (9, "age"),
            (10, "age"),
            (11, "findings"),
            (12, ""),
            (13, ""),
            (15, ""),
        ]
        assert all(error.source == "x.csv" for error in outcomes if isinstance(error, ReportError))

    def test_rows_behind_a_quote_that_is_never_closed_are_read(self) -> None:
        outcomes = read('findings\n"open\nb\nc\n')
        assert findings(outcomes) == [None, "b", "c"]

    def test_a_row_that_is_not_utf8_names_its_byte(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_bytes("findings\nGood\nÖdem\nGood\n".encode("latin-1"))
        first, second, third = read_reports(path)
        assert findings([first, third]) == ["Good", "Good"]
        assert isinstance(second, ReportError)
        assert (second.row, second.message) == (2, "is not UTF-8 at byte offset 14: save it as UTF-8")

    def test_own_column_names(self) -> None:
        (report,) = read("Befund,findings\nA,B\n", columns={"findings": "befund"})
        assert findings([report]) == ["A"]

    def test_what_is_named_for_one_field_is_not_guessed_for_another(self) -> None:
        (report,) = read("study,findings\ns1,a\n", columns={"id": "study"})
        assert isinstance(report, Report)
        assert (report.id, report.exam) == ("s1", "")

    def test_columns_that_may_hold_a_field_need_not_be_there(self) -> None:
        (report,) = read("b,text\n1,a\n", columns={"findings": "text", "id": ("a", "b"), "sex": ("x", "y")})
        assert isinstance(report, Report)
        assert (report.id, report.findings, report.sex) == ("1", "a", None)

    @pytest.mark.parametrize("name", ["patient", "Patient ID", "subject_id", "deid_patient_id"])
    def test_the_patient_is_known_by_an_opaque_id(self, name: str) -> None:
        (report,) = read(f"findings,{name}\na,12\n")
        assert isinstance(report, Report)
        assert report.patient == "12"

    def test_missing_columns_are_named_with_those_found(self) -> None:
        error = only_error(read("Befund,Alter\nA,1\n"))
        assert error.field == "findings"
        assert "found 'Alter', 'Befund'" in error.message
        error = only_error(read("findings,b\nA,1\n", columns={"impression": "c"}))
        assert (error.field, "has no 'c'; found 'b', 'findings'" in error.message) == ("impression", True)

    def test_the_best_known_column_wins_and_an_empty_one_yields(self) -> None:
        assert findings(read("inputs,findings\nworse,better\nfallback,\n")) == ["better", "fallback"]

    def test_of_two_columns_with_one_name_the_first_counts(self) -> None:
        assert findings(read("findings,findings\na,b\n")) == ["a"]
        assert findings(read("Findings,findings\na,b\n")) == ["a"]

    def test_clinical_information_under_several_names_is_joined_without_repeats(self) -> None:
        (report,) = read("findings,indication,history,background\na,Cough ,,Cough\n")
        assert isinstance(report, Report)
        assert report.clinical_information == "Cough"

    def test_sex_and_age_fields_win_over_clinical_information(self) -> None:
        (report, filled) = read("findings,sex,age,history\na,F,3,45 M\na,,,45 M\n")
        assert isinstance(report, Report)
        assert isinstance(filled, Report)
        assert (report.sex, report.age, filled.sex, filled.age) == ("female", 3, "male", 45)

    @pytest.mark.parametrize(
        ("text", "message"), [("", "is empty"), ("\n\n", "is empty"), ("findings\n", "has a header but no rows")]
    )
    def test_nothing_to_read(self, text: str, message: str) -> None:
        assert only_error(read(text)).message == message

    def test_a_broken_header_is_one_error(self) -> None:
        assert only_error(read('id,"findings\n1,a\n')).message.startswith("header: is not CSV")


class TestJson:
    def test_object_and_list(self) -> None:
        record = {"Inputs": "Clear.", "target": "Normal.", "idx": 7, "extra": [1], "sex": None, "age": float("nan")}
        for document in (record, [record]):
            (report,) = read(json.dumps(document), "x.json")
            assert report == Report(findings="Clear.", impression="Normal.", id="7")

    @pytest.mark.parametrize(
        ("record", "field", "message"),
        [
            ({"findings": 3}, "findings", "must be text, not int"),
            ({"findings": ["a"]}, "findings", "must be text, not list"),
            ({"findings": None}, "findings", "is empty"),
            ({"findings": " "}, "findings", "is empty"),
            ({"findings": "a\ud800"}, "findings", "has a character that is no text"),
            ({"findings": "a", "impression": {}}, "impression", "must be text, not dict"),
            ({"findings": "a", "history": [1]}, "clinical_information", "must be text, not list"),
            ({"findings": "a", "id": True}, "id", "must be text, not bool"),
            ({"findings": "a", "sex": 1}, "sex", "1 is not a sex"),
            ({"findings": "a", "age": "old"}, "age", "'old' is not an age"),
            ({"findings": "a", "age": 126}, "age", "Input should be less than or equal to 125"),
            ({"findings": 3, "impression": 4}, "findings", "must be text, not int; impression: must be text, not int"),
            ({"text": "a"}, "findings", "nothing holds the findings; found 'text'"),
            ({}, "findings", "nothing holds the findings; found none"),
            ("a", "", "must be an object with findings, not str"),
            (None, "", "must be an object with findings, not NoneType"),
        ],
    )
    def test_a_bad_record_among_good_ones(self, record: object, field: str, message: str) -> None:
        good = {"findings": "good"}
        for name, text in (
            ("x.json", json.dumps([good, record, good])),
            ("x.jsonl", "\n".join(map(json.dumps, [good, record, good]))),
        ):
            outcomes = read(text, name)
            assert findings(outcomes) == ["good", None, "good"]
            error = outcomes[1]
            assert isinstance(error, ReportError)
            assert (error.source, error.row, error.field) == (name, 2, field)
            assert error.message.startswith(message)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            ("[]", "is an empty list"),
            ("{", "is not JSON: Expecting property name"),
            ('{"findings": "a"}\n{"findings": "b"}', "is not JSON: Extra data at line 2, column 1; JSON lines belong"),
            ("[" * 100_000, "is not JSON: it is nested too deep"),
            ("9" * 5_000, "is not JSON: Exceeds the limit"),
        ],
    )
    def test_a_document_that_is_no_json(self, text: str, message: str) -> None:
        assert only_error(read(text, "x.json")).message.startswith(message)

    def test_json_lines_number_their_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "x.jsonl"
        path.write_bytes(b'{"findings": "a"}\n\n{oops\n{"findings": "\xff"}\n{"findings": "b"}')
        outcomes = list(read_reports(path))
        assert findings(outcomes) == ["a", None, None, "b"]
        errors = [(error.row, error.message) for error in outcomes if isinstance(error, ReportError)]
        assert errors[0] == (3, "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2")
        assert errors[1] == (4, "is not UTF-8 at byte offset 39: save it as UTF-8")

    def test_json_lines_may_leave_out_a_named_column_but_findings(self) -> None:
        columns = {"findings": "f", "impression": "i"}
        outcomes = read('{"f": "a"}\n{"i": "b", "findings": "c"}', "x.jsonl", columns=columns)
        assert findings(outcomes) == ["a", None]

    def test_blank_json_lines(self) -> None:
        assert only_error(read("\n \n", "x.jsonl")).message == "is empty"


class TestSources:
    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.txt", b"", "is empty"),
            ("x.txt", b"\x89PNG\r\n\x1a\n\0\0", "is not UTF-8 at byte offset 0"),
            ("x.txt", b"a\0b", "is binary"),
            ("x.csv", b"PK\x03\x04rest", "is a ZIP, Word or Excel file, not text"),
            ("x.txt", b"%PDF-1.7\n", "is a PDF file, not text"),
            ("x.txt", "Ödem".encode("latin-1"), "is not UTF-8 at byte offset 0"),
            ("x.txt", codecs.BOM_UTF8 + b"ab\n\xff", "is not UTF-8 at byte offset 6"),
            ("x.txt", "Clear".encode("utf-16-le"), "is binary (or UTF-16 without a byte order mark)"),
            ("x.txt", codecs.BOM_UTF16_LE + b"a", "is not UTF-16 at byte offset 2"),
            ("x.csv", b"PAR1rest", "is Parquet (name it .parquet"),
            ("x.xlsx", b"a", "is of no known kind; name it .csv"),
        ],
    )
    def test_what_cannot_be_read_is_one_error(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        error = only_error(list(read_reports(path)))
        assert error.source == str(path)
        assert error.message.startswith(message)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    @pytest.mark.parametrize(
        ("name", "text"), [("x.txt", "Ödem"), ("x.csv", "findings\nÖdem"), ("x.json", '{"findings": "Ödem"}')]
    )
    def test_encodings(self, tmp_path: Path, name: str, text: str, encoding: str) -> None:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        assert findings(list(read_reports(path))) == ["Ödem"]

    def test_missing_file_and_directory(self, tmp_path: Path) -> None:
        assert only_error(list(read_reports(tmp_path / "none.csv"))).message == "there is no such file"
        assert "is a directory" in only_error(list(read_reports(tmp_path))).message

    def test_another_system_error_keeps_its_words(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        assert only_error(list(read_reports(tmp_path / "x.csv"))).message == "cannot be read: Permission denied"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"findings": "a"}\n{"findings": "b"}\n', ["a", "b"]),
            ('{\n"findings": "a"}', ["a"]),
            ('[{"findings": "a"}]', ["a"]),
            ("[Portable] Clear.", ["[Portable] Clear."]),
            ("Clear.", ["Clear."]),
            ("", [None]),
        ],
    )
    def test_standard_input_is_told_by_its_first_line(
        self, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[str | None]
    ) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
        assert findings(list(read_reports("-"))) == expected

    def test_a_given_format_beats_the_name(self) -> None:
        assert findings(read("findings\na\n", "x.json", format="csv")) == ["a"]

    def test_mistakes_of_the_caller_are_raised_at_once(self) -> None:
        with pytest.raises(InputError, match="no field 'finding'"):
            read_reports("x.csv", columns={"finding": "a"})
        with pytest.raises(InputError, match="format 'xml' is not known"):
            read_reports("x.csv", format="xml")  # type: ignore[arg-type]

    def test_rows_are_streamed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first report is there before the second row has been asked for."""

        class Endless(io.RawIOBase):
            asked = 0

            def readline(self, size: int | None = -1, /) -> bytes:
                self.asked += 1
                return b"findings\n" if self.asked == 1 else b"Clear.\n"

        stream = Endless()
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
        reports: Iterator[Report | ReportError] = read_reports("-", format="csv")
        assert findings([next(reports), next(reports)]) == ["Clear.", "Clear."]
        assert stream.asked <= 3


@given(st.text(), st.sampled_from(["txt", "json", "jsonl", "csv"]))
def test_no_text_makes_it_fail(text: str, format: Any) -> None:
    outcomes = read(text, "x", format=format)
    assert outcomes or format == "csv"
    assert all(isinstance(outcome, Report | ReportError) for outcome in outcomes)


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip), min_size=1)
)
def test_json_lines_come_back_as_they_were(written: list[str]) -> None:
    lines = "\n".join(json.dumps({"findings": text}) for text in written)
    assert findings(read(lines, "x.jsonl")) == written
