"""The graph of a run: draft, critique, revise, restyle; its result and its trace."""

from coarse2fine.graph.build import RunGraph, build_graph
from coarse2fine.graph.context import AUDIENCES, Context, Settings
from coarse2fine.graph.feedback_store import Added, FeedbackStore, feedback_of
from coarse2fine.graph.persistence import checkpoint_serializer
from coarse2fine.graph.result import ClaimResult, OmissionResult, Result, TextResult
from coarse2fine.graph.run import aimpress, impress
from coarse2fine.graph.state import Round, StopReason, TextRun
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.graph.trace_store import HOME_STORE, TraceStore, TraceSummary, read_jsonl, write_jsonl

__all__ = [
    "AUDIENCES",
    "HOME_STORE",
    "Added",
    "ClaimResult",
    "Context",
    "FeedbackStore",
    "OmissionResult",
    "Result",
    "Round",
    "RunGraph",
    "RunTrace",
    "Settings",
    "StopReason",
    "TextResult",
    "TextRun",
    "TraceStore",
    "TraceSummary",
    "aimpress",
    "build_graph",
    "checkpoint_serializer",
    "feedback_of",
    "impress",
    "read_jsonl",
    "write_jsonl",
]
