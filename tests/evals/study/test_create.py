"""Making a study: who gets what, that nothing tells the source, and what is refused."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.evals.study import StudyKey, create_study, read_key
from coarse2fine.evals.study.key import check_files
from coarse2fine.reports import InputError

Make = Callable[..., StudyKey]
Rows = Callable[..., Path]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shown(folder: Path, reader: str) -> list[dict[str, str]]:
    text = (folder / "readers" / reader / "items.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_papers_numbers_are_the_default(rows: Rows, tmp_path: Path) -> None:
    key = create_study(rows(tmp_path / "g.jsonl", "g", 230), rows(tmp_path / "o.jsonl", "o", 120), tmp_path / "study")
    assert Counter(item.source for item in key.items) == {"generated": 200, "original": 100}
    assert key.readers == ("r1", "r2")
    assert all(item.readers == ("r1", "r2") for item in key.items)
    assert len({item.id for item in key.items}) == 300
    assert not [item.id for item in key.items if not re.fullmatch("i[0-9a-f]{12}", item.id)]
    assert re.fullmatch("s[0-9a-f]{16}", key.study)


def test_the_same_seed_gives_the_same_files_whatever_the_order_of_rows(make: Make, rows: Rows, tmp_path: Path) -> None:
    make("a")
    make("b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    for name in ("generated.jsonl", "original.jsonl"):
        lines = (tmp_path / name).read_text("utf-8").splitlines()
        (tmp_path / name).write_text("\n".join(reversed(lines)), "utf-8")
    create_study(
        tmp_path / "generated.jsonl",
        tmp_path / "original.jsonl",
        tmp_path / "c",
        wanted={"generated": 8, "original": 4},
        seed=5,
    )
    assert files(tmp_path / "a" / "readers") == files(tmp_path / "c" / "readers")


def test_another_seed_gives_other_ids_and_another_order(make: Make, tmp_path: Path) -> None:
    first, second = make("a"), make("b", seed=6)
    assert not {item.id for item in first.items} & {item.id for item in second.items}
    assert first.study != second.study
    orders = [[item["impression"] for item in shown(tmp_path / name, "r1")] for name in "ab"]
    assert sorted(orders[0]) != orders[0] != orders[1]
    assert [item["item"] for item in shown(tmp_path / "a", "r1")] != [
        item["item"] for item in shown(tmp_path / "a", "r2")
    ]


def test_a_seed_that_is_not_given_is_drawn_and_told_by_the_key_only(make: Make, tmp_path: Path) -> None:
    key = make("a", seed=None)
    assert key.seed != make("b", seed=None).seed
    for text in files(tmp_path / "a" / "readers").values():
        assert str(key.seed).encode() not in text


def test_no_readers_file_holds_a_source_a_report_id_or_a_stray_field(rows: Rows, tmp_path: Path) -> None:
    create_study(
        rows(tmp_path / "g.jsonl", "gen-", 6, model="llama-x", source="generated"),
        rows(tmp_path / "o.jsonl", "orig-", 6, radiologist="dr-x", source="original"),
        tmp_path / "study",
        wanted={"generated": 6, "original": 6},
        seed=1,
    )
    for name, text in files(tmp_path / "study" / "readers").items():
        for word in (b"generated", b"original", b"gen-", b"orig-", b"llama-x", b"dr-x", b"seed"):
            assert word not in text.lower(), (name, word)
    for item in shown(tmp_path / "study", "r1"):
        assert item.keys() == {"study", "item", "reader", "findings", "clinical_information", "impression"}


def test_neither_place_nor_id_gives_the_source_away(make: Make, tmp_path: Path) -> None:
    """Over many seeds a generated item is as likely at each place, and its id as likely to be small, as by chance."""
    seeds, items = 80, 12
    at_place, low_ids = Counter[int](), 0
    for seed in range(seeds):
        key = make(f"s{seed}", seed=seed, readers=("r1",))
        source = {item.id: item.source for item in key.items}
        sequence = [source[item["item"]] for item in shown(tmp_path / f"s{seed}", "r1")]
        at_place.update(place for place, of in enumerate(sequence) if of == "generated")
        low_ids += sum(source[name] == "generated" for name in sorted(source)[: items // 2])
    expected, deviation = seeds * 8 / 12, (seeds * 8 / 12 * 4 / 12) ** 0.5
    assert all(abs(at_place[place] - expected) < 4 * deviation for place in range(items))
    assert abs(low_ids - seeds * 4) < 4 * (seeds * 6 * 2 / 9) ** 0.5


def test_clinical_information_of_one_source_only_is_refused(rows: Rows, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="4 generated items have clinical_information and no original item"):
        create_study(
            rows(tmp_path / "g.jsonl", "g", 4, clinical_information="Cough."),
            rows(tmp_path / "o.jsonl", "o", 4),
            tmp_path / "study",
            wanted={"generated": 4, "original": 4},
        )
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(("overlap", "shared"), [(0.0, 0), (0.25, 15), (0.5, 30), (1.0, 60)])
def test_the_overlap_is_kept_in_each_source_and_the_rest_is_dealt_evenly(
    make: Make, overlap: float, shared: int
) -> None:
    key = make(generated=40, original=20, readers=("a", "b", "c"), overlap=overlap)
    assert sum(len(item.readers) == 3 for item in key.items) == shared
    assert sum(len(item.readers) == 3 for item in key.items if item.source == "original") == shared // 3
    assert {len(item.readers) for item in key.items} <= {1, 3}
    for source in ("generated", "original"):
        given = Counter(reader for item in key.items if item.source == source for reader in item.readers)
        assert max(given.values()) - min(given.values()) <= 1


def test_readers_see_what_the_key_gives_them(make: Make, tmp_path: Path) -> None:
    key = make(readers=("a", "b"), overlap=0.5)
    for reader in key.readers:
        given = {item.id for item in key.items if reader in item.readers}
        assert {item["item"] for item in shown(tmp_path / "study", reader)} == given


def test_no_report_is_shown_twice_where_files_share_reports(rows: Rows, tmp_path: Path) -> None:
    generated, original = rows(tmp_path / "g.jsonl", "x", 12), rows(tmp_path / "o.jsonl", "x", 6)
    for seed in range(20):
        out = tmp_path / str(seed)
        key = create_study(generated, original, out, wanted={"generated": 8, "original": 4}, seed=seed)
        assert len({item.report for item in key.items}) == 12
    with pytest.raises(InputError, match="6 reports stand in both files and none is shown twice"):
        create_study(generated, original, tmp_path / "more", wanted={"generated": 9, "original": 4})


def test_originals_leave_enough_reports_for_generated_items(rows: Rows, tmp_path: Path) -> None:
    generated, original = rows(tmp_path / "g.jsonl", "x", 8), rows(tmp_path / "o.jsonl", "x", 12)
    for seed in range(5):
        out = tmp_path / str(seed)
        key = create_study(generated, original, out, wanted={"generated": 8, "original": 4}, seed=seed)
        assert {item.report for item in key.items if item.source == "original"} == {"x8", "x9", "x10", "x11"}


def test_paired_items_of_a_report_stand_half_a_list_apart(rows: Rows, tmp_path: Path) -> None:
    generated, original = rows(tmp_path / "g.jsonl", "x", 30), rows(tmp_path / "o.jsonl", "x", 10)
    key = create_study(
        generated, original, tmp_path / "s", wanted={"generated": 20, "original": 10}, seed=2, design="paired"
    )
    reports = {item.id: item.report for item in key.items}
    twice = {name for name, count in Counter(reports.values()).items() if count == 2}
    assert len(twice) == 10
    sequence = [reports[item["item"]] for item in shown(tmp_path / "s", "r1")]
    for name in twice:
        first, second = (place for place, report in enumerate(sequence) if report == name)
        assert second - first >= 8
    with pytest.raises(InputError, match="a paired study needs 11"):
        create_study(
            rows(tmp_path / "g.jsonl", "x", 10),
            rows(tmp_path / "o.jsonl", "x", 11),
            tmp_path / "t",
            wanted={"generated": 10, "original": 11},
            design="paired",
        )


# ------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"id": "1", "findings": "A.", "impression": "B."}'], "1 generated rows for 2 items"),
        (['{"id": "1", "findings": "A.", "impression": " "}'], "row 1, field 'impression': is empty"),
        (['{"id": "1", "findings": "", "impression": "B."}'], "row 1, field 'findings': is empty"),
        (['{"id": "1", "findings": "A."}'], "row 1, field 'impression': Field required"),
        (["[1]"], "row 1: must be an object, not list"),
        (["{"], "row 1: is not JSON"),
        (
            ['{"id": 1, "findings": "A.", "impression": "B."}', "", '{"id": "1", "findings": "C", "impression": "D"}'],
            "row 3, field 'id': the id '1' stands in row 1 already",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_named(rows: Rows, tmp_path: Path, lines: list[str], words: str) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("\n".join(lines), "utf-8")
    good = rows(tmp_path / "o.jsonl", "o", 2)
    with pytest.raises(InputError, match=r".*") as caught:
        create_study(bad, good, tmp_path / "study", wanted={"generated": 2, "original": 2})
    assert words in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_many_bad_rows_are_counted(rows: Rows, tmp_path: Path) -> None:
    bad = rows(tmp_path / "g.jsonl", "g", 30, impression=" ")
    with pytest.raises(InputError, match=r"^30 faults:\n") as caught:
        create_study(bad, bad, tmp_path / "study")
    assert str(caught.value).endswith("and 10 more")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"readers": ()}, "at least one reader"),
        ({"readers": ("a", "A")}, "named twice"),
        ({"readers": ("../a",)}, "reader '../a'"),
        ({"overlap": 1.5}, "0 to 1, not 1.5"),
        ({"wanted": {"generated": 0, "original": 1}}, "at least one generated item"),
    ],
)
def test_a_study_that_cannot_be_is_refused(make: Make, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make(**options)


def test_a_folder_that_is_not_empty_is_left_alone(make: Make, tmp_path: Path) -> None:
    make("study")
    before = files(tmp_path / "study")
    with pytest.raises(InputError, match="not empty"):
        make("study", seed=9)
    assert files(tmp_path / "study") == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    (tmp_path / "empty").mkdir()
    make("empty")
    assert (tmp_path / "empty" / "key.json").exists()


# -------------------------------------------------------------------------------------------------------------- key
def test_the_key_is_its_owners_only_and_comes_back(make: Make, tmp_path: Path) -> None:
    key = make()
    path = tmp_path / "study" / "key.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert read_key(path) == key
    assert key.versions.keys() == {"coarse2fine", "python"}
    check_files(key, tmp_path / "study" / "readers")


def test_a_key_that_was_changed_is_refused(make: Make, tmp_path: Path) -> None:
    make()
    path = tmp_path / "study" / "key.json"
    text = path.read_text("utf-8")
    for before, after in (('"source": "original"', '"source": "generated"'), ('"independent"', '"paired"')):
        assert before in text
        path.write_text(text.replace(before, after, 1), "utf-8")
        with pytest.raises(InputError, match="does not match its seal"):
            read_key(path)
    path.write_text('{"study": 1}', "utf-8")
    with pytest.raises(InputError, match="is no study key"):
        read_key(path)
    with pytest.raises(InputError, match="cannot read"):
        read_key(tmp_path / "none.json")


def test_a_readers_file_that_was_changed_or_lost_is_named(make: Make, tmp_path: Path) -> None:
    key = make()
    readers = tmp_path / "study" / "readers"
    (readers / "r1" / "ratings.csv").write_text("filled in", "utf-8")
    check_files(key, readers)
    (readers / "r1" / "items.jsonl").write_text("changed", "utf-8")
    (readers / "r2" / "label-studio.json").unlink()
    with pytest.raises(InputError, match=r"(?s)2 faults.*cannot read .*r2") as caught:
        check_files(key, readers)
    assert "items.jsonl: its hash is not the key's" in str(caught.value)
