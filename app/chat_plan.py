"""Decides what a message wants of the report at hand, and which run, if any, has to be made before it is answered."""

from __future__ import annotations

from collections.abc import Sequence

from coarse2fine.agents.critique import Audience
from coarse2fine.app.chat_state import Asked, Case, ChatState, Plan, doubtful_before, last_question, recalled
from coarse2fine.app.inputs import given_report
from coarse2fine.app.intents import Form, Request, recognise
from coarse2fine.app.wording import count_words
from coarse2fine.graph import RunTrace, Settings, TextRun, TraceStore
from coarse2fine.reports import InputError

__all__ = ["text_for", "understood"]

REPLACED = "This report takes the place of the one before."
WRITTEN_ANEW = "The run before is not at hand any more, so the impressions were written anew."
_FEWEST_WORDS = 5
_WITHOUT_REPORT = ("help", "doubtful", "no_findings")


def understood(
    state: ChatState, settings: Settings, store: TraceStore | None, routed: Request | None = None
) -> tuple[Case, Asked]:
    """The case and what is asked of it, with the run that it takes.

    Args:
        routed: what a router made of the message, where the patterns did not know.
    """
    messages = state["messages"]
    question = last_question(messages)
    request = routed or recognise(question)
    if request.intent == "yes":
        doubtful = recognise(doubtful_before(messages))
        request = Request("report", doubtful.form, doubtful.findings) if doubtful.findings else Request("help")
    case: Case = state.get("coarse2fine") or recalled(messages, store)
    if request.intent == "report":
        return _with_report(case, request, question, settings)
    asked = Asked(intent=request.intent, question=question, audience=None, words=None, plan=None, notes=[], fault="")
    if "report" not in case or request.intent in _WITHOUT_REPORT:
        return case, asked
    if request.intent == "form":
        return case, _form(case, asked, request.form, settings)
    if request.intent == "again" or ("trace" not in case and request.intent not in ("findings", "unknown")):
        notes = [] if request.intent == "again" else [WRITTEN_ANEW]
        return case, {**asked, "plan": _full(settings, Form()), "notes": notes}
    return case, asked


def text_for(audience: Audience, *traces: RunTrace | None) -> TextRun | None:
    """The text for an audience, of the first run that wrote one."""
    found = (text for trace in traces if trace is not None for text in trace.texts if text.audience == audience)
    return next(found, None)


def _with_report(case: Case, request: Request, question: str, settings: Settings) -> tuple[Case, Asked]:
    asked = Asked(intent="report", question=question, words=request.form.words, plan=None, notes=[], fault="")
    try:
        report = given_report(request.findings)
    except InputError as error:
        return case, {**asked, "intent": "no_findings", "fault": str(error)}
    shown = request.form.audience or (_single(settings) if request.form.shorter else "all")
    notes = [REPLACED] if "report" in case else []
    plan = _full(settings, request.form)
    return Case(report=report), {**asked, "audience": shown, "plan": plan, "notes": notes}


def _form(case: Case, asked: Asked, form: Form, settings: Settings) -> Asked:
    """What to show and what to run for a form: nothing where a text of that form is there."""
    target = form.audience or case.get("audience", "all")
    if "trace" not in case:
        shown = _single(settings) if form.shorter and target == "all" else target
        if form.shorter:
            form = form._replace(words=max(_FEWEST_WORDS, count_words(case["report"].findings) // 3))
        plan = _full(settings, form)
        return {**asked, "audience": shown, "words": form.words, "plan": plan, "notes": [WRITTEN_ANEW]}
    if form.words is None and not form.shorter:
        missing = target != "all" and text_for(target, case["full"]) is None
        rerun = Plan(audiences=_names(target), words=None, fresh=False) if missing else None
        return {**asked, "audience": target, "plan": rerun}
    if target == "all" and form.audience != "all":
        target = _single(settings)
    names = list(settings.audiences) if target == "all" else [target]
    lengths = [count_words(text.text) for name in names if (text := text_for(name, case["trace"], case["full"]))]
    longest = max(lengths, default=0)
    words = form.words or max(_FEWEST_WORDS, longest * 2 // 3)
    fits = form.words is not None and len(lengths) == len(names) and longest <= words
    written = [name for name in names if name != "draft"]
    return {
        **asked,
        "audience": target,
        "words": words,
        "plan": None if fits else Plan(audiences=written, words=words, fresh=False),
    }


def _full(settings: Settings, form: Form) -> Plan:
    wanted: Sequence[Audience] = [form.audience] if form.audience and form.audience != "all" else []
    names = dict.fromkeys([*settings.audiences, *(name for name in wanted if name != "draft")])
    return Plan(audiences=list(names), words=form.words, fresh=True)


def _single(settings: Settings) -> Audience:
    """The audience of a short text where all were shown."""
    return "brief" if "brief" in settings.audiences else next(iter(settings.audiences), "draft")


def _names(audience: Audience | str) -> list[Audience]:
    return [] if audience in ("all", "draft") else [audience]  # type: ignore[list-item]
