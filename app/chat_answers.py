"""The answer to a message, once what it takes is written: words made of the case, and the case as it then stands."""

from __future__ import annotations

from typing import Literal

from coarse2fine.agents.critique import Audience
from coarse2fine.app.chat_plan import text_for
from coarse2fine.app.chat_state import Asked, Case, result_of
from coarse2fine.app.questions import written
from coarse2fine.app.wording import (
    ASK_FOR_FINDINGS,
    can_be_asked,
    checked_words,
    count_words,
    findings_words,
    impression_words,
    left_out_words,
    why_words,
)
from coarse2fine.graph import TextRun

__all__ = ["answered"]

_HELP = "I write impressions of radiology findings and prove every sentence. I answer from the report at hand only."
_DOUBTFUL = (
    "Are these the findings of a report? Say yes, and I write their impressions; or send them with the heading "
    "FINDINGS: before them. Nothing was written."
)
_UNKNOWN = "I cannot answer that: I answer from the findings and the checked impressions only."
_KEPT = "Your findings are kept; say “try again”."


def answered(case: Case, asked: Asked) -> tuple[Case, str]:
    """What to say, and the case with what was shown."""
    case = _with_written(case, asked)
    body = _body(case, asked)
    if asked.get("audience") and "trace" in case and not asked.get("fault"):
        case["audience"] = asked["audience"] or "all"
    return case, "\n\n".join([*asked.get("notes", []), body])


def _body(case: Case, asked: Asked) -> str:
    intent, fault = asked["intent"], asked.get("fault", "")
    if intent == "no_findings":
        return f"No impression is written without findings. {fault or ASK_FOR_FINDINGS}"
    if intent == "doubtful":
        return _DOUBTFUL
    if intent == "help":
        return f"{_HELP} {can_be_asked() if 'report' in case else ASK_FOR_FINDINGS}"
    if "report" not in case:
        return f"{_UNKNOWN if intent == 'unknown' else 'There is no report yet.'} {ASK_FOR_FINDINGS}"
    if fault:
        stands = "The text before stands." if "trace" in case else _KEPT
        return f"That could not be written: {fault}. {stands}"
    if intent == "findings":
        return findings_words(case["report"])
    if intent == "unknown" or "trace" not in case:
        return f"{_UNKNOWN} {can_be_asked()}"
    return _of_run(case, asked)


def _of_run(case: Case, asked: Asked) -> str:
    trace, question = case["trace"], asked["question"]
    shown = _names(asked.get("audience") or case.get("audience", "all"))
    match asked["intent"]:
        case "why":
            return why_words(trace, question, shown)
        case "left_out":
            return left_out_words(trace, question, shown)
        case "checked":
            return checked_words(trace, shown)
        case "form":
            return "\n\n".join([*_length_notes(case, asked), impression_words(trace, shown)])
        case _:
            return f"{impression_words(trace, shown)}\n\n{can_be_asked()}"


def _with_written(case: Case, asked: Asked) -> Case:
    """The case with the run that belongs to what is shown: the new one, or the one before where that is better."""
    new, plan = asked.get("written"), asked.get("plan")
    if new is None or plan is None:
        return _at_full_length(case, asked)
    kept = Case(report=case["report"], full=new if plan["fresh"] or "full" not in case else case["full"])
    if "audience" in case:
        kept["audience"] = case["audience"]
    chosen = new
    if plan["words"] is not None and not plan["fresh"] and "trace" in case:
        names = _names(asked.get("audience") or "all") or [text.audience for text in new.texts[1:]]
        pairs = [(text_for(n, new), text_for(n, case["trace"], case["full"])) for n in names]
        if not all(_better(text, before) for text, before in pairs):
            held_by_trace = all(text_for(name, case["trace"]) for name in names)
            chosen = case["trace"] if held_by_trace else case["full"]
    kept["trace"], kept["result"] = chosen, result_of(chosen)
    if chosen is new and "written_result" in asked:
        kept["result"] = asked["written_result"]
    return kept


def _at_full_length(case: Case, asked: Asked) -> Case:
    """Where a form without a length is asked for, and the full run has it: that run."""
    if asked["intent"] != "form" or "full" not in case or asked.get("words") is not None:
        return Case(**case)
    return Case(**{**case, "trace": case["full"], "result": result_of(case["full"])})


def _better(new: TextRun | None, before: TextRun | None) -> bool:
    if new is None or before is None:
        return before is None
    if (new.status == "passed") != (before.status == "passed"):
        return new.status == "passed"
    return count_words(new.text) < count_words(before.text)


def _length_notes(case: Case, asked: Asked) -> list[str]:
    words, plan = asked.get("words"), asked.get("plan")
    if words is None:
        return []
    notes = []
    if plan is not None and not plan["fresh"] and case["trace"] is not asked.get("written"):
        notes.append("No shorter text was found that is as well proven; this is the one before.")
    texts = written(case["trace"], _names(asked.get("audience") or "all"))
    longest = max((count_words(text.text) for text in texts), default=0)
    if longest > words:
        notes.append(f"It has {longest} words, more than {words}: what matters is never left out for length.")
    return notes


def _names(audience: Audience | Literal["all"] | str) -> list[Audience]:
    return [] if audience == "all" else [audience]  # type: ignore[list-item]
