"""A run trace as one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import jinja2

from coarse2fine.agents.critique import Evidence
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.graph.trace_text import SIGNS
from coarse2fine.reports import Report

__all__ = ["trace_html"]


class _Piece(NamedTuple):
    """A stretch of the findings; `number` is None between sentences."""

    text: str
    number: int | None


def trace_html(trace: RunTrace) -> str:
    """The page: findings beside texts; a sentence's evidence lights up when it is pointed at or focused."""
    sentences = trace.report.sentences()

    def numbers(evidence: Sequence[Evidence]) -> list[int]:
        return [i for i, s in enumerate(sentences) if any(e.start < s.end and s.start < e.end for e in evidence)]

    return _template().render(trace=trace, pieces=_pieces(trace.report), numbers=numbers, signs=SIGNS, **_script())


def _pieces(report: Report) -> list[_Piece]:
    pieces, position = [], 0
    for number, sentence in enumerate(report.sentences()):
        pieces.append(_Piece(report.findings[position : sentence.start], None))
        pieces.append(_Piece(sentence.text, number))
        position = sentence.end
    return [*pieces, _Piece(report.findings[position:], None)]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((files("coarse2fine.graph") / "trace.html.j2").read_text("utf-8"))


@cache
def _script() -> dict[str, str]:
    """The page's script and its hash, the only one that the page's content policy lets run."""
    script = (files("coarse2fine.graph") / "trace_script.js.j2").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"script": script, "script_hash": f"sha256-{digest}"}
