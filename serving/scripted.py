"""Scripted models: public test doubles for our tests and our users' tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from coarse2fine.serving.nli import NLIScores, Pair

__all__ = ["ScriptedChatModel", "ScriptedNLI"]


class ScriptedChatModel(BaseChatModel):
    """Answers from a script and remembers what it was asked.

    Args:
        replies: answers in order (the last one repeats), or a function of the messages.
    """

    replies: list[str] | Callable[[list[BaseMessage]], str]
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "coarse2fine-scripted"

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """The conversations of all calls so far."""
        return self._asked

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self._asked.append(messages)
        if callable(self.replies):
            text = self.replies(messages)
        else:
            text = self.replies[min(len(self._asked), len(self.replies)) - 1]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


class ScriptedNLI:
    """An NLI model that answers by a function of premise and hypothesis, or always the same.

    Args:
        entails: probability of entailment, or a function that gives it; the rest goes to `neutral`.
    """

    name = "scripted"

    def __init__(self, entails: float | Callable[[str, str], float] = 1.0) -> None:
        self.entails = entails
        self.asked: list[Pair] = []

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """Scores in the order of `pairs`."""
        self.asked += pairs
        values = [self.entails(*pair) if callable(self.entails) else self.entails for pair in pairs]
        return [NLIScores(value, 1.0 - value, 0.0) for value in values]
