"""A result as a radiologist reads it in a terminal: each sentence with its verdict in words and its evidence quoted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from coarse2fine.graph.trace_text import SIGNS, STYLES, plain

if TYPE_CHECKING:
    from coarse2fine import Result
    from coarse2fine.graph import ClaimResult, TextResult

__all__ = ["result_view"]


def result_view(result: Result) -> RenderableType:
    """The draft, the impressions, what was left out, and what the run took."""
    texts = [("draft", result.draft), *result.impressions.items()]
    return Group(
        Text.assemble("report ", (plain(result.id), "bold"), ": ", _word(result.status)),
        *(part for name, text in texts for part in _text_view(name, text)),
        _footer(result),
    )


def _word(label: str) -> tuple[str, str]:
    """A label or status with its sign, in its colour."""
    return f"{SIGNS[label]} {label.replace('_', ' ')}", STYLES[label]


def _text_view(name: str, text: TextResult) -> Iterator[RenderableType]:
    rounds = f"{text.rounds} round{'s' if text.rounds != 1 else ''}"
    stop = text.stop_reason.replace("_", " ")
    title = Text.assemble((name.upper(), "bold"), "  ", _word(text.status), f"  {rounds}, ended: {stop}")
    yield from (Text(), Rule(title, align="left", style="dim"))
    if text.claims:
        yield _claims_view(text)
    elif text.text:
        yield Text(plain(text.text))
    yield from (Text(f"  reason: {plain(reason)}", style="yellow") for reason in text.reasons)
    for omission in text.omissions:
        yield Text(f"  not addressed ({omission.significance}): “{plain(omission.text)}”", style="yellow")


def _claims_view(text: TextResult) -> Table:
    """The sentences in the text's own layout: list marks stay before them."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    end = 0
    for claim in text.claims:
        start = text.text.find(claim.text, end)
        mark = " ".join(text.text[end:start].split()) if start >= end else ""
        end = max(end, start + len(claim.text))
        table.add_row(Text(*_word(claim.label)), Text(plain(f"{mark} {claim.text}".strip()), style="bold"))
        table.add_row("", _proof(claim))
    return table


def _proof(claim: ClaimResult) -> RenderableType:
    lines = [Text(f"“{plain(claim.evidence.text)}”", style="italic dim")] if claim.evidence else []
    lines += [Text(plain(reason), style="yellow") for reason in claim.reasons]
    return Padding(Group(*lines), (0, 0, 0, 2))


def _footer(result: Result) -> Group:
    models = ", ".join(f"{role} {name}" for role, name in result.models.items())
    return Group(Text(), Text(f"{result.seconds:.2f} s; {models}; trace {result.trace_id}", style="dim"), Text())
