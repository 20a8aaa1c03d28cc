"""A result as a radiologist reads it in a terminal: each sentence with its verdict in words and its evidence quoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from coarse2fine import Result
    from coarse2fine.graph import ClaimResult, TextResult

__all__ = ["result_view"]

_MARKS = {"supported": ("✓", "green"), "contradicted": ("✗", "red"), "unsupported": ("✗", "red"), "undecided": ("?", "yellow")}
_STATUS = {"passed": "green", "needs_review": "yellow", "error": "red"}


def result_view(result: Result) -> RenderableType:
    """The impressions, the draft first, then what was left out and what the run took."""
    texts = [("draft", result.draft), *result.impressions.items()]
    parts: list[RenderableType] = [part for name, text in texts for part in _text_view(name, text)]
    return Group(_headline(result), *parts, _footer(result))


def _headline(result: Result) -> Text:
    words = result.status.replace("_", " ")
    return Text.assemble("report ", (result.id, "bold"), ": ", (words, f"bold {_STATUS[result.status]}"))


def _text_view(name: str, text: TextResult) -> list[RenderableType]:
    rounds = f"{text.rounds} round{'s' if text.rounds != 1 else ''}"
    title = Text.assemble(
        (name.upper(), "bold"), "  ", (text.status.replace("_", " "), _STATUS[text.status]), f", {rounds}, {text.stop_reason}"
    )
    parts: list[RenderableType] = [Text(), Rule(title, align="left", style="dim")]
    if text.claims:
        parts.append(_claims_view(text))
    elif text.text:
        parts.append(Text(text.text))
    parts += [Text(f"  reason: {reason}", style="yellow") for reason in text.reasons if text.status != "passed"]
    parts += [Text(f"  not addressed ({o.significance}): “{o.text}”", style="yellow") for o in text.omissions]
    return parts


def _claims_view(text: TextResult) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    end = 0
    for claim in text.claims:
        start = text.text.find(claim.text, end)
        marker = " ".join(text.text[end:start].split()) if start >= 0 else ""
        end = start + len(claim.text) if start >= 0 else end
        sign, colour = _MARKS[claim.label]
        table.add_row(Text(f"{sign} {claim.label}", style=colour), Text(f"{marker} {claim.text}".strip(), style="bold"))
        table.add_row("", _proof(claim))
    return table


def _proof(claim: ClaimResult) -> RenderableType:
    lines = [Text(f"“{claim.evidence.text}”", style="italic dim")] if claim.evidence else []
    lines += [Text(reason, style="yellow") for reason in claim.reasons]
    return Padding(Group(*lines), (0, 0, 0, 2))


def _footer(result: Result) -> Group:
    models = ", ".join(f"{role} {name}" for role, name in result.models.items())
    trace = f", trace {result.trace_id}" if result.trace_id else ""
    return Group(Text(), Text(f"{result.seconds:.2f} s, {models}{trace}", style="dim"), Text())
