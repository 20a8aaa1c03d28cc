"""The exception tree of coarse2fine.

    Coarse2FineError            exit code 1
    ├── InputError              exit code 2   what was given cannot be used; says what and where
    │   └── ReportError         exit code 2   one report of an input cannot be read
    │       └── NoFindings      exit code 2   it has no findings
    ├── ModelError              exit code 3   a model cannot be loaded, reached or understood
    │   └── UnparsableReply     exit code 3   a model answered, but not in the form that was asked for
    ├── PromptError             exit code 2   a template is missing or lacks a variable
    └── MissingExtra            exit code 4   an optional package is not installed
"""

from __future__ import annotations

__all__ = [
    "Coarse2FineError",
    "InputError",
    "MissingExtra",
    "ModelError",
    "NoFindings",
    "PromptError",
    "ReportError",
    "UnparsableReply",
]


class Coarse2FineError(Exception):
    """Every error that this package raises on purpose; the message says what to do about it."""

    exit_code = 1


class InputError(Coarse2FineError):
    """What was given cannot be used."""

    exit_code = 2


class ReportError(InputError):
    """One report of an input cannot be read.

    Args:
        message: what is wrong and what to do.
        source: the file, or "-" for standard input.
        row: the 1-based row (or report number) in the source, where there are many.
        field: the column or section that is wrong.
    """

    def __init__(self, message: str, *, source: str = "", row: int | None = None, field: str = "") -> None:
        self.message, self.source, self.row, self.field = message, source, row, field
        where = ", ".join(
            part
            for part in (source, f"row {row}" if row is not None else "", f"field {field!r}" if field else "")
            if part
        )
        super().__init__(f"{where}: {message}" if where else message)


class NoFindings(ReportError):
    """A report has no findings. Public collections hold many such: they are counted, not named one by one."""


class ModelError(Coarse2FineError):
    """A model cannot be loaded, reached or understood."""

    exit_code = 3


class UnparsableReply(ModelError):
    """A model answered, but not in the form that was asked for."""


class PromptError(Coarse2FineError):
    """A template is missing or lacks a variable."""

    exit_code = 2


class MissingExtra(Coarse2FineError):
    """An optional package is not installed."""

    exit_code = 4
