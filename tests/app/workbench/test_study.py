"""A reader study in the workbench: blinded, resumed, and read by `study analyze`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.app.workbench.study_files import StudyFiles
from coarse2fine.evals.study import analyze_study, gather, read_key
from coarse2fine.evals.study.key import check_files
from coarse2fine.evals.study.ratings import settle
from coarse2fine.reports import InputError

Browse = Callable[..., Any]


def without(html: str, *texts: str) -> str:
    for text in texts:
        html = html.replace(text, "")
    return re.sub(r'name="token" value="[0-9a-f]+"', "", html)


async def rate(browse: Any, reader: str, number: int, **answers: str) -> Any:
    path = f"/workbench/study/{reader}/{number}"
    token = (await browse.get(path)).token
    return await browse.post(path, {"token": token, "rating": "positive", **answers})


async def test_all_items_are_rated_and_the_ratings_are_analyzed(browser: Browse, study: Path) -> None:
    browse = browser(study=study)
    assert "0 of 4 rated" in (await browse.get("/workbench/study")).text
    for reader in ("r1", "r2"):
        place = (await browse.http.get(f"/workbench/study/{reader}")).headers["location"]
        for number, rating in enumerate(("positive", "neutral", "negative", "positive"), 1):
            assert place == f"/workbench/study/{reader}/{number}"
            answers = {"clearance": "5", "conciseness": "2", "source_guess": "machine", "comment": '=1+1, "so"\nso'}
            answer = await rate(browse, reader, number, rating=rating, **answers)
            place = answer.headers["location"]
        assert place == f"/workbench/study/{reader}"
        assert "All 4 items are rated" in (await browse.get(place)).text
    key = read_key(study / "key.json")
    check_files(key, study / "readers")
    judgements = gather(key, [study / "readers" / reader / "ratings.csv" for reader in ("r1", "r2")])
    assert len(judgements) == 8
    assert {(one.clearance, one.completeness, one.source_guess) for one in judgements} == {(5, None, "machine")}
    assert analyze_study(key, judgements, settle(key, judgements)).missing == {"r1": 0, "r2": 0}


async def test_a_reader_goes_on_where_they_stopped(browser: Browse, study: Path) -> None:
    await rate(browser(study=study), "r1", 1)
    again = browser(study=study)
    assert (await again.http.get("/workbench/study/r1")).headers["location"] == "/workbench/study/r1/2"
    page = await again.get("/workbench/study/r1/1")
    assert [e["value"] for e in page.all("input", name="rating") if "checked" in e] == ["positive"]
    assert page.all("progress", value="1", max="4")


async def test_a_rating_is_changed_and_the_others_stay(browser: Browse, study: Path) -> None:
    browse = browser(study=study)
    for number in (1, 2):
        await rate(browse, "r1", number, edit_seconds="12.5")
    await rate(browse, "r1", 1, rating="negative")
    said = StudyFiles(study).readers["r1"].ratings()
    items = StudyFiles(study).readers["r1"].items
    assert [said[item.item].rating for item in items[:2]] == ["negative", "positive"]
    assert said[items[1].item].edit_seconds == 12.5
    assert not StudyFiles(study).readers["r2"].ratings()


async def test_nothing_on_a_page_tells_the_source(browser: Browse, study: Path) -> None:
    browse = browser(study=study)
    key = read_key(study / "key.json").by_id()
    items = StudyFiles(study).readers["r1"].items
    pages = []
    for number, item in enumerate(items, 1):
        html = (await browse.get(f"/workbench/study/r1/{number}")).html
        source = key[item.item]
        for telling in ("generated", "original", source.report, item.item):
            assert telling not in html
        steps = [f'<a id="{name}" href="/workbench/study/r1/{n}">{name}</a>' for name, n in
                 (("previous", number - 1), ("next", number + 1))]  # fmt: skip
        own = (item.impression, f"Item {number} of", f"/workbench/study/r1/{number}", *steps)
        pages.append("".join(without(html, *steps, *own).split()))
    assert len({key[item.item].source for item in items}) == 2
    assert len(set(pages)) == 1, "but for their own texts and numbers, pages are the same"


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ({"rating": ""}, "rating"),
        ({"rating": "best"}, "rating"),
        ({"clearance": "9"}, "clearance"),
        ({"edit_seconds": "soon"}, "edit_seconds"),
    ],
)
async def test_an_answer_that_cannot_be_is_named_and_nothing_is_written(
    browser: Browse, page: Any, study: Path, answers: dict[str, str], name: str
) -> None:
    before = (study / "readers/r1/ratings.csv").read_bytes()
    answer = await rate(browser(study=study), "r1", 1, **{"comment": "typed", **answers})
    assert answer.status_code == 422
    assert page(answer.text).all("p", id=f"{name}-wrong")
    assert page(answer.text).all("input", id="comment", value="typed")
    assert (study / "readers/r1/ratings.csv").read_bytes() == before


async def test_a_sheet_that_is_broken_is_named_and_left_alone(browser: Browse, study: Path) -> None:
    sheet = study / "readers/r1/ratings.csv"
    sheet.write_text("item,rating\ni1,superb\n", "utf-8")
    answer = await browser(study=study).http.get("/workbench/study/r1/1")
    assert answer.status_code == 422
    assert "row 1" in answer.text
    assert "superb" in sheet.read_text("utf-8")


@pytest.mark.parametrize("path", ["r3", "r1/0", "r1/5", "r1/x", "r1/²", "..%2Fkey.json/1"])
async def test_other_readers_and_items_are_not_there(browser: Browse, study: Path, path: str) -> None:
    assert (await browser(study=study).http.get(f"/workbench/study/{path}")).status_code == 404


@pytest.mark.parametrize("folder", [".", "readers", "readers/r1"])
def test_any_folder_of_a_study_may_be_given(study: Path, folder: str) -> None:
    assert set(StudyFiles(study / folder).readers) == ({"r1"} if folder.endswith("r1") else {"r1", "r2"})


def test_a_folder_without_items_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no reader's folder"):
        StudyFiles(tmp_path)


async def test_without_a_study_the_pages_say_so(browser: Browse) -> None:
    assert "was given no study" in (await browser().get("/workbench/study")).text
    assert not (await browser().get("/workbench/")).all("a", href="/workbench/study")
