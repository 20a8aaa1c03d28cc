"""Edits under the critic: kept critiques, batches, and what happens where there is none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.agents import Critic
from coarse2fine.agents.critic import CritiqueJob
from coarse2fine.agents.critique import Critique
from coarse2fine.app.edits import Edits
from coarse2fine.graph import FeedbackStore
from coarse2fine.reports import Feedback, Report
from coarse2fine.serving import ScriptedNLI

REPORT = Report(findings="Small left pleural effusion. No pneumothorax.")


def edit(record_id: str, edited: str | None = "Small left effusion.") -> Feedback:
    return Feedback(id=record_id, report=REPORT, audience="brief", text="An effusion.", rating="neutral", edited=edited)


class Counting(Critic):
    """Counts the texts of each call; the calls wait until they may go on."""

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__(ScriptedNLI(0.0))
        self.calls: list[int] = []
        self.begun, self.go_on, self.fault = threading.Event(), threading.Event(), fault
        self.go_on.set()

    def critique_many(self, jobs: Sequence[CritiqueJob]) -> list[Critique]:
        self.calls.append(len(jobs))
        self.begun.set()
        assert self.go_on.wait(10)
        if self.fault is not None:
            raise self.fault
        return super().critique_many(jobs)


@pytest.fixture
def store(tmp_path: Path) -> FeedbackStore:
    return FeedbackStore(tmp_path / "feedback.sqlite")


@pytest.fixture
def edits(store: FeedbackStore) -> Callable[..., Edits]:
    def make(critic: Critic | None, ready: bool = True, most: int = 9, timeout: float = 10.0) -> Edits:
        return Edits(critic, store, lambda: ready, most, timeout)

    return make


async def test_a_critique_is_made_once_and_kept_with_its_critic(edits: Any, store: FeedbackStore) -> None:
    critic, records = Counting(), [edit("a"), edit("b", "Right effusion."), edit("c", None)]
    store.add(records)
    first = await edits(critic).judged(records)
    again = await edits(critic).judged(records)
    assert sorted(first) == ["a", "b"], "a record without an edit has no critique"
    assert again == first
    assert sum(critic.calls) == 2
    assert first["b"].critic == "scripted"
    assert [first[name].run.status for name in "ab"] == ["passed", "needs_review"]
    assert first["b"].run.reasons
    assert [change.op for change in first["a"].run.rounds[0].diff][-1] == "same"


async def test_edits_that_wait_together_are_one_call(edits: Any, store: FeedbackStore) -> None:
    critic = Counting()
    critic.go_on.clear()
    records = [edit(name) for name in "abcd"]
    store.add(records)
    under = edits(critic)
    first = asyncio.create_task(under.judged(records[:1]))
    await asyncio.to_thread(critic.begun.wait, 10)
    others = [asyncio.create_task(under.judged([record])) for record in records[1:]]
    while len(under._waiting) < 3:
        await asyncio.sleep(0)
    critic.go_on.set()
    found = [await task for task in (first, *others)]
    assert critic.calls == [1, 3]
    assert all(judged.run for each in found for judged in each.values())


@pytest.mark.parametrize("fault", [RuntimeError("out of memory"), OSError("gone")])
async def test_an_edit_whose_critic_breaks_stays_and_is_judged_later(
    edits: Any, store: FeedbackStore, fault: Exception
) -> None:
    store.add([edit("a")])
    judged = (await edits(Counting(fault)).judged([edit("a")]))["a"]
    assert judged.run is None
    assert "the critic failed" in judged.why_not
    assert store.judgements(["a"]) == {}
    assert (await edits(Counting()).judged([edit("a")]))["a"].run


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"critic": None}, "this server has no critic"),
        ({"ready": False}, "the models are not loaded yet"),
        ({"most": 0}, "the critic has too much to do at the moment"),
    ],
)
async def test_where_there_is_no_critique_words_say_why(edits: Any, settings: dict[str, Any], words: str) -> None:
    judged = await edits(**{"critic": Counting(), **settings}).judged([edit("a")])
    assert (judged["a"].run, judged["a"].why_not) == (None, words)


async def test_a_critic_that_takes_too_long_is_given_up(edits: Any) -> None:
    critic = Counting()
    critic.go_on.clear()
    judged = await edits(critic, timeout=0.05).judged([edit("a")])
    critic.go_on.set()
    assert judged["a"].why_not == "the critic took longer than 0.05 seconds"
