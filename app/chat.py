"""A chat about reports, for any clinical chatbot: findings in, impressions out, then questions about them.

    understand ─┬─ needs a run ─► impress ─► answer
                └───────────────────────────►

Impressions are written by the graph of a run; every other answer is made of the run's trace, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import get_runtime
from langgraph.store.base import BaseStore

from coarse2fine.agents.critic import Critic
from coarse2fine.agents.critique import Audience
from coarse2fine.agents.memory import HOME_MEMORY, CaseMemory
from coarse2fine.app.chat_answers import answered
from coarse2fine.app.chat_plan import understood
from coarse2fine.app.chat_state import MARK, Case, ChatInput, ChatOutput, ChatState
from coarse2fine.app.router import Router
from coarse2fine.graph import AUDIENCES, Context, RunGraph, Settings, TraceStore, build_graph
from coarse2fine.graph.build import Prompts
from coarse2fine.graph.persistence import knowing_our_types
from coarse2fine.graph.sync import run_sync
from coarse2fine.graph.trace_store import HOME_STORE
from coarse2fine.reports import Coarse2FineError
from coarse2fine.serving import NLIModel

__all__ = ["Case", "ChatGraph", "chat_graph"]

ChatGraph = CompiledStateGraph[ChatState, Context, ChatInput, ChatOutput]


def chat_graph(
    model: str | BaseChatModel = "nano",
    critic: str | NLIModel | Critic = "nano-critic",
    prompts: Prompts | None = None,
    *,
    audiences: Sequence[Audience] = tuple(AUDIENCES),
    max_rounds: int = 3,
    radiologist: str | None = None,
    memory: CaseMemory | BaseStore | None = HOME_MEMORY,
    trace_store: TraceStore | None = HOME_STORE,
    router: BaseChatModel | None = None,
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
) -> ChatGraph:
    """Compile a chat over `messages`: run it alone with a checkpointer, or add it to another graph as a node.

    `graph.invoke({"messages": [("user", "FINDINGS: ...")]}, {"configurable": {"thread_id": "t1"}})` answers with the
    impressions; later messages of the thread ask for another form, for evidence, omissions, checks, or bring the next
    report. What is remembered is under the key `coarse2fine` (`Case`). A graph around this one keeps it by having that
    key itself or with `checkpointer=True` here; else the messages and the stored traces must do.

    Args:
        model, critic, prompts, audiences, max_rounds, radiologist, memory, trace_store: of the runs; see `build_graph`.
        router: a chat model with structured output that says what a message asks for where the patterns do not know;
            it sees that message alone, and no fact is ever taken from it.
        checkpointer: LangGraph's; without one, a thread's case lasts one turn unless a graph around this keeps it.

    Raises:
        ModelError, MissingExtra, PromptError, InputError: as `build_graph`; a router that has no structured output.
    """
    settings = Settings(audiences, max_rounds, radiologist=radiologist)
    run = build_graph(
        model,
        critic,
        prompts,
        audiences=audiences,
        max_rounds=max_rounds,
        radiologist=radiologist,
        memory=memory,
        trace_store=trace_store,
    )
    turns = _Turns(run, settings, trace_store, Router(router) if router is not None else None)
    graph = StateGraph(ChatState, context_schema=Context, input_schema=ChatInput, output_schema=ChatOutput)
    graph.add_node("understand", RunnableLambda(turns.understand_now, afunc=turns.understand, name="understand"))
    graph.add_node("impress", RunnableLambda(turns.impress_now, afunc=turns.impress, name="impress"))
    graph.add_node("answer", turns.answer)
    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", turns.needs_run)
    graph.add_edge("impress", "answer")
    graph.add_edge("answer", END)
    return graph.compile(knowing_our_types(checkpointer), name="coarse2fine")


class _Turns:
    """The nodes of a turn, with what they share."""

    def __init__(self, run: RunGraph, settings: Settings, store: TraceStore | None, router: Router | None) -> None:
        self.run, self.settings, self.store, self.router = run, settings, store, router

    async def understand(self, state: ChatState) -> dict[str, Any]:
        """Read the last message; a new report takes the place of the one before."""
        settings = self.settings.with_context(_context())
        case, asked = understood(state, settings, self.store)
        if asked["intent"] == "unknown" and self.router is not None:
            request = await self.router.route(asked["question"])
            case, asked = understood(state, settings, self.store, request)
        return {"coarse2fine": case, "coarse2fine_asked": asked}

    def understand_now(self, state: ChatState) -> dict[str, Any]:
        """`understand` for code that is not async."""
        return run_sync(self.understand(state))

    def needs_run(self, state: ChatState) -> Literal["impress", "answer"]:
        """Whether the graph of a run must write something before the answer."""
        return "impress" if state["coarse2fine_asked"].get("plan") else "answer"

    async def impress(self, state: ChatState) -> dict[str, Any]:
        """Write what is missing; a model that breaks costs no one their report."""
        case, asked = state["coarse2fine"], state["coarse2fine_asked"]
        plan = asked["plan"]
        assert plan is not None  # noqa: S101 - see `needs_run`
        context = replace(_context(), audiences=plan["audiences"], words=plan["words"], review=False)
        try:
            done = await self.run.ainvoke({"report": case["report"]}, context=context)
        except Coarse2FineError as error:
            return {"coarse2fine_asked": {**asked, "fault": f"{type(error).__name__}: {error}"}}
        return {"coarse2fine_asked": {**asked, "written": done["trace"], "written_result": done["result"]}}

    def impress_now(self, state: ChatState) -> dict[str, Any]:
        """`impress` for code that is not async."""
        return run_sync(self.impress(state))

    def answer(self, state: ChatState) -> dict[str, Any]:
        """Say it."""
        case, asked = state.get("coarse2fine", Case()), state["coarse2fine_asked"]
        case, words = answered(case, asked)
        mark = {"intent": asked["intent"], "audience": case.get("audience", "")}
        if "trace" in case:
            mark |= {"trace_id": case["trace"].id, "status": case["trace"].status}
        message = AIMessage(words, name="coarse2fine", response_metadata={MARK: mark})
        return {"messages": [message], "coarse2fine": case, "coarse2fine_asked": {}}


def _context() -> Context:
    """The context of this call; a graph around this one may have another, which sets nothing here."""
    context = get_runtime(Context).context
    return context if isinstance(context, Context) else Context()
