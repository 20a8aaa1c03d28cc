"""Reading ratings: three forms, every fault by name, disagreements settled by one rule."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.evals.study import Judgement, StudyKey, gather
from coarse2fine.evals.study.ratings import COLUMNS, read_ratings, read_resolved, settle
from coarse2fine.reports import Dimensions, InputError

Make = Callable[..., StudyKey]
Fill = Callable[[Path, Callable[[str], Mapping[str, object]]], None]
Judge = Callable[..., Judgement]

ANSWERS = {
    "rating": "positive",
    **dict.fromkeys(Dimensions.model_fields, 4),
    "source_guess": "machine",
    "edit_seconds": 12.5,
    "comment": "Good, but “long”;\nsecond line",
}


def sheet(folder: Path, reader: str) -> Path:
    return folder / "study" / "readers" / reader / "ratings.csv"


def lines(path: Path, *rows: Mapping[str, object] | str) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def export(tasks: Path, answer: Callable[[str], list[Mapping[str, Any]]], out: Path) -> Path:
    """What Label Studio exports when each of its tasks was annotated with these results."""
    done = [
        {"id": n, **task, "annotations": [{"id": n, "completed_by": 1, "was_cancelled": False, "result": results}]}
        for n, task in enumerate(json.loads(tasks.read_text("utf-8")), start=1)
        for results in [answer(task["data"]["item"])]
    ]
    out.write_text(json.dumps(done), "utf-8")
    return out


def results(answers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    def value(name: str, given: Any) -> tuple[str, Mapping[str, Any]]:
        if name in ("rating", "source_guess"):
            return "choices", {"choices": [given]}
        if name == "edit_seconds":
            return "number", {"number": given}
        return ("textarea", {"text": [given]}) if name == "comment" else ("rating", {"rating": given})

    return [
        {"from_name": name, "to_name": "impression", "type": kind, "value": found, "origin": "manual"}
        for name, given in answers.items()
        for kind, found in [value(name, given)]
    ]


def test_the_sheet_has_every_field_of_a_judgement(make: Make, tmp_path: Path) -> None:
    make()
    assert set(COLUMNS) == set(Judgement.model_fields)
    assert sheet(tmp_path, "r1").read_text("utf-8").splitlines()[0] == ",".join(COLUMNS)


def test_csv_json_lines_and_label_studio_say_the_same(make: Make, fill: Fill, tmp_path: Path) -> None:
    key = make(readers=("r1",))
    folder = tmp_path / "study" / "readers" / "r1"
    fill(folder / "ratings.csv", lambda _: ANSWERS)
    from_csv = gather(key, [folder / "ratings.csv"])
    rows = [{"study": key.study, "item": item.id, "reader": "r1", **ANSWERS} for item in key.items]
    from_lines = gather(key, [lines(tmp_path / "r.jsonl", *rows)])
    from_studio = gather(
        key, [export(folder / "label-studio.json", lambda _: results(ANSWERS), tmp_path / "export.json")]
    )
    by_item = [sorted(found, key=lambda one: one.item) for found in (from_csv, from_lines, from_studio)]
    assert by_item[0] == by_item[1] == by_item[2]
    assert len(from_csv) == 12
    assert from_csv[0].model_dump(include=set(ANSWERS)) == ANSWERS


def test_the_labelling_configuration_asks_for_every_answer(make: Make, tmp_path: Path) -> None:
    make()
    folder = tmp_path / "study" / "readers" / "r1"
    view = ElementTree.parse(folder / "label-studio.xml").getroot()
    controls = {tag.get("name"): tag for tag in view.iter() if tag.get("toName")}
    assert controls.keys() == set(ANSWERS)
    texts = {tag.get("name"): tag.get("value") for tag in view.iter("Text")}
    assert texts == {name: f"${name}" for name in ("clinical_information", "findings", "impression")}
    assert {tag.get("toName") for tag in controls.values()} <= texts.keys()
    choices = {name: [choice.get("value") for choice in controls[name].iter("Choice")] for name in ("rating",)}
    assert choices == {"rating": ["positive", "neutral", "negative"]}
    data = json.loads((folder / "label-studio.json").read_text("utf-8"))[0]["data"]
    assert texts.keys() <= data.keys()
    assert all(data.values())


def test_skipped_annotations_and_rows_without_an_answer_are_not_ratings(make: Make, tmp_path: Path) -> None:
    key = make()
    with pytest.raises(InputError, match=r"no item is rated in .*ratings\.csv"):
        gather(key, [sheet(tmp_path, "r1")])
    tasks = tmp_path / "study" / "readers" / "r1" / "label-studio.json"
    path = export(tasks, lambda _: results(ANSWERS), tmp_path / "export.json")
    document = json.loads(path.read_text("utf-8"))
    document[0]["annotations"][0]["was_cancelled"] = True
    path.write_text(json.dumps(document), "utf-8")
    assert len(gather(key, [path])) == 11


def test_stars_that_were_taken_back_are_no_answer(make: Make, tmp_path: Path) -> None:
    key = make(readers=("r1",))
    tasks = tmp_path / "study" / "readers" / "r1" / "label-studio.json"
    path = export(tasks, lambda _: results({"rating": "neutral", "coherence": 0, "clearance": 3}), tmp_path / "e.json")
    found = gather(key, [path])
    assert {(one.coherence, one.clearance) for one in found} == {(None, 3)}


def test_semicolons_marks_of_byte_order_and_capitals_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("item;reader;rating;source_guess;clearance\nx;r1; Positive ;HUMAN;5\n", "utf-8-sig")
    (found,) = read_ratings(path)
    assert (found.record.rating, found.record.source_guess, found.record.clearance) == ("positive", "human", 5)


# ------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("item,reader,rating\nx,r1,good\n", "row 1, field 'rating': Input should be 'positive', 'neutral' or"),
        ("item,reader,rating,clearance\nx,r1,neutral,6\n", "row 1, field 'clearance': Input should be less than"),
        ("item,reader,rating,clearance\nx,r1,,3\n", "row 1, field 'rating': Field required"),
        ("item,reader,rating,edit_seconds\nx,r1,neutral,-1\n", "field 'edit_seconds': Input should be greater"),
        ("item,reader,rating,edit_seconds\nx,r1,neutral,inf\n", "field 'edit_seconds': Input should be a finite"),
        ("item,reader,rating,source_guess\nx,r1,neutral,robot\n", "field 'source_guess': Input should be 'human' or"),
        ("item,reader,rating,claerance\nx,r1,neutral,3\n", "field 'claerance': Extra inputs are not permitted"),
        ("item,reader,rating\nx,r1\n", "row 1: has 2 cells, the header has 3"),
        ('item,reader,rating\nx,r1,"neutral\n', "is not CSV"),
        ("", "has no header"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"r\.csv") as caught:
        read_ratings(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.xlsx", "", "ratings are .csv, .jsonl"),
        ("r.json", "{}", "holds no list of tasks"),
        ("r.json", "{", "is not JSON"),
        ("r.json", '[{"rating": "positive"}]', "row 1: is no task with data and annotations"),
        (
            "r.json",
            '[{"data": {"item": "x"}, "annotations": [{"result": [{"from_name": "rating", "type": "labels"}]}]}]',
            "row 1, field 'rating': a result of the type 'labels' cannot be read",
        ),
        (
            "r.json",
            '[{"data": {}, "annotations": [{"result": [{"from_name": "rating", "type": "choices", "value": '
            '{"choices": ["positive", "neutral"]}}]}]}]',
            "2 choices where one is wanted",
        ),
        ("r.jsonl", "[]", "row 1: must be an object"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"r\.") as caught:
        read_ratings(tmp_path / name)
    assert words in str(caught.value)
    (tmp_path / name).unlink()
    if name != "r.xlsx":
        with pytest.raises(InputError, match="cannot read"):
            read_ratings(tmp_path / name)


def test_ratings_that_do_not_belong_to_the_key_are_named(make: Make, tmp_path: Path) -> None:
    key = make(readers=("r1", "r2"), overlap=0.0)
    mine = next(item.id for item in key.items if item.readers == ("r1",))
    others = next(item.id for item in key.items if item.readers == ("r2",))
    row = {"study": key.study, "item": mine, "reader": "r1", "rating": "neutral"}
    path = lines(
        tmp_path / "r.jsonl",
        {**row, "study": "0" * 16},
        {**row, "item": "nowhere"},
        {**row, "reader": "r9"},
        {**row, "item": others},
        row,
    )
    with pytest.raises(InputError, match="4 faults") as caught:
        gather(key, [path])
    for words in (
        f"row 1, field 'study': hash mismatch: rated in the study {'0' * 16}, the key is of {key.study}",
        "row 2, field 'item': the key names no item nowhere",
        "row 3, field 'reader': the key names no reader 'r9', but r1, r2",
        f"row 4, field 'reader': reader r1 was not given the item {others}",
    ):
        assert words in str(caught.value)


def test_another_studys_key_takes_no_rating_even_without_the_studys_id(make: Make, tmp_path: Path) -> None:
    key, other = make("study"), make("other", seed=6)
    path = lines(tmp_path / "r.jsonl", {"item": key.items[0].id, "reader": "r1", "rating": "neutral"})
    assert len(gather(key, [path])) == 1
    with pytest.raises(InputError, match="the key names no item"):
        gather(other, [path])


def test_an_item_rated_twice_is_refused_with_both_rows_or_the_last_is_kept(make: Make, tmp_path: Path) -> None:
    key = make()
    item = key.items[0].id
    first = lines(tmp_path / "a.jsonl", {"item": item, "reader": "r1", "rating": "neutral"})
    second = lines(
        tmp_path / "b.jsonl",
        {"item": item, "reader": "r2", "rating": "neutral"},
        {"item": item, "reader": "r1", "rating": "negative"},
    )
    with pytest.raises(InputError, match=rf"b\.jsonl, row 2: reader r1 rated item {item} in .*a\.jsonl, row 1 already"):
        gather(key, [first, second])
    kept = {one.reader: one.rating for one in gather(key, [first, second], keep="last")}
    assert kept == {"r1": "negative", "r2": "neutral"}
    kept = {one.reader: one.rating for one in gather(key, [second, first], keep="last")}
    assert kept["r1"] == "neutral"


# ------------------------------------------------------------------------------------------------------------ settle
@pytest.mark.parametrize(
    ("ratings", "settled"),
    [
        (["positive"], "positive"),
        (["neutral", "neutral"], "neutral"),
        (["neutral", "negative"], None),
        (["neutral", "negative", "negative"], "negative"),
        (["neutral", "negative", "positive"], None),
        (["neutral", "neutral", "negative", "negative"], None),
    ],
)
def test_more_than_half_settles_an_item(make: Make, judgement: Judge, ratings: list[str], settled: str | None) -> None:
    key = make(readers=("a", "b", "c", "d"))
    item = key.items[3].id
    (found,) = settle(key, [judgement(item, reader, said) for reader, said in zip("abcd", ratings, strict=False)])
    assert (found.rating, found.disputed, found.item.id) == (settled, settled is None, item)


def test_what_readers_agreed_upon_settles_disputed_items_only(make: Make, judgement: Judge, tmp_path: Path) -> None:
    key = make()
    disputed, agreed = key.items[0].id, key.items[1].id
    said = [
        judgement(disputed, "r1", "neutral"),
        judgement(disputed, "r2", "negative"),
        judgement(agreed, "r1"),
        judgement(agreed, "r2"),
    ]
    path = tmp_path / "resolved.csv"
    path.write_text(f"item,rating\n{disputed},negative\n{agreed},\n", "utf-8")
    found = {one.item.id: one for one in settle(key, said, read_resolved(path))}
    assert (found[disputed].rating, found[disputed].disputed, found[agreed].rating) == ("negative", True, "neutral")
    path.write_text(f"item,rating\n{disputed},neutral\n{disputed},negative\n{agreed},neutral\nx,neutral\n", "utf-8")
    with pytest.raises(InputError, match="3 faults") as caught:
        settle(key, said, read_resolved(path))
    for words in (f"row 2, field 'item': the item {disputed} is resolved twice", f"{agreed} is not disputed", "row 4"):
        assert words in str(caught.value)
