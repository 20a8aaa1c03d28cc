"""The run of the graph as a LangChain tool, for agents that call tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import StructuredTool, ToolException
from langgraph.store.base import BaseStore
from pydantic import BaseModel, Field

from coarse2fine.agents.critic import Critic
from coarse2fine.agents.critique import Audience
from coarse2fine.agents.memory import HOME_MEMORY, CaseMemory
from coarse2fine.app.inputs import given_report
from coarse2fine.app.wording import left_out_words, text_words
from coarse2fine.graph import Context, RunTrace, TraceStore, build_graph
from coarse2fine.graph.build import Prompts
from coarse2fine.graph.sync import run_sync
from coarse2fine.graph.trace_store import HOME_STORE
from coarse2fine.reports import Coarse2FineError
from coarse2fine.serving import NLIModel

__all__ = ["ImpressionArguments", "as_tool"]

_DESCRIPTION = (
    "Write the impression of a radiology report from its findings, for one audience. Every sentence is proven against "
    "the findings; a text that a radiologist must review says so, and that must be passed on. Quote the text unchanged."
)


class ImpressionArguments(BaseModel):
    """What the tool is called with."""

    findings: str = Field(
        description="The findings, word for word as the user gave them, or the whole report with its headings."
    )
    clinical_information: str = Field(default="", description="History or indication, as the user gave it.")
    exam: str = Field(default="", description='The examination\'s title, such as "CT chest".')
    audience: Literal["brief", "bullet", "comprehensive"] = Field(
        default="brief", description="brief: for patients; bullet: for a quick review; comprehensive: for experts."
    )
    radiologist: str | None = Field(
        default=None, description="Opaque id of the radiologist in whose style to write, where the user gave one."
    )


def as_tool(
    model: str | BaseChatModel = "nano",
    critic: str | NLIModel | Critic = "nano-critic",
    prompts: Prompts | None = None,
    *,
    name: str = "write_impressions",
    description: str = _DESCRIPTION,
    max_rounds: int = 3,
    words: int | None = None,
    radiologist: str | None = None,
    memory: CaseMemory | BaseStore | None = HOME_MEMORY,
    trace_store: TraceStore | None = HOME_STORE,
) -> StructuredTool:
    """A LangChain tool that writes one impression, for `model.bind_tools([as_tool()])` and LangGraph's `ToolNode`.

    It returns the text with its status and what it leaves out; the message's artifact is the whole result as
    `Result.to_dict()` gives it. A report that cannot be read and a model that fails give messages of status "error".

    Args:
        model, critic, prompts, max_rounds, words, memory, trace_store: of the run; see `build_graph`.
        name, description: what agents are told.
        radiologist: in whose style; goes before what an agent says.

    Raises:
        ModelError, MissingExtra, PromptError, InputError: as `build_graph`.
    """
    graph = build_graph(
        model, critic, prompts, max_rounds=max_rounds, words=words, memory=memory, trace_store=trace_store
    )

    async def write(**arguments: Any) -> tuple[str, dict[str, Any]]:
        given = ImpressionArguments.model_validate(arguments)
        audiences: Sequence[Audience] = [cast(Audience, given.audience)]
        context = Context(audiences=audiences, radiologist=radiologist or given.radiologist or None)
        try:
            report = given_report(given.findings, clinical_information=given.clinical_information, exam=given.exam)
            done = await graph.ainvoke({"report": report}, context=context)
        except Coarse2FineError as error:
            raise ToolException(f"No impression was written: {error}") from error
        return _told(done["trace"], audiences), done["result"].to_dict()

    def write_now(**arguments: Any) -> tuple[str, dict[str, Any]]:
        return run_sync(write(**arguments))

    return StructuredTool.from_function(
        func=write_now,
        coroutine=write,
        name=name,
        description=description,
        args_schema=ImpressionArguments,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def _told(trace: RunTrace, audiences: Sequence[Audience]) -> str:
    left_out = left_out_words(trace, audiences=audiences)
    return f"status: {trace.status}\n{text_words(trace.texts[1])}\n\n{left_out}\ntrace: {trace.id}"
