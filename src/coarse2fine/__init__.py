"""Radiology findings in, impressions for several readers out, every sentence proven against the findings.

    from coarse2fine import Report, build_graph, impress
    result = impress(Report(findings="..."))
    graph = build_graph(model="vllm:http://localhost:8000/v1")

Importing this package loads no model and no torch: names are looked up when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coarse2fine.agents import Critic, factual_consistency
    from coarse2fine.agents.memory import CaseMemory
    from coarse2fine.app.chat import chat_graph
    from coarse2fine.app.tool import as_tool
    from coarse2fine.graph import Result, TraceStore, aimpress, build_graph, impress
    from coarse2fine.reports import Coarse2FineError, Report

__all__ = [
    "CaseMemory",
    "Coarse2FineError",
    "Critic",
    "Report",
    "Result",
    "TraceStore",
    "aimpress",
    "as_tool",
    "build_graph",
    "chat_graph",
    "factual_consistency",
    "impress",
]

_HOMES = {
    "CaseMemory": "agents.memory",
    "Coarse2FineError": "reports",
    "Critic": "agents",
    "Report": "reports",
    "Result": "graph",
    "TraceStore": "graph",
    "aimpress": "graph",
    "as_tool": "app.tool",
    "build_graph": "graph",
    "chat_graph": "app.chat",
    "factual_consistency": "agents",
    "impress": "graph",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
