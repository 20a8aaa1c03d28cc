"""The domain: reports, their sections and sentences, reading and statistics."""

from coarse2fine.reports.errors import (
    Coarse2FineError,
    InputError,
    MissingExtra,
    ModelError,
    PromptError,
    ReportError,
    UnparsableReply,
)
from coarse2fine.reports.report import MAX_CHARACTERS, Report, Sex, Span
from coarse2fine.reports.sentences import Sentence, split_sentences

__all__ = [
    "MAX_CHARACTERS",
    "Coarse2FineError",
    "InputError",
    "MissingExtra",
    "ModelError",
    "PromptError",
    "Report",
    "ReportError",
    "Sentence",
    "Sex",
    "Span",
    "UnparsableReply",
    "split_sentences",
]
