"""A critic whose model calls are recorded, for traces."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import NamedTuple, TypeVar

from coarse2fine.agents.calls import CallRecord
from coarse2fine.agents.critic import Critic
from coarse2fine.agents.critique import Audience, Critique
from coarse2fine.agents.judge import ChatJudge, Judgement
from coarse2fine.reports import Coarse2FineError, ModelError, Report
from coarse2fine.serving import NLIModel, NLIScores, Pair, SharedNLI, load_nli, model_failures

__all__ = ["Assessment", "RecordedCritic", "load_critic"]

_Answers = TypeVar("_Answers")
_CALLS: ContextVar[list[CallRecord]] = ContextVar("coarse2fine_critic_calls")


class Assessment(NamedTuple):
    """A critique and the model calls it took."""

    critique: Critique
    calls: tuple[CallRecord, ...]


class RecordedCritic:
    """Wraps a critic, which stays as it is, so that each critique comes with its model calls.

    The critiques that are under way at once share the NLI model (`SharedNLI`).

    Args:
        critic: the critic.
    """

    def __init__(self, critic: Critic) -> None:
        self._critic = copy.copy(critic)
        nli = critic.nli
        self._critic.nli = _RecordedNLI(nli if isinstance(nli, SharedNLI) else SharedNLI(nli))
        if critic.judge is not None:
            self._critic.judge = _RecordedJudge(critic.judge)
        self.name = critic.nli.name

    async def assess(self, report: Report, text: str, audience: Audience) -> Assessment:
        """Critique a text.

        Raises:
            ModelError: the NLI model failed.
        """
        return await asyncio.to_thread(self._assess, report, text, audience)

    def _assess(self, report: Report, text: str, audience: Audience) -> Assessment:
        calls: list[CallRecord] = []
        token = _CALLS.set(calls)
        try:
            return Assessment(self._critic.critique(report, text, audience), tuple(calls))
        finally:
            _CALLS.reset(token)


class _RecordedNLI:
    def __init__(self, nli: NLIModel) -> None:
        self.nli, self.name = nli, nli.name

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        return _recorded(self.name, self.nli.score, pairs) if pairs else []


class _RecordedJudge(ChatJudge):
    def __init__(self, judge: ChatJudge) -> None:
        super().__init__(judge.model, judge.prompts)
        self.inner = judge

    def judge(self, pairs: Sequence[Pair]) -> list[Judgement]:
        return _recorded(self.model.get_name(), self.inner.judge, pairs) if pairs else []


def _recorded(model: str, ask: Callable[[Sequence[Pair]], list[_Answers]], pairs: Sequence[Pair]) -> list[_Answers]:
    started, clock = time.time(), time.perf_counter()
    try:
        answers = ask(pairs)
    except Coarse2FineError:
        raise
    except model_failures() as error:
        raise ModelError(f"the model {model} failed to critique: {type(error).__name__}: {error}") from error
    milliseconds = round((time.perf_counter() - clock) * 1000, 3)
    _CALLS.get().append(
        CallRecord(
            agent="critic",
            task="critique",
            model=model,
            questions=len(pairs),
            started=started,
            milliseconds=milliseconds,
        )
    )
    return answers


def load_critic(critic: str | NLIModel | Critic) -> RecordedCritic:
    """A critic by the name of its NLI model, or with an NLI model, or as it is.

    Raises:
        ModelError: the model cannot be loaded.
    """
    return RecordedCritic(critic if isinstance(critic, Critic) else Critic(load_nli(critic)))
