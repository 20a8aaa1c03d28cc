"""The wiring of a run. `wire` reads like the diagram of DESIGN section 3:

report ─► draft (loop) ─► fan out ─► stylist[audience] (loop) ─► join ─┬──────────► finish
                                                                       └─ review ─►
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from langgraph.types import Send

from coarse2fine.agents.critic import Critic
from coarse2fine.agents.critique import Audience
from coarse2fine.agents.drafter import Drafter
from coarse2fine.agents.memory import HOME_MEMORY, CaseMemory
from coarse2fine.agents.recorded import load_critic
from coarse2fine.agents.stylist import Stylist
from coarse2fine.graph.context import AUDIENCES, Context, Settings
from coarse2fine.graph.feedback_store import FeedbackStore
from coarse2fine.graph.nodes import Crew, Nodes
from coarse2fine.graph.persistence import knowing_our_types
from coarse2fine.graph.run_state import RunInput, RunOutput, RunState
from coarse2fine.graph.sync import run_sync
from coarse2fine.graph.trace_store import HOME_STORE, TraceStore
from coarse2fine.prompts import PromptSet, prompt_set
from coarse2fine.reports import InputError
from coarse2fine.serving import LoadedModel, NLIModel, load_chat_model

__all__ = ["Prompts", "RunGraph", "build_graph"]

RunGraph = CompiledStateGraph[RunState, Context, RunInput, RunOutput]

Prompts = str | PromptSet | Mapping[str, str | Path]
"""A prompt set by name, or a set, or templates by task that replace those of the model's own set (text, or a path)."""

_LIMIT = 12
"""Recursion limit of the outer graph: it has no cycle; the loops have limits of their own."""


def build_graph(
    model: str | BaseChatModel = "nano",
    critic: str | NLIModel | Critic = "nano-critic",
    prompts: Prompts | None = None,
    *,
    audiences: Sequence[Audience] = tuple(AUDIENCES),
    max_rounds: int = 3,
    style: str | None = None,
    words: int | None = None,
    review: bool = False,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    trace_store: TraceStore | None = HOME_STORE,
    feedback_store: FeedbackStore | None = None,
    memory: CaseMemory | BaseStore | None = HOME_MEMORY,
    radiologist: str | None = None,
    cases: int = 8,
) -> RunGraph:
    """Compile the graph of a run: `graph.invoke({"report": Report(findings="...")})["result"]`.

    Args:
        model: a model's name ("nano", "hf:PATH_OR_ID", "vllm:URL#ADAPTER", any `init_chat_model` name) or a chat model.
        critic: an NLI model's name ("nano-critic", "hf:PATH_OR_ID", "trueteacher:PATH_OR_ID"), a model, or a Critic.
        prompts: None for the set that the model was tuned on.
        audiences, max_rounds, style, words, review, radiologist, cases: see `Settings`; the defaults of runs, which
            `context=` overrides.
        checkpointer: LangGraph's; needed for `review` (True where the graph is a subgraph of one that has it).
        trace_store: where run traces are kept; None keeps none (they still are in the output, under "trace").
        feedback_store: where the edits of a review are kept as feedback; None keeps none.
        memory: where radiologists' past reports and style cards are: a case memory, or any LangGraph store; None: none.

    Raises:
        ModelError, MissingExtra: a model cannot be loaded.
        PromptError: there is no such prompt set, or a template cannot be read.
        InputError: a setting cannot be.
    """
    settings = Settings(audiences, max_rounds, style, words, review, radiologist, cases)
    if review and not checkpointer:
        raise InputError(
            "review=True pauses the run, which needs a checkpointer: build_graph(..., checkpointer=InMemorySaver())"
        )
    loaded = load_chat_model(model)
    templates = _prompts(prompts, loaded)
    crew = Crew(Drafter(loaded, templates), Stylist(loaded, templates), load_critic(critic))
    known = CaseMemory(memory) if isinstance(memory, BaseStore) else memory
    nodes = Nodes(crew, settings, trace_store, can_pause=bool(checkpointer), feedback=feedback_store, memory=known)
    return wire(nodes, checkpointer)


def wire(nodes: Nodes, checkpointer: BaseCheckpointSaver[Any] | bool | None = None) -> RunGraph:
    """Connect the nodes of a run."""

    def fan_out(state: RunState) -> Sequence[Send] | Literal["review", "finish"]:
        jobs = [Send("stylist", job) for job in nodes.jobs(state)]
        return jobs or join(state)

    def join(state: RunState) -> Literal["review", "finish"]:
        return "review" if state["settings"].review else "finish"

    graph = StateGraph(RunState, context_schema=Context, input_schema=RunInput, output_schema=RunOutput)
    graph.add_node("draft", _either(nodes.draft))
    graph.add_node("stylist", _either(nodes.stylist))
    graph.add_node("review", _either(nodes.review))
    graph.add_node("finish", _either(nodes.finish))
    graph.add_edge(START, "draft")
    graph.add_conditional_edges("draft", fan_out, ["stylist", "review", "finish"])
    graph.add_conditional_edges("stylist", join)  # runs once all stylists are done: LangGraph joins them here
    graph.add_edge("review", "finish")
    graph.add_edge("finish", END)
    return graph.compile(knowing_our_types(checkpointer)).with_config(recursion_limit=_LIMIT)


def _either(node: Callable[[Any], Awaitable[Any]]) -> RunnableLambda[Any, Any]:
    """A node for `invoke` and `ainvoke` alike."""

    def blocking(state: Any) -> Any:
        return run_sync(_await(node, state))

    return RunnableLambda(blocking, afunc=node, name=getattr(node, "__name__", "node"))


async def _await(node: Callable[[Any], Awaitable[Any]], state: Any) -> Any:
    return await node(state)


def _prompts(prompts: Prompts | None, model: LoadedModel) -> PromptSet:
    if isinstance(prompts, PromptSet):
        return prompts
    if prompts is None or isinstance(prompts, str):
        return prompt_set(prompts or model.prompts)
    chosen = prompt_set(model.prompts)
    for task, template in prompts.items():
        chosen = chosen.replace(task, template)
    return chosen
