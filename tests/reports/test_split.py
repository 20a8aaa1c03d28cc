"""Splits: sizes, strata, groups that stay whole, nothing that leaks, the same for the same seed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coarse2fine.reports import (
    PAPER_SIZES,
    InputError,
    Manifest,
    Report,
    ReportError,
    check_leaks,
    parse_size,
    read_reports,
    report_line,
    split_reports,
)
from coarse2fine.reports.parts import PARTS, Assigned, PartName, Rows, assign


def report(number: int, **fields: Any) -> Report:
    values = {"findings": f"Finding {number}.", "impression": f"Impression {number}.", "id": str(number), **fields}
    return Report.model_validate(values)


def people(count: int, visits: int = 1) -> list[Report]:
    """Reports of so many patients; sex and age differ by patient, in unequal shares."""
    return [
        report(
            patient * visits + visit,
            patient=f"p{patient}",
            sex="female" if patient % 3 else "male",
            age=(30, 50, 50, 70)[patient % 4],
            radiologist=f"r{(patient + visit) % 8}",
        )
        for patient in range(count)
        for visit in range(visits)
    ]


def write(path: Path, reports: Sequence[Report]) -> Path:
    path.write_text("".join(map(report_line, reports)), "utf-8")
    return path


def split(source: Path, out: Path, **options: Any) -> Manifest:
    return split_reports(source, out, lambda: read_reports(source), **options)


def part(folder: Path, name: str) -> list[Report]:
    found = list(read_reports(folder / f"{name}.jsonl"))
    reports = [one for one in found if isinstance(one, Report)]
    assert len(reports) == len(found)
    return reports


class TestSizes:
    def test_the_paper_draws_500_and_50(self, tmp_path: Path) -> None:
        manifest = split(write(tmp_path / "x.jsonl", people(700)), tmp_path / "out")
        assert PAPER_SIZES == {"train": 500, "validate": 0, "test": 50}
        assert {name: part.reports for name, part in manifest.parts.items()} == {"train": 500, "test": 50}
        assert (len(part(tmp_path / "out", "train")), len(part(tmp_path / "out", "test"))) == (500, 50)
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
            "manifest.json",
            "test.jsonl",
            "train.jsonl",
        ]
        assert manifest.left_out == {"not drawn": 150}

    def test_counts_that_take_everything_are_met(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(60))
        made = split(source, tmp_path / "out", sizes={"train": 41, "validate": 8, "test": 11})
        assert [made.parts[name].reports for name in PARTS] == [41, 8, 11]

    @pytest.mark.parametrize("seed", range(8))
    def test_large_groups_move_where_a_part_would_be_short(self, seed: int) -> None:
        visits = [4, 4, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]
        rows = Rows()
        for patient, several in enumerate(visits):
            for visit in range(several):
                rows.add(report(10 * patient + visit, patient=f"p{patient}", sex="male", age=40), "patient")
        parts = assign(rows, {"train": 15, "test": 5}, seed).parts
        assert Counter(parts) == {"train": 15, "test": 5}

    def test_shares_that_make_1_take_everything(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(50, visits=4))
        made = split(source, tmp_path / "out", sizes={"train": 0.8, "validate": 0.1, "test": 0.1})
        reports = [made.parts[name].reports for name in PARTS]
        assert sum(reports) == 200
        assert made.left_out == {}
        assert reports == pytest.approx([160, 20, 20], abs=4)

    def test_a_count_beside_a_share_is_met_or_refused(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(60))
        made = split(source, tmp_path / "out", sizes={"train": 0.5, "test": 10})
        assert (made.parts["train"].reports, made.parts["test"].reports) == (30, 10)
        few = write(tmp_path / "y.jsonl", [report(n, patient="one") for n in range(20)])
        with pytest.raises(InputError, match=r"\(test 0 of 5\)"):
            split(few, tmp_path / "no", sizes={"train": 0.5, "test": 5})

    def test_too_few_reports_are_refused_with_numbers(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(20))
        with pytest.raises(InputError, match="there are 20 reports, and the parts ask for 550"):
            split(source, tmp_path / "out")
        few = write(tmp_path / "y.jsonl", [report(n, patient="one") for n in range(20)])
        with pytest.raises(InputError, match=r"too few reports \(test 0 of 5\)"):
            split(few, tmp_path / "out", sizes={"train": 10, "test": 5})
        assert not (tmp_path / "out").exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["x.jsonl", "y.jsonl"]

    @pytest.mark.parametrize(
        ("sizes", "message"),
        [
            ({"train": -1}, "count of reports, or a share"),
            ({"train": 1.5}, "count of reports, or a share"),
            ({"train": 0.9, "test": 0.2}, r"the parts make 1.10 of all 20 reports"),
            ({"train": 0.9, "test": 5}, r"the parts make 1.15 of all 20 reports"),
            ({"train": 0, "test": 0}, "no part is to have any report"),
        ],
    )
    def test_sizes_that_make_no_sense(self, tmp_path: Path, sizes: dict[PartName, Any], message: str) -> None:
        with pytest.raises(InputError, match=message):
            split(write(tmp_path / "x.jsonl", people(20)), tmp_path / "out", sizes=sizes)

    def test_nothing_to_split(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", [report(1, impression=None)])
        with pytest.raises(InputError, match="no report with findings and impression"):
            split(source, tmp_path / "out")

    def test_sizes_as_people_write_them(self) -> None:
        assert [parse_size(text) for text in ("500", "0", "0.8", "80%", "1.0")] == [500, 0, 0.8, 0.8, 1.0]
        assert [type(parse_size(text)) for text in ("1", "1.0", "100%")] == [int, float, float]
        for wrong in ("-1", "1.5", "150%", "many", "", "%", "nan", "inf"):
            with pytest.raises(InputError, match="is no size"):
                parse_size(wrong)


class TestStrata:
    def test_parts_have_the_strata_of_all(self, tmp_path: Path) -> None:
        made = split(write(tmp_path / "x.jsonl", people(1_200)), tmp_path / "out")
        assert made.strata == {
            "female 18-39": 200, "female 40-64": 400, "female 65-79": 200,
            "male 18-39": 100, "male 40-64": 200, "male 65-79": 100,
        }  # fmt: skip
        for name, wanted in (("train", 500), ("test", 50)):
            for stratum, count in made.strata.items():
                assert made.parts[cast(PartName, name)].strata[stratum] == pytest.approx(wanted * count / 1_200, abs=1)

    def test_the_manifest_counts_what_was_written(self, tmp_path: Path) -> None:
        made = split(write(tmp_path / "x.jsonl", people(700)), tmp_path / "out")
        tests = part(tmp_path / "out", "test")
        assert made.parts["test"].patients == len({one.patient for one in tests})
        assert sum(made.parts["test"].strata.values()) == 50
        women = sum(count for stratum, count in made.parts["test"].strata.items() if stratum.startswith("female"))
        assert women == Counter(one.sex for one in tests)["female"]


class TestGroups:
    @pytest.mark.parametrize("by", ["patient", "radiologist"])
    def test_no_group_and_no_patient_crosses(self, tmp_path: Path, by: Any) -> None:
        source = write(tmp_path / "x.jsonl", people(150, visits=3))
        split(source, tmp_path / "out", sizes={"train": 40, "validate": 6, "test": 6}, by=by)
        names: list[tuple[str, ...]] = [("patient", "radiologist")] if by == "radiologist" else [("patient",)]
        for name in names[0]:
            sets = [{getattr(one, name) for one in part(tmp_path / "out", piece)} for piece in PARTS]
            assert sets[0].isdisjoint(sets[1] | sets[2])
            assert sets[1].isdisjoint(sets[2])

    def test_findings_that_many_patients_have_stand_in_one_part(self, tmp_path: Path) -> None:
        reports = [report(n, findings=f"Template {n % 12}.", patient=f"p{n}") for n in range(300)]
        made = split(write(tmp_path / "x.jsonl", reports), tmp_path / "out", sizes={"train": 0.5, "test": 0.5})
        sets = [{one.findings for one in part(tmp_path / "out", name)} for name in ("train", "test")]
        assert sets[0].isdisjoint(sets[1])
        assert made.left_out["findings in another part"] == 300 - sum(one.reports for one in made.parts.values()) > 0
        assert min(map(len, sets)) >= 2

    def test_reports_without_a_patient_are_counted_and_stand_alone(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", [report(n) for n in range(30)])
        made = split(source, tmp_path / "out", sizes={"train": 20, "test": 10})
        assert (made.without_patient, made.parts["train"].patients) == (30, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 14), st.sampled_from(["female", "male", None])), min_size=1),
    st.tuples(st.floats(0.01, 0.6), st.floats(0.01, 0.2), st.floats(0.01, 0.2)),
    st.integers(0, 5),
)
def test_whatever_the_reports_no_key_stands_in_two_parts(
    drawn: list[tuple[int, int, Any]], shares: tuple[float, float, float], seed: int
) -> None:
    reports = [
        report(number, findings=f"Text {text}.", patient=f"p{who}" if who else None, sex=sex)
        for number, (who, text, sex) in enumerate(drawn)
    ]
    rows = Rows()
    for one in reports:
        rows.add(one, "patient")
    assume(round(max(shares) * len(rows)))  # otherwise no part is to have any report
    parts = assign(rows, dict(zip(PARTS, shares, strict=True)), seed).parts
    for name in ("findings", "patient"):
        owners: dict[str, set[str]] = {}
        for one, owner in zip(reports, parts, strict=True):
            if owner and getattr(one, name):
                owners.setdefault(getattr(one, name), set()).add(owner)
        assert all(len(several) == 1 for several in owners.values())


class TestSeed:
    def test_the_same_seed_gives_the_same_bytes_and_another_does_not(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(700))
        first = split(source, tmp_path / "a", seed=3)
        again = split(source, tmp_path / "b", seed=3)
        other = split(source, tmp_path / "c", seed=4)
        assert first == again
        assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()
        assert first.parts["test"].sha256 != other.parts["test"].sha256

    def test_ids_that_are_missing_change_nothing(self, tmp_path: Path) -> None:
        source = tmp_path / "x.csv"
        lines = [f"Finding {n}.,Impression {n}." for n in range(40)]
        source.write_text("findings,impression\n" + "\n".join(lines) + "\n", "utf-8")
        sizes: dict[PartName, int | float] = {"train": 20, "test": 10}
        assert split(source, tmp_path / "a", sizes=sizes) == split(source, tmp_path / "b", sizes=sizes)

    def test_the_order_of_the_input_does_not_matter(self, tmp_path: Path) -> None:
        reports = people(60)
        sizes: dict[PartName, int | float] = {"train": 20, "test": 10}
        split(write(tmp_path / "x.jsonl", reports), tmp_path / "a", sizes=sizes)
        split(write(tmp_path / "y.jsonl", reports[::-1]), tmp_path / "b", sizes=sizes)
        for name in ("train", "test"):
            assert {one.id for one in part(tmp_path / "a", name)} == {one.id for one in part(tmp_path / "b", name)}

    def test_hashes_of_the_input_and_of_the_parts(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(700))
        split(source, tmp_path / "out", seed=11)
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
        assert (manifest["seed"], manifest["by"], manifest["sizes"]["train"]) == (11, "patient", 500)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        assert manifest["inputs"] == [{"file": "x.jsonl", "bytes": source.stat().st_size, "sha256": digest}]
        for one in manifest["parts"].values():
            assert one["sha256"] == hashlib.sha256((tmp_path / "out" / one["file"]).read_bytes()).hexdigest()


class TestLeaks:
    def files(self, folder: Path, train: Report, test: Report) -> dict[PartName, Path]:
        return {"train": write(folder / "train.jsonl", [train]), "test": write(folder / "test.jsonl", [test])}

    def test_parts_apart_pass(self, tmp_path: Path) -> None:
        check_leaks(self.files(tmp_path, report(1, patient="a"), report(2, patient="b", radiologist="a")))

    @pytest.mark.parametrize(
        ("fields", "by", "message"),
        [
            ({"findings": "FINDING  1"}, "patient", "the same findings in train and test: 1 times"),
            ({"patient": "a"}, "patient", "the same patient in train and test"),
            ({"radiologist": "r"}, "radiologist", "the same radiologist in train and test"),
        ],
    )
    def test_what_stands_in_two_parts_is_refused(
        self, tmp_path: Path, fields: dict[str, str], by: Any, message: str
    ) -> None:
        files = self.files(tmp_path, report(1, patient="a", radiologist="r"), report(2, **fields))
        with pytest.raises(InputError, match=message):
            check_leaks(files, by)

    def test_a_radiologist_may_stand_in_two_parts_where_nobody_asked(self, tmp_path: Path) -> None:
        check_leaks(self.files(tmp_path, report(1, radiologist="r"), report(2, radiologist="r")))

    def test_nothing_is_left_of_a_split_that_leaks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = write(tmp_path / "x.jsonl", people(20, visits=2))
        everything: list[PartName | None] = ["train", "test"] * 20
        monkeypatch.setattr("coarse2fine.reports.split.assign", lambda *_: Assigned(everything, Counter()))
        with pytest.raises(InputError, match="the parts leak"):
            split(source, tmp_path / "out", sizes={"train": 20, "test": 20})
        assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


class TestBorders:
    def test_bad_records_are_handed_over_once_and_the_good_ones_go_on(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(30))
        with source.open("a", encoding="utf-8") as file:
            file.write('{"findings": "a", "age": "old"}\n{"findings": "b"}\n')
        errors: list[ReportError] = []
        made = split(source, tmp_path / "out", sizes={"train": 20, "test": 5}, rejected=errors.append)
        assert [(error.row, error.field) for error in errors] == [(31, "age")]
        assert (made.rejected, made.reports, made.left_out["no impression"]) == (1, 30, 1)

    def test_a_folder_that_holds_something_is_refused(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(30))
        with pytest.raises(InputError, match="not empty"):
            split(source, tmp_path)
        with pytest.raises(InputError, match="not empty"):
            split(source, source)
        (tmp_path / "out").mkdir()
        split(source, tmp_path / "out", sizes={"train": 5})
        assert len(part(tmp_path / "out", "train")) == 5

    def test_an_input_that_changes_meanwhile_is_refused(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(30))
        readings = [people(30), people(29)]
        with pytest.raises(InputError, match="changed while it was read"):
            split_reports(source, tmp_path / "out", lambda: readings.pop(0), sizes={"train": 5})
        assert not (tmp_path / "out").exists()

    def test_an_input_that_changes_but_for_its_length_is_refused(self, tmp_path: Path) -> None:
        source = write(tmp_path / "x.jsonl", people(30))
        sizes: dict[PartName, int | float] = {"train": 5}

        def read() -> list[Report]:
            write(source, [one.model_copy(update={"impression": f"{one.impression}!"}) for one in people(30)])
            return people(30)

        with pytest.raises(InputError, match="changed while it was read"):
            split_reports(source, tmp_path / "out", read, sizes=sizes)
        assert not (tmp_path / "out").exists()

    def test_what_is_no_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="standard input will not do"):
            split(tmp_path / "-", tmp_path / "out")
        with pytest.raises(InputError, match="data ingest"):
            split(tmp_path, tmp_path / "out")
