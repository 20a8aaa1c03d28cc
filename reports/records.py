"""One record of a table, a JSON object or the sections of a text, made into a report or refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from coarse2fine.reports.columns import Columns
from coarse2fine.reports.errors import NoFindings, ReportError
from coarse2fine.reports.patient import parse_age, parse_sex, patient_from
from coarse2fine.reports.report import Report

__all__ = ["make_report", "report_from"]

_JOINED = frozenset({"clinical_information"})
_TEXTS = frozenset({"findings", "clinical_information", "exam", "comparison", "technique", "impression"})
_NAMES = frozenset({"id", "patient", "radiologist"})
_BROKEN = re.compile(r"[\ud800-\udfff\x00]")


def report_from(record: Mapping[str, object], columns: Columns, *, source: str = "", row: int | None = None) -> Report:
    """Make a report of one record.

    Args:
        record: the values by column or key.
        columns: which of them hold which field (`map_columns`). Several that hold clinical information are joined;
            of others, the first that is not empty counts.
        source: named in the error.
        row: likewise.

    Raises:
        ReportError: a value is missing, of the wrong type or too long.
    """
    fields: dict[str, object] = {}
    for field, names in columns.items():
        values = [value for value in (record.get(name) for name in names) if not _is_empty(value)]
        if field in _JOINED and all(isinstance(value, str) for value in values):
            fields[field] = "\n".join(dict.fromkeys(str(value).strip() for value in values))
        elif values:
            fields[field] = values[0]
    return make_report(fields, source=source, row=row)


def make_report(fields: Mapping[str, object], *, source: str = "", row: int | None = None) -> Report:
    """Make a report of fields by their own names; sex and age are read from clinical information where absent.

    Raises:
        NoFindings: there are no findings.
        ReportError: a field is of the wrong type or too long; the error names the first such field.
    """
    try:
        checked = {name: _checked(name, value) for name, value in fields.items() if not _is_empty(value)}
        patient = patient_from(str(checked.get("clinical_information", ""))[:2_000])
        checked["sex"] = checked.get("sex") or patient.sex
        checked["age"] = patient.age if checked.get("age") is None else checked["age"]
        return Report.model_validate({"findings": "", **checked})
    except _FieldError as error:
        raise ReportError(str(error), source=source, row=row, field=error.field) from None
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        message = "; ".join(_words(detail, named=number > 0) for number, detail in enumerate(details))
        kind = NoFindings if _is_empty(fields.get("findings")) else ReportError
        raise kind(message, source=source, row=row, field=_field(details[0])) from None


class _FieldError(ValueError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _checked(field: str, value: object) -> object:
    if field in _TEXTS | _NAMES and isinstance(value, str) and (broken := _BROKEN.search(value)):
        raise _FieldError(field, f"has a character that is no text ({broken[0]!a}) at position {broken.start()}")
    if field in _NAMES and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    try:
        match field:
            case "sex":
                return parse_sex(value)
            case "age":
                return parse_age(value)
            case _:
                return value
    except ValueError as error:
        raise _FieldError(field, str(error)) from None


def _is_empty(value: object) -> bool:
    if isinstance(value, float):
        return math.isnan(value)  # what tables write into JSON for nothing
    return value is None or (isinstance(value, str) and not value.strip())


def _field(detail: Mapping[str, Any]) -> str:
    parts: Iterable[object] = detail["loc"]
    return ".".join(map(str, parts))


def _words(detail: Mapping[str, Any], *, named: bool) -> str:
    if detail["type"] == "string_type":
        message = f"must be text, not {type(detail['input']).__name__}"
    else:
        message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{_field(detail)}: {message}" if named else message
