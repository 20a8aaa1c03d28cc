"""Checkpoints: which of our types LangGraph may read back from them."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from coarse2fine.graph.context import Settings
from coarse2fine.graph.result import Result
from coarse2fine.graph.state import TextRun
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.reports import Report

__all__ = ["checkpoint_serializer", "knowing_our_types"]

_TYPES = tuple((kind.__module__, kind.__name__) for kind in (Report, Result, RunTrace, Settings, TextRun))


def checkpoint_serializer() -> JsonPlusSerializer:
    """A serializer that reads our types and no others: `InMemorySaver(serde=checkpoint_serializer())`."""
    return JsonPlusSerializer(allowed_msgpack_modules=_TYPES)


def knowing_our_types(checkpointer: BaseCheckpointSaver[Any] | bool | None) -> BaseCheckpointSaver[Any] | bool | None:
    """A checkpointer that reads our types beside those that its serializer was told of.

    LangGraph's default serializer, which reads any type and logs a warning for each, stays as it is.
    """
    if checkpointer is None or isinstance(checkpointer, bool):
        return checkpointer
    return checkpointer.with_allowlist(set(_TYPES))
