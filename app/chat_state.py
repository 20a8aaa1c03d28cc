"""What a chat remembers of the report at hand, and how it is found again where only the messages were kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict  # typing.TypedDict has no JSON schema before Python 3.12

from coarse2fine.agents.critique import Audience
from coarse2fine.app.inputs import given_report
from coarse2fine.app.intents import Intent, recognise
from coarse2fine.graph import Result, RunTrace, TraceStore
from coarse2fine.graph.result import status_of, text_result
from coarse2fine.reports import InputError, Report

__all__ = [
    "MARK",
    "Asked",
    "Case",
    "ChatInput",
    "ChatOutput",
    "ChatState",
    "Plan",
    "doubtful_before",
    "last_question",
    "recalled",
    "result_of",
]

MARK = "coarse2fine"
"""Under this key answers say in `response_metadata` which run they rest on."""


class Case(TypedDict, total=False):
    """The report at hand.

    Args:
        report: the last one given; result, trace: of the run whose text was shown last.
        full: the run at the length that the report was first asked for; a shorter text has a run of its own.
        audience: whose text was shown last, "all" for those of all.
    """

    report: Report
    result: Result
    trace: RunTrace
    full: RunTrace
    audience: Audience | Literal["all"]


class Plan(TypedDict):
    """A run that an answer needs: for these audiences, in at most `words` words; `fresh`: as the report's full run."""

    audiences: Sequence[Audience]
    words: int | None
    fresh: bool


class Asked(TypedDict, total=False):
    """What the last message asks for, what must run before it can be answered, and what that run wrote."""

    intent: Intent
    question: str
    audience: Audience | Literal["all"] | None
    words: int | None
    plan: Plan | None
    notes: list[str]
    fault: str
    written: RunTrace
    written_result: Result


class ChatInput(TypedDict):
    """What a turn starts from: messages, the last human one unanswered; `coarse2fine` where the caller keeps it."""

    messages: Annotated[list[AnyMessage], add_messages]
    coarse2fine: NotRequired[Case]


class ChatOutput(TypedDict):
    """What a turn ends with."""

    messages: Annotated[list[AnyMessage], add_messages]
    coarse2fine: NotRequired[Case]


class ChatState(TypedDict):
    """State of a chat. All that is ours is under one key, so that it meets no key of a graph around it."""

    messages: Annotated[list[AnyMessage], add_messages]
    coarse2fine: NotRequired[Case]
    coarse2fine_asked: NotRequired[Asked]


def last_question(messages: Sequence[AnyMessage]) -> str:
    """The text of the last human message, "" where there is none."""
    return next((str(m.text) for m in reversed(messages) if isinstance(m, HumanMessage)), "")


def doubtful_before(messages: Sequence[AnyMessage]) -> str:
    """The message that was answered with the question whether it is findings, where that was the last answer."""
    humans = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    if len(humans) < 2:
        return ""
    answers = [mark_of(message) for message in messages[humans[-2] : humans[-1]]]
    asked = any(mark.get("intent") == "doubtful" for mark in answers)
    return str(messages[humans[-2]].text) if asked else ""


def recalled(messages: Sequence[AnyMessage], store: TraceStore | None) -> Case:
    """The case that a conversation was about, where a graph around this one kept its messages only.

    Runs are taken from the store by the ids that answers carry, and only where they are of the very findings that stand
    in the conversation: an id alone opens nobody's report.
    """
    humans = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    for place in reversed(range(len(humans) - 1)):
        message = str(messages[humans[place]].text)
        agreed = doubtful_before(messages[: humans[place] + 1]) if recognise(message).intent == "yes" else ""
        request = recognise(message)
        if request.intent != "report" and not agreed:
            continue
        try:
            report = given_report(request.findings or recognise(agreed).findings)
        except InputError:
            continue
        return _with_runs(report, [mark_of(m) for m in messages[humans[place] :]], store)
    return Case()


def _with_runs(report: Report, marks: Sequence[dict[str, Any]], store: TraceStore | None) -> Case:
    case = Case(report=report)
    for mark in marks:
        trace = _kept(str(mark.get("trace_id", "")), report, store)
        if trace is not None:
            case["report"], case["trace"], case["result"] = trace.report, trace, result_of(trace)
            case["full"] = case.get("full", trace)
            case["audience"] = mark.get("audience") or "all"
    return case


def _kept(trace_id: str, report: Report, store: TraceStore | None) -> RunTrace | None:
    if not trace_id or store is None:
        return None
    try:
        trace = store.get(trace_id)
    except (InputError, OSError, sqlite3.Error):
        return None
    same = trace.id == trace_id and trace.report.findings == report.findings and not trace.error
    return trace if same else None


def mark_of(message: AnyMessage) -> dict[str, Any]:
    """What an answer of ours says of itself; nothing of other messages."""
    found = message.response_metadata.get(MARK) if isinstance(message, AIMessage) else None
    return found if isinstance(found, dict) else {}


def result_of(trace: RunTrace) -> Result:
    """The result of a run, made of its trace."""
    draft, *others = trace.texts
    return Result(
        id=trace.report.id,
        status=status_of(trace.texts),
        draft=text_result(draft),
        impressions={text.audience: text_result(text) for text in others},
        trace_id=trace.id,
        models=trace.models,
        seconds=trace.wall_seconds,
    )
