"""Collections: one form, no report twice, what is left out counted by reason, memory flat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coarse2fine.reports import Collection, NoFindings, Report, ReportError, read_reports, report_line
from coarse2fine.reports.hashes import HashTable
from coarse2fine.reports.normalise import fingerprint, normalised, plain_words


def pair(findings: str, impression: str | None = "Normal.", **fields: str) -> Report:
    return Report.model_validate({"findings": findings, "impression": impression, **fields})


class TestForm:
    def test_spaces_and_lines(self) -> None:
        report = normalised(pair(" \tClear \u00a0 lungs.\r\n\r\n \r\n\r\n  No  effusion.\r", exam=" CT\tchest "))
        assert (report.findings, report.exam) == ("Clear lungs.\n\nNo effusion.", "CT chest")

    def test_a_given_id_stays_and_a_made_one_follows_from_the_texts(self) -> None:
        assert normalised(pair("a", id="x")).id == "x"
        assert normalised(pair("a")).id == normalised(pair(" a ")).id != normalised(pair("a", "Other.")).id

    def test_a_blank_impression_is_none(self) -> None:
        assert normalised(pair("a", " \n")).impression is None

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Clear lungs. No effusion.", "clear LUNGS .\nNo effusion"),
            ("- Clear\n- Effusion, small", "Clear\nEffusion (small)"),
            ("A nodule; stable.", "A nodule. Stable"),
        ],
    )
    def test_texts_that_are_set_otherwise_are_alike(self, one: str, other: str) -> None:
        assert plain_words(one) == plain_words(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("A 1.2 cm nodule.", "A 12 cm nodule."),
            ("BI-RADS: 4. Benign.", "BI-RADS: 5. Benign."),
            ("No effusion. Pneumothorax.", "No effusion, pneumothorax."),
            ("Effusion?", "Effusion."),
            ("< 3 mm", "> 3 mm"),
            ("Levels 3-4.", "Levels 3, 4."),
            ("Left.", "Right."),
        ],
    )
    def test_texts_that_say_something_else_are_not(self, one: str, other: str) -> None:
        assert plain_words(one) != plain_words(other)


class TestSelection:
    def test_each_reason_is_counted_and_the_first_of_duplicates_is_kept(self) -> None:
        collection = Collection()
        kept = list(
            collection.select(
                [
                    pair("Clear lungs.", id="1", patient="p"),
                    pair("Clear lungs.", id="2"),
                    pair("Clear  lungs.", id="3"),
                    pair("CLEAR LUNGS", "normal", id="4"),
                    pair("Clear lungs.", "Other.", id="5"),
                    pair("Clear lungs.", None),
                    NoFindings("is empty", field="findings"),
                    ReportError("is no age", field="age"),
                    ReportError("is not CSV"),
                ]
            )
        )
        assert [one.id if isinstance(one, Report) else str(one) for one in kept] == [
            "1",
            "5",
            "field 'age': is no age",
            "is not CSV",
        ]
        assert collection.collected().model_dump() == {
            "read": 9,
            "kept": 2,
            "left_out": {"exact duplicate": 2, "near duplicate": 1, "no impression": 1, "no findings": 1},
            "rejected": 2,
            "rejected_fields": {"age": 1, "": 1},
            "with_patient": 1,
        }

    def test_findings_and_impression_do_not_run_together(self) -> None:
        kept = list(Collection().select([pair("a b", "c"), pair("a", "b c")]))
        assert len(kept) == 2

    def test_records_are_taken_one_at_a_time(self) -> None:
        def endless() -> object:
            number = 0
            while True:
                number += 1
                yield pair(f"Finding {number}.")

        selected = Collection().select(endless())  # type: ignore[arg-type]
        first, second = next(selected), next(selected)
        assert isinstance(first, Report)
        assert isinstance(second, Report)
        assert (first.findings, second.findings) == ("Finding 1.", "Finding 2.")

    def test_a_line_comes_back_as_the_same_report(self, tmp_path: Path) -> None:
        report = normalised(
            pair(
                "Ödem \u2028 here\nb", "Normal.", clinical_information="Cough.", exam="CT", comparison="None.",
                technique="5 mm", sex="female", age="61", radiologist="r", patient="p", id="7",
            )
        )  # fmt: skip
        (tmp_path / "x.jsonl").write_text(report_line(report), "utf-8")
        assert list(read_reports(tmp_path / "x.jsonl")) == [report]
        assert list(json.loads(report_line(normalised(pair("a"))))) == ["id", "findings", "impression"]


class TestHashes:
    @given(st.lists(st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 2**16 - 1))))
    def test_it_is_a_dict_that_keeps_the_first(self, pairs: list[tuple[int, int]]) -> None:
        hashes, reference = HashTable(), dict[int, int]()
        for key, value in pairs:
            assert hashes.first(key, value) == reference.get(key or 1)
            reference.setdefault(key or 1, value)
        assert len(hashes) == len(reference)

    def test_it_grows_and_still_finds_everything(self) -> None:
        hashes = HashTable()
        keys = [fingerprint(str(number)) >> 16 for number in range(20_000)]
        assert [hashes.first(key, number) for number, key in enumerate(keys)] == [None] * len(keys)
        assert [hashes.first(key, 0) for key in keys] == list(range(len(keys)))
        assert hashes.bytes <= 20 * len(keys)

    def test_hashes_are_the_same_on_every_machine(self) -> None:
        assert fingerprint("Clear lungs.") == fingerprint("Clear lungs.") != fingerprint("Clear lungs")
        assert f"{fingerprint(''):016x}" == "e4a6a0577479b2b4"
