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
from coarse2fine.reports.ingest import Format, Outcome, read_reports, read_text
from coarse2fine.reports.patient import Patient, patient_from
from coarse2fine.reports.report import MAX_CHARACTERS, Report, Sex, Span
from coarse2fine.reports.sentences import Sentence, split_sentences
from coarse2fine.reports.statistics import Statistics, statistics

__all__ = [
    "MAX_CHARACTERS",
    "Coarse2FineError",
    "Format",
    "InputError",
    "MissingExtra",
    "ModelError",
    "Outcome",
    "Patient",
    "PromptError",
    "Report",
    "ReportError",
    "Sentence",
    "Sex",
    "Span",
    "Statistics",
    "UnparsableReply",
    "patient_from",
    "read_reports",
    "read_text",
    "split_sentences",
    "statistics",
]
