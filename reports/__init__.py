"""The domain: reports, their sections and sentences, reading, collections, splits and statistics."""

from coarse2fine.reports.collection import Collected, Collection, report_line
from coarse2fine.reports.errors import (
    Coarse2FineError,
    InputError,
    MissingExtra,
    ModelError,
    NoFindings,
    PromptError,
    ReportError,
    UnparsableReply,
)
from coarse2fine.reports.feedback import Dimensions, Feedback, Rating, read_feedback, write_feedback
from coarse2fine.reports.ingest import Format, Outcome, read_reports, read_text
from coarse2fine.reports.layouts import LAYOUTS, read_layout
from coarse2fine.reports.patient import Patient, patient_from
from coarse2fine.reports.report import MAX_CHARACTERS, Report, Sex, Span
from coarse2fine.reports.sentences import Sentence, split_sentences
from coarse2fine.reports.split import PAPER_SIZES, Manifest, check_leaks, parse_size, split_reports
from coarse2fine.reports.statistics import Statistics, WordCounts, statistics

__all__ = [
    "LAYOUTS",
    "MAX_CHARACTERS",
    "PAPER_SIZES",
    "Coarse2FineError",
    "Collected",
    "Collection",
    "Dimensions",
    "Feedback",
    "Format",
    "InputError",
    "Manifest",
    "MissingExtra",
    "ModelError",
    "NoFindings",
    "Outcome",
    "Patient",
    "PromptError",
    "Rating",
    "Report",
    "ReportError",
    "Sentence",
    "Sex",
    "Span",
    "Statistics",
    "UnparsableReply",
    "WordCounts",
    "check_leaks",
    "parse_size",
    "patient_from",
    "read_feedback",
    "read_layout",
    "read_reports",
    "read_text",
    "report_line",
    "split_reports",
    "split_sentences",
    "statistics",
    "write_feedback",
]
