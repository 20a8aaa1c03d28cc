"""The case memory: a radiologist's past reports; the nearest ones show how such findings were summed up before.

In the literature the nearest examples in the prompt lift GPT-4 on Open-I from ROUGE-L 17.5 to 68.8 (clin-summ).
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from math import sqrt
from typing import Any, NamedTuple

from langgraph.store.base import BaseStore, SearchItem

from coarse2fine.agents.home_store import home_store
from coarse2fine.agents.radiologists import Shelf
from coarse2fine.agents.shingles import shingles
from coarse2fine.reports import Report
from coarse2fine.reports.normalise import normalised

__all__ = ["HOME_MEMORY", "Case", "CaseMemory", "Holding", "Remembered"]

_CHUNK = 500
_TEXTS = ("findings", "impression", "exam", "clinical_information")


class Case(NamedTuple):
    """A past report with the impression that its radiologist wrote.

    Args:
        key: hash of what it says; report_id: the report's opaque id.
        score: how near it is to the report that was asked for, greater is nearer, comparable within one answer.
    """

    key: str
    findings: str
    impression: str
    exam: str = ""
    clinical_information: str = ""
    report_id: str = ""
    score: float = 0.0


Cases = list[Case]


class Remembered(NamedTuple):
    """What became of reports: added, there already, or skipped (by reason)."""

    added: int
    known: int
    skipped: Mapping[str, int]


class Holding(NamedTuple):
    """How many cases a radiologist has."""

    radiologist: str
    cases: int


Holdings = list[Holding]


class CaseMemory:
    """Cases of radiologists in a store; a radiologist's are found for that radiologist only. Safe with many threads.

    Args:
        store: any LangGraph store. One that searches by text (`SqliteStore`, or one with an index) ranks the cases; of
            others all of a radiologist's cases are read and ranked here. With an index, index the field "findings".
            Or what gives the store at each use.

    Each method raises InputError where the id is unusable or the store fails. The methods with an "a" before their name
    are for coroutines.
    """

    def __init__(self, store: BaseStore | Callable[[], BaseStore]) -> None:
        self._shelf = Shelf(store, "cases")

    @property
    def store(self) -> BaseStore:
        """The store."""
        return self._shelf.store

    def add(self, reports: Iterable[Report], radiologist: str) -> Remembered:
        """Remember reports, each once; those without an impression, and another radiologist's, are skipped.

        The same texts under another report id are another case: how often something is written that way counts.
        """
        counts: Counter[str] = Counter()
        skipped: Counter[str] = Counter()
        fresh = (value for report in reports if (value := _value(report, radiologist, skipped)) is not None)
        while chunk := list(islice(fresh, _CHUNK)):
            values = {_key(value): value for value in chunk}
            there = self._shelf.known(radiologist, list(values))
            new = {key: value for (key, value), item in zip(values.items(), there, strict=True) if item is None}
            self._shelf.put(radiologist, new, searched=True)
            counts["added"] += len(new)
            counts["known"] += len(chunk) - len(new)
        return Remembered(counts["added"], counts["known"], dict(skipped))

    def nearest(self, report: Report, radiologist: str, limit: int = 8) -> Cases:
        """The cases whose findings are nearest to a report's, best first; repeats stay: they tell what is usual.

        Args:
            report: its own past self, a case with the same id, is left out.
            limit: how many at most.
        """
        found = (case for case in self._ranked(report, radiologist, limit + 1) if case.report_id != report.id)
        return list(islice(found, limit)) if limit > 0 else []

    def cases(self, radiologist: str) -> Iterator[Case]:
        """All cases of a radiologist, one at a time."""
        return (_case(item) for item in self._shelf.search(radiologist))

    def count(self, radiologist: str) -> int:
        """How many cases a radiologist has."""
        return self._shelf.count(radiologist)

    def list(self) -> Holdings:
        """Who has cases, and how many."""
        held = (Holding(radiologist, self.count(radiologist)) for radiologist in self._shelf.radiologists())
        return [holding for holding in held if holding.cases]

    def forget(self, radiologist: str, before: datetime | None = None) -> int:
        """Delete a radiologist's cases for good; returns how many there were.

        Args:
            before: only those that were added before this time, with its zone; None: all.
        """
        if before is None:
            return self._shelf.clear(radiologist)
        keys = [item.key for item in self._shelf.search(radiologist) if item.created_at < before]
        self._shelf.delete(radiologist, keys)
        return len(keys)

    async def aadd(self, reports: Iterable[Report], radiologist: str) -> Remembered:
        """`add`."""
        return await asyncio.to_thread(self.add, reports, radiologist)

    async def anearest(self, report: Report, radiologist: str, limit: int = 8) -> Cases:
        """`nearest`."""
        return await asyncio.to_thread(self.nearest, report, radiologist, limit)

    async def alist(self) -> Holdings:
        """`list`."""
        return await asyncio.to_thread(self.list)

    async def aforget(self, radiologist: str, before: datetime | None = None) -> int:
        """`forget`."""
        return await asyncio.to_thread(self.forget, radiologist, before)

    def _ranked(self, report: Report, radiologist: str, page: int) -> Iterator[Case]:
        query = f"{report.exam}\n{report.findings}"
        found = self._shelf.search(radiologist, query, page)
        first = next(found, None)
        if first is None:
            return
        if first.score is None:
            yield from _ranked_here(query, self.cases(radiologist), page)
            return
        yield _case(first)
        yield from (_case(item) for item in found if item.score is not None)


def _value(report: Report, radiologist: str, skipped: Counter[str]) -> dict[str, object] | None:
    if not (report.impression or "").strip():
        skipped["no impression"] += 1
        return None
    if report.radiologist not in (None, "", radiologist):
        skipped["another radiologist's"] += 1
        return None
    plain = normalised(report)
    return {**{name: getattr(plain, name) for name in _TEXTS}, "report_id": plain.id}


def _key(value: Mapping[str, object]) -> str:
    said = "\0".join(str(value[name]) for name in (*_TEXTS, "report_id"))
    return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _case(item: Any) -> Case:
    held = {name: str(item.value.get(name) or "") for name in (*_TEXTS, "report_id")}
    score = item.score if isinstance(item, SearchItem) and item.score is not None else 0.0
    return Case(key=item.key, **held, score=score)


def _ranked_here(query: str, cases: Iterable[Case], limit: int) -> list[Case]:
    """The cases that share most words and pairs of words with a query (cosine); for stores that rank nothing."""
    wanted = set(shingles(query))
    scored = (case._replace(score=_likeness(wanted, case)) for case in cases)
    return heapq.nlargest(limit, (case for case in scored if case.score), key=lambda case: case.score)


def _likeness(wanted: set[str], case: Case) -> float:
    held = set(shingles(f"{case.exam}\n{case.findings}"))
    return len(wanted & held) / sqrt(len(wanted) * len(held)) if wanted and held else 0.0


HOME_MEMORY = CaseMemory(home_store)
"""The memory that runs look into when nobody names another: `memory.sqlite` in the home folder, or the shared store."""
