"""Which column or key of somebody's table holds which field of a report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from coarse2fine.reports.errors import InputError, ReportError
from coarse2fine.reports.report import Report

__all__ = ["ALIASES", "Columns", "Names", "check_fields", "map_columns"]

Columns = Mapping[str, tuple[str, ...]]
"""Field of `Report` → the names of the source that hold it, the best first."""

Names = Mapping[str, str | tuple[str, ...]]
"""Field of `Report` → the column that must hold it, or the columns that may (a known layout's)."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "findings": ("findings", "inputs", "input", "report findings", "finding"),
    "impression": ("impression", "impressions", "target", "summary", "conclusion", "report impression", "opinion"),
    "clinical_information": (
        "clinical information",
        "clinical history",
        "clinical indication",
        "clinical info",
        "indication",
        "history",
        "reason for exam",
        "reason for study",
        "background",
    ),
    "exam": ("exam", "study", "examination", "exam type", "exam description", "study description", "procedure name"),
    "comparison": ("comparison", "comparisons"),
    "technique": ("technique", "procedure"),
    "sex": ("sex", "gender", "patient sex"),
    "age": ("age", "patient age"),
    "patient": ("patient", "patient id", "deid patient id", "subject id"),
    "radiologist": ("radiologist", "radiologist id", "reader", "author"),
    "id": ("id", "idx", "report id", "study id", "accession", "accession number", "uid"),
}
"""Names that are known without being told, in any case, with spaces, hyphens or underscores."""


def map_columns(
    names: Iterable[str],
    columns: Names | None = None,
    *,
    source: str = "",
    row: int | None = None,
) -> Columns:
    """Find each field's columns among `names`.

    Args:
        names: the columns or keys of the source.
        columns: field → column, for columns under names of their own; they win over the known names, and what is
            named for one field is not guessed to hold another.
        source: named in the error.
        row: the row whose keys `names` are, where each row has its own (JSON): it may leave out all but findings.

    Raises:
        ReportError: a column of `columns` is not there, or none holds findings; the columns found are listed.
    """
    present = {_plain(name): name for name in reversed(list(names))}
    given = columns or {}
    taken = {_plain(name) for wanted in given.values() for name in _several(wanted)}
    found: dict[str, tuple[str, ...]] = {}
    for field, aliases in ALIASES.items():
        wanted = given.get(field)
        names = _several(wanted) if wanted else tuple(name for name in aliases if _plain(name) not in taken)
        found[field] = tuple(present[_plain(name)] for name in names if _plain(name) in present)
        if isinstance(wanted, str) and not found[field] and (row is None or field == "findings"):
            message = f"has no {wanted!r}; {_listing(present.values())}"
            raise ReportError(message, source=source, row=row, field=field)
    if not found["findings"]:
        known = ", ".join(_several(given.get("findings") or ALIASES["findings"]))
        raise ReportError(
            f"nothing holds the findings; {_listing(present.values())}; rename one ({known}) or name it in `columns`",
            source=source,
            row=row,
            field="findings",
        )
    return {field: names for field, names in found.items() if names}


def check_fields(columns: Names | None) -> None:
    """Refuse a `columns` argument that names a field which reports do not have.

    Raises:
        InputError: it does.
    """
    for field in columns or {}:
        if field not in Report.model_fields:
            raise InputError(f"columns: reports have no field {field!r}; they have {', '.join(Report.model_fields)}")


def _several(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


@lru_cache(maxsize=4_096)
def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.strip("\ufeff \t\r\n\"'")).lower()


def _listing(names: Iterable[str]) -> str:
    shown = sorted(repr(name) for name in names)
    return "found " + (", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "") or "none")
