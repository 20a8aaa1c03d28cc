"""The case memory: nearest cases, each once, and never another radiologist's."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.store.base import BaseStore, Op, Result, SearchItem, SearchOp
from langgraph.store.memory import InMemoryStore

from coarse2fine.agents.memory import CaseMemory
from coarse2fine.agents.radiologists import label_of, radiologist_of
from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.agents.style_card import StyleCard, StyleCards
from coarse2fine.reports import InputError, Report

EFFUSION = Report(
    id="e", exam="CT chest", findings="Small left pleural effusion. No pneumothorax.", impression="Small effusion."
)
CLEAR = Report(id="c", exam="CT chest", findings="The lungs are clear. No effusion.", impression="Normal chest.")
KNEE = Report(id="k", exam="MR knee", findings="Tear of the medial meniscus.", impression="Meniscus tear.")
ASKED = Report(exam="CT chest", findings="Moderate left pleural effusion. No pneumothorax.")


@pytest.fixture(params=["sqlite", "langgraph"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> CaseMemory:
    store: BaseStore = SqliteStore(tmp_path / "m.sqlite") if request.param == "sqlite" else InMemoryStore()
    return CaseMemory(store)


def test_the_nearest_come_first_with_what_they_say(memory: CaseMemory) -> None:
    assert memory.add([CLEAR, KNEE, EFFUSION], "r1") == (3, 0, {})
    found = memory.nearest(ASKED, "r1", 2)
    assert [case.report_id for case in found] == ["e", "c"]
    assert (found[0].findings, found[0].impression, found[0].exam) == (
        EFFUSION.findings,
        EFFUSION.impression,
        "CT chest",
    )
    assert found[0].score > found[1].score > 0
    assert len({case.key for case in found}) == 2
    assert memory.nearest(ASKED, "r1", 0) == []


def test_a_report_is_remembered_once_and_repeats_stay(memory: CaseMemory) -> None:
    memory.add([EFFUSION], "r1")
    assert memory.add([EFFUSION, EFFUSION.model_copy(update={"findings": f" {EFFUSION.findings}  "})], "r1") == (
        0,
        2,
        {},
    )
    again = EFFUSION.model_copy(update={"id": "another patient's"})
    assert memory.add([again, again], "r1") == (1, 1, {})
    assert [case.impression for case in memory.nearest(ASKED, "r1")] == ["Small effusion."] * 2
    assert memory.count("r1") == 2


def test_reports_without_ids_are_known_by_their_texts(memory: CaseMemory) -> None:
    made = [Report(findings=EFFUSION.findings, impression="Small effusion.") for _ in range(2)]
    assert memory.add(made, "r1") == (1, 1, {})


def test_what_cannot_be_a_case_is_skipped_and_counted(memory: CaseMemory) -> None:
    other = EFFUSION.model_copy(update={"radiologist": "r2"})
    own = CLEAR.model_copy(update={"radiologist": "r1"})
    found = memory.add([ASKED, KNEE.model_copy(update={"impression": " "}), other, own], "r1")
    assert found == (1, 0, {"no impression": 2, "another radiologist's": 1})


def test_a_report_is_not_shown_its_own_past_self(memory: CaseMemory) -> None:
    memory.add([EFFUSION, CLEAR], "r1")
    assert [case.report_id for case in memory.nearest(EFFUSION, "r1")] == ["c"]
    alike = Report(id="new", exam=EFFUSION.exam, findings=EFFUSION.findings)
    assert [case.report_id for case in memory.nearest(alike, "r1")] == ["e", "c"]


def test_an_empty_memory(memory: CaseMemory) -> None:
    assert (memory.nearest(ASKED, "r1"), memory.count("r1"), memory.list()) == ([], 0, [])
    assert memory.forget("r1") == 0
    assert memory.add([], "r1") == (0, 0, {})


def test_forgetting_all_or_the_old(memory: CaseMemory) -> None:
    memory.add([EFFUSION, CLEAR], "r1")
    memory.add([EFFUSION], "r2")
    assert memory.forget("r1", datetime.now(UTC) - timedelta(days=1)) == 0
    between = datetime.now(UTC)
    memory.add([KNEE], "r1")
    assert memory.forget("r1", between) == 2
    assert [case.report_id for case in memory.cases("r1")] == ["k"]
    assert memory.forget("r1") == 1
    assert memory.list() == [("r2", 1)]


def test_forgotten_text_is_gone_from_the_file(tmp_path: Path) -> None:
    memory = CaseMemory(SqliteStore(tmp_path / "m.sqlite"))
    memory.add([EFFUSION, CLEAR], "r1")
    memory.add([KNEE], "r2")
    memory.forget("r1")
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir()).lower()
    assert b"pneumothorax" not in left
    assert b"lungs" not in left
    assert b"meniscus" in left


async def test_coroutines_get_the_same(memory: CaseMemory) -> None:
    assert await memory.aadd([EFFUSION, CLEAR], "r1") == (2, 0, {})
    assert await memory.anearest(ASKED, "r1") == memory.nearest(ASKED, "r1")
    assert await memory.alist() == [("r1", 2)]
    assert await memory.aforget("r1") == 2


# ------------------------------------------------------------------------------------------------------- isolation
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda text: text.strip())
ODD = st.sampled_from(
    ["r1", "r10", "r1.", "r1.x", ".", "..", "R1", "r_1", "r%", "*", "r1 ", "é", "e\u0301", "r=2E", "\x00", "'"]
)


@given(st.lists(ODD | IDS, min_size=2, max_size=5, unique=True))
@settings(max_examples=40, deadline=None)
def test_no_id_reaches_anothers_cases_or_card(ids: list[str]) -> None:
    with TemporaryDirectory() as folder:
        for store in (InMemoryStore(), SqliteStore(Path(folder) / "m.sqlite")):
            check_isolation(CaseMemory(store), ids)
            if isinstance(store, SqliteStore):
                store.close()


def check_isolation(memory: CaseMemory, ids: list[str]) -> None:
    cards = StyleCards(memory.store)
    for n, radiologist in enumerate(ids):
        memory.add([EFFUSION.model_copy(update={"impression": f"Impression {n}."})], radiologist)
        cards.put(radiologist, StyleCard(remarks=f"Remark {n}."))
    for n, radiologist in enumerate(ids):
        assert [case.impression for case in memory.nearest(ASKED, radiologist, 99)] == [f"Impression {n}."]
        card = cards.get(radiologist)
        assert card is not None
        assert card.remarks == f"Remark {n}."
        assert radiologist_of(label_of(radiologist)) == radiologist
    memory.forget(ids[0])
    assert [memory.count(radiologist) for radiologist in ids] == [0, *[1] * (len(ids) - 1)]


@given(IDS | ODD)
def test_labels_are_of_letters_digits_and_hyphens(radiologist: str) -> None:
    label = label_of(radiologist)
    assert label.isascii()
    assert label.replace("=", "").replace("-", "").isalnum() or set(label) <= set("=-")


class Careless(InMemoryStore):
    """Searches as a store does that matches namespaces as text: "r1" finds "r10"."""

    def batch(self, ops: Any) -> list[Result]:
        return [result for op in ops for result in self._one(op)]

    def _one(self, op: Op) -> list[Result]:
        if not isinstance(op, SearchOp):
            return super().batch([op])
        begin = ".".join(op.namespace_prefix)
        paths = sorted((path for path in self._data if ".".join(path).startswith(begin)), reverse=True)
        items = [item for path in paths for item in self._data[path].values()]
        found = [SearchItem(i.namespace, i.key, i.value, i.created_at, i.updated_at, 1.0) for i in items]
        return [found[op.offset : op.offset + op.limit]]


def test_what_a_careless_store_finds_is_looked_at_once_more() -> None:
    memory = CaseMemory(Careless())
    for n in range(30):
        memory.add([CLEAR.model_copy(update={"id": f"o{n}"})], "r10")
    memory.add([EFFUSION], "r1")
    assert [case.report_id for case in memory.nearest(ASKED, "r1", 3)] == ["e"]
    assert memory.forget("r1") == 1
    assert memory.count("r10") == 30


@pytest.mark.parametrize("radiologist", ["", "  ", "x" * 201, "\ud800"])
def test_ids_that_cannot_be(radiologist: str) -> None:
    for use in (lambda m: m.add([EFFUSION], radiologist), lambda m: m.nearest(ASKED, radiologist)):
        with pytest.raises(InputError, match=r"radiologist's id"):
            use(CaseMemory(InMemoryStore()))


def test_a_store_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(InputError, match=r"m\.sqlite cannot be used"):
        CaseMemory(SqliteStore(tmp_path / "m.sqlite")).nearest(ASKED, "r1")


def test_twenty_thousand_cases_are_quick(tmp_path: Path) -> None:
    memory = CaseMemory(SqliteStore(tmp_path / "m.sqlite"))
    organs = ["liver", "spleen", "kidney", "lung", "heart", "aorta", "thyroid", "pancreas", "bladder", "colon"]
    reports = (
        Report(
            id=str(n),
            findings=f"There is a {n} mm lesion of the {organs[n % 10]}. The {organs[n // 10 % 10]} is normal. No gas.",
            impression=f"{n} mm lesion of the {organs[n % 10]}.",
        )
        for n in range(20_000)
    )
    started = time.process_time()
    assert memory.add(reports, "r1").added == 20_000
    assert time.process_time() - started < 30  # about 4 s on an idle core
    asked = Report(findings="There is a 7777 mm lesion of the pancreas. The spleen is normal. No gas.")
    started = time.process_time()
    assert memory.nearest(asked, "r1", 3)[0].impression.startswith("7777 mm")
    assert time.process_time() - started < 2  # about 0.06 s
