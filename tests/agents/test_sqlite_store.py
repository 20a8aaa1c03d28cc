"""The embedded store: LangGraph's interface, search by words, and nothing left in the file of what was deleted."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, GetOp, InvalidNamespaceError, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.reports import InputError

TEXTS = {
    "effusion": "Small left pleural effusion. No pneumothorax.",
    "clear": "The lungs are clear. No pleural effusion or pneumothorax.",
    "knee": "Horizontal tear of the medial meniscus.",
}


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = SqliteStore(tmp_path / "memory.sqlite")
    for key, findings in TEXTS.items():
        made.put(("cases", "r1"), key, {"findings": findings, "exam": "CT", "size": len(findings)})
    return made


def keys(found: list[Any]) -> list[str]:
    return [item.key for item in found]


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir()).lower()


def test_items_come_back_as_they_were_put(store: SqliteStore, tmp_path: Path) -> None:
    item = SqliteStore(tmp_path / "memory.sqlite").get(("cases", "r1"), "knee")
    assert item is not None
    assert item.value == {"findings": TEXTS["knee"], "exam": "CT", "size": len(TEXTS["knee"])}
    assert item.created_at == item.updated_at
    assert store.get(("cases", "r1"), "none") is None
    assert store.get(("cases", "r2"), "knee") is None
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_search_ranks_by_words_and_pairs_of_words(store: SqliteStore) -> None:
    found = store.search(("cases", "r1"), query="Left pleural effusion, small.")
    assert keys(found) == ["effusion", "clear"]
    assert found[0].score is not None
    assert found[1].score is not None
    assert found[0].score > found[1].score
    assert keys(store.search(("cases", "r1"), query="No pleural effusion")) == ["clear", "effusion"]
    assert store.search(("cases", "r1"), query="spleen") == []
    assert store.search(("cases", "r1"), query='"" AND * NEAR( findings: -') == []
    assert keys(store.search(("cases", "r1"), query="MENISCUS medial")) == ["knee"]


def test_pages_filters_and_no_query(store: SqliteStore) -> None:
    everything = store.search(("cases", "r1"))
    assert keys(everything) == ["knee", "clear", "effusion"]
    assert [item.score for item in everything] == [None] * 3
    pages = [store.search(("cases", "r1"), limit=1, offset=n) for n in range(4)]
    assert [keys(page) for page in pages] == [["knee"], ["clear"], ["effusion"], []]
    long = store.search(("cases", "r1"), query="pleural effusion", filter={"size": {"$gt": 50}})
    assert keys(long) == ["clear"]
    assert keys(store.search(("cases", "r1"), filter={"exam": "MR"})) == []
    with pytest.raises(InputError, match=r"no operator '\$like'"):
        store.search(("cases", "r1"), filter={"exam": {"$like": "C%"}})


def test_an_update_is_found_by_its_new_words_only(store: SqliteStore) -> None:
    before = store.get(("cases", "r1"), "knee")
    store.put(("cases", "r1"), "knee", {"findings": "Ruptured Baker cyst."})
    after = store.get(("cases", "r1"), "knee")
    assert before is not None
    assert after is not None
    assert (after.created_at, after.updated_at > before.updated_at) == (before.created_at, True)
    assert store.search(("cases", "r1"), query="meniscus") == []
    assert keys(store.search(("cases", "r1"), query="baker cyst")) == ["knee"]


def test_what_is_not_indexed_is_not_found(store: SqliteStore) -> None:
    store.put(("cases", "r1"), "hidden", {"findings": "Splenomegaly."}, index=False)
    store.put(("cases", "r1"), "other", {"findings": "x", "advice": "Splenomegaly."}, index=["advice"])
    assert keys(store.search(("cases", "r1"), query="splenomegaly")) == ["other"]


def test_a_namespace_ranks_as_if_there_were_no_other(store: SqliteStore) -> None:
    alone = store.search(("cases", "r1"), query="pleural effusion")
    for n in range(50):
        store.put(("cases", "r2"), str(n), {"findings": "Small left pleural effusion. " * (n % 3 + 1)})
    beside = store.search(("cases", "r1"), query="pleural effusion")
    assert [(item.key, item.score) for item in beside] == [(item.key, item.score) for item in alone]
    assert len(store.search(("cases",), query="pleural effusion", limit=99)) == 52


@pytest.mark.parametrize("whole", [True, False])
def test_deleted_words_are_gone_from_the_file(store: SqliteStore, tmp_path: Path, whole: bool) -> None:
    assert b"meniscus" in contents(tmp_path)
    for key in TEXTS if whole else ["knee"]:
        store.delete(("cases", "r1"), key)
    assert store.search(("cases", "r1"), query="meniscus") == []
    store.shrink()
    assert b"meniscus" not in contents(tmp_path)
    assert (b"pneumothorax" in contents(tmp_path)) is not whole
    assert store.list_namespaces() == ([] if whole else [("cases", "r1")])


def test_a_batch_that_fails_writes_nothing(store: SqliteStore) -> None:
    with pytest.raises(TypeError):
        store.batch([PutOp(("cases", "r9"), "a", {"findings": "x"}), PutOp(("cases", "r9"), "b", {"findings": {1, 2}})])
    assert store.search(("cases", "r9")) == []
    with pytest.raises(InvalidNamespaceError):
        store.batch([SearchOp(("cases.r1",))])


async def test_coroutines_get_the_same(store: SqliteStore) -> None:
    await store.aput(("cases", "r1"), "new", {"findings": "Goiter."})
    found, item = await store.abatch([SearchOp(("cases", "r1"), query="goiter"), GetOp(("cases", "r1"), "new")])
    assert keys(found) == [item.key] == ["new"]  # type: ignore[arg-type, union-attr]


def test_reading_makes_no_file(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "none" / "memory.sqlite")
    assert (store.search(("cases",), query="x"), store.get(("a",), "b"), store.list_namespaces()) == ([], None, [])
    store.shrink()
    assert not (tmp_path / "none").exists()


def test_many_threads_write_at_once(store: SqliteStore) -> None:
    def work(thread: int) -> None:
        for n in range(10):
            store.put(("cases", f"t{thread}"), str(n), {"findings": f"Nodule {n}."})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.count(("cases", f"t{n}")) for n in range(6)] == [10] * 6


def test_namespaces_are_listed_as_langgraphs_own_store_lists_them(tmp_path: Path) -> None:
    ours: BaseStore = SqliteStore(tmp_path / "memory.sqlite")
    theirs: BaseStore = InMemoryStore()
    for store in (ours, theirs):
        for path in (("a", "b"), ("a", "c", "b"), ("d", "b"), ("a-b",)):
            store.put(path, "k", {"v": 1})
    queries: list[dict[str, Any]] = [
        {},
        {"prefix": ("a",)},
        {"suffix": ("b",)},
        {"prefix": ("*", "b")},
        {"max_depth": 1},
        {"limit": 2, "offset": 1},
    ]
    for query in queries:
        assert ours.list_namespaces(**query) == theirs.list_namespaces(**query)


@pytest.mark.parametrize(
    "wanted",
    [
        {"n": 2},
        {"n": {"$gte": 2}},
        {"n": {"$gt": 1, "$lt": 3}},
        {"n": {"$ne": 2}, "kind": "b"},
        {"n": {"$lte": 1}},
        {"kind": {"$eq": "b"}},
        {"inner": {"x": 1}},
        {"missing": None},
    ],
)
def test_filters_choose_as_langgraphs_own_store_does(tmp_path: Path, wanted: dict[str, Any]) -> None:
    ours: BaseStore = SqliteStore(tmp_path / "memory.sqlite")
    theirs: BaseStore = InMemoryStore()
    for store in (ours, theirs):
        for n in range(4):
            store.put(("a",), str(n), {"n": n, "kind": "ab"[n % 2], "inner": {"x": n % 2}})
    assert set(keys(ours.search(("a",), filter=wanted))) == set(keys(theirs.search(("a",), filter=wanted)))


def test_a_namespace_can_be_cleared(store: SqliteStore, tmp_path: Path) -> None:
    store.put(("cases", "r2"), "x", {"findings": "Goiter."})
    assert (store.clear(("cases", "r1")), store.clear(("cases", "r1"))) == (3, 0)
    store.shrink()
    assert b"meniscus" not in contents(tmp_path)
    assert keys(store.search(("cases",), query="goiter")) == ["x"]
