"""The whole job in one call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from langgraph.store.base import BaseStore

from coarse2fine.agents.critic import Critic
from coarse2fine.agents.critique import Audience
from coarse2fine.agents.memory import HOME_MEMORY, CaseMemory
from coarse2fine.graph.build import Prompts, RunGraph, build_graph
from coarse2fine.graph.context import AUDIENCES, Context, Settings
from coarse2fine.graph.result import Result
from coarse2fine.graph.sync import blocking
from coarse2fine.graph.trace_store import HOME_STORE, TraceStore
from coarse2fine.reports import Report
from coarse2fine.serving import NLIModel

__all__ = ["aimpress", "impress"]


async def aimpress(
    report: Report,
    model: str | BaseChatModel = "nano",
    critic: str | NLIModel | Critic = "nano-critic",
    prompts: Prompts | None = None,
    *,
    audiences: Sequence[Audience] = tuple(AUDIENCES),
    max_rounds: int = 3,
    style: str | None = None,
    words: int | None = None,
    trace_store: TraceStore | None = HOME_STORE,
    memory: CaseMemory | BaseStore | None = HOME_MEMORY,
    radiologist: str | None = None,
    cases: int = 8,
) -> Result:
    """Write the impressions of a report, each sentence proven against its findings. Arguments: see `build_graph`.

    `impress` is the same for code that is not async. With a model object, build one graph for many reports.

    Raises:
        ModelError, MissingExtra: the model cannot be loaded, or breaks while drafting; later, a text says so.
        PromptError, InputError: a template or a setting cannot be.
    """
    Settings(audiences, max_rounds, style, words, radiologist=radiologist, cases=cases)
    context = Context(audiences, max_rounds, style, words, radiologist=radiologist, cases=cases)
    graph = _graph(model, critic, prompts, _Stores(trace_store, memory))
    done: dict[str, Any] = await graph.ainvoke({"report": report}, context=context)
    result: Result = done["result"]
    return result


impress = blocking(aimpress, "impress")


class _Stores(NamedTuple):
    traces: TraceStore | None
    memory: CaseMemory | BaseStore | None


def _graph(
    model: str | BaseChatModel, critic: str | NLIModel | Critic, prompts: Prompts | None, stores: _Stores
) -> RunGraph:
    if isinstance(model, str) and isinstance(critic, str) and (prompts is None or isinstance(prompts, str)):
        return _named(model, critic, prompts, stores)
    return build_graph(model, critic, prompts, trace_store=stores.traces, memory=stores.memory)


@lru_cache(maxsize=8)
def _named(model: str, critic: str, prompts: str | None, stores: _Stores) -> RunGraph:
    return build_graph(model, critic, prompts, trace_store=stores.traces, memory=stores.memory)
