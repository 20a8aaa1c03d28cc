"""Edits go through the critic like what models write. What a person made is kept whatever the critic says of it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from coarse2fine.agents.critic import Critic, CritiqueJob
from coarse2fine.agents.critique import Critique
from coarse2fine.graph import FeedbackStore, TextRun
from coarse2fine.graph.feedback_store import Judgement
from coarse2fine.graph.review import edited_run
from coarse2fine.reports import Coarse2FineError, Feedback, ModelError
from coarse2fine.serving import model_failures

__all__ = ["Edits", "Judged"]

_LOG = logging.getLogger("coarse2fine.app")


class Judged(NamedTuple):
    """An edit with its critique; where there is none, `run` is None and `why_not` says why, in words."""

    run: TextRun | None
    critic: str = ""
    why_not: str = ""


class Edits:
    """Critiques edits and keeps the critiques beside them; those that wait together are one call of the model.

    Args:
        critic: None where the server has none; edits then stay without a critique.
        store: where edits are, and where their critiques are kept.
        ready: whether the models are loaded.
        most: edits that may wait at once; timeout: seconds that one waits, at most. An edit that was given up is
            judged when it is asked for again.
    """

    def __init__(
        self, critic: Critic | None, store: FeedbackStore, ready: Callable[[], bool], most: int, timeout: float
    ) -> None:
        self._critic, self._store, self._ready = critic, store, ready
        self._most, self._timeout = most, timeout
        self._waiting: list[tuple[CritiqueJob, asyncio.Future[Critique]]] = []
        self._work: asyncio.Task[None] | None = None

    async def judged(self, records: Sequence[Feedback]) -> dict[str, Judged]:
        """Record id → its edit with a critique, the one that is kept or else a new one; nothing for other records.

        Raises:
            OSError, sqlite3.Error: the store cannot be read.
        """
        edits = [record for record in records if record.edited is not None]
        kept = await asyncio.to_thread(self._store.judgements, [record.id for record in edits]) if edits else {}
        found = await asyncio.gather(*(self._judge(record, kept.get(record.id)) for record in edits))
        return {record.id: judged for record, judged in zip(edits, found, strict=True)}

    async def _judge(self, record: Feedback, kept: Judgement | None) -> Judged:
        if kept is not None:
            return _judged(record, kept)
        if self._critic is None:
            return Judged(None, why_not="this server has no critic")
        if not self._ready():
            return Judged(None, why_not="the models are not loaded yet")
        if len(self._waiting) >= self._most:
            return Judged(None, why_not="the critic has too much to do at the moment")
        job = CritiqueJob(record.report, record.edited or "", record.audience)
        try:
            critique = await asyncio.wait_for(self._ask(self._critic, job), self._timeout)
        except TimeoutError:
            return Judged(None, why_not=f"the critic took longer than {self._timeout:g} seconds")
        except Coarse2FineError as error:
            return Judged(None, why_not=f"the critic failed: {error}")
        judgement = Judgement(self._critic.nli.name, critique)
        try:
            await asyncio.to_thread(self._store.keep_judgement, record.id, judgement)
        except (OSError, sqlite3.Error) as error:
            _LOG.warning("the critique of an edit cannot be kept: %s", error)
        return _judged(record, judgement)

    def _ask(self, critic: Critic, job: CritiqueJob) -> asyncio.Future[Critique]:
        answer: asyncio.Future[Critique] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._empty(critic))
        return answer

    async def _empty(self, critic: Critic) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            asked = [(job, answer) for job, answer in batch if not answer.done()]
            try:
                critiques = await asyncio.to_thread(_critiques, critic, [job for job, _ in asked])
            except Exception as error:  # noqa: BLE001 - handed to those who wait
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), critique in zip(asked, critiques, strict=True):
                if not answer.done():
                    answer.set_result(critique)


def _critiques(critic: Critic, jobs: Sequence[CritiqueJob]) -> list[Critique]:
    try:
        return critic.critique_many(jobs) if jobs else []
    except Coarse2FineError:
        raise
    except model_failures() as error:
        name = type(error).__name__
        raise ModelError(f"the model {critic.nli.name} failed to critique: {name}: {error}") from error


def _judged(record: Feedback, judgement: Judgement) -> Judged:
    shown = TextRun(audience=record.audience, text=record.text, status="passed", stop_reason="passed")
    return Judged(edited_run(shown, record.edited or "", judgement.critique), judgement.critic)
