"""Published data sets by name: which column holds which field, and what the examination is where none says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from coarse2fine.reports.columns import Names
from coarse2fine.reports.errors import InputError, ReportError
from coarse2fine.reports.ingest import Format, read_reports
from coarse2fine.reports.report import Report
from coarse2fine.reports.tables import Outcome

__all__ = ["LAYOUTS", "Layout", "read_layout"]


class Layout(NamedTuple):
    """A published form. `texts`: it also comes as a folder of one text file a report, in folders named by patient."""

    columns: Mapping[str, tuple[str, ...]]
    exam: str
    texts: bool = False


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "openi": Layout({"findings": ("inputs",), "impression": ("target",), "id": ("idx",)}, "Chest X-ray"),
        "chexpert-plus": Layout(
            {
                "findings": ("section_findings",),
                "impression": ("section_impression",),
                "clinical_information": ("section_clinical_history", "section_history"),
                "comparison": ("section_comparison",),
                "technique": ("section_technique",),
                "patient": ("deid_patient_id",),
                "id": ("path_to_image",),
            },
            "Chest X-ray",
        ),
        "mimic-cxr": Layout(
            {
                "findings": ("findings",),
                "impression": ("impression",),
                "patient": ("subject_id", "subject"),
                "id": ("study", "study_id"),
            },
            "Chest X-ray",
            texts=True,
        ),
    }
)
"""openi: JSON lines {"idx", "inputs": findings, "target": impression}, as published with StanfordMIMI/clin-summ.
chexpert-plus: the published CSV, a row for each image, so that the reports of studies with two views come twice.
mimic-cxr: a CSV with study, subject_id, findings, impression, as the usual section extraction makes it, or the folder
of published texts, p10/p10000032/s50414267.txt."""

_PATIENT_FOLDER = re.compile(r"p?\d{4,}")


def read_layout(
    layout: str,
    source: Path | str,
    *,
    format: Format | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[Outcome]:
    """The reports of a source in a known layout, as `read_reports` gives them.

    Args:
        layout: a name of `LAYOUTS`.
        source: a file, "-" for standard input, or a folder of texts where the layout has that form.
        format: what a file holds, where its name does not tell.
        columns: field → column, where this copy of the data has names of its own.

    Raises:
        InputError: no layout has that name, or `columns` names a field that reports do not have.
    """
    if layout not in LAYOUTS:
        raise InputError(f"no layout is named {layout!r}; there are {', '.join(LAYOUTS)}")
    known = LAYOUTS[layout]
    names: Names = {**known.columns, **(columns or {})}
    if known.texts and (Path(source).is_dir() or Path(source).suffix.lower() == ".txt"):
        return _with_exam(_read_texts(Path(source)), known.exam)
    return _with_exam(read_reports(source, format=format, columns=names), known.exam)


def _with_exam(outcomes: Iterator[Outcome], exam: str) -> Iterator[Outcome]:
    for outcome in outcomes:
        if isinstance(outcome, Report) and not outcome.exam:
            outcome = outcome.model_copy(update={"exam": exam})
        yield outcome


def _read_texts(source: Path) -> Iterator[Outcome]:
    """A report a file, in the order of the names; the file's name is the id, the folder's the patient."""
    empty = True
    for file in _text_files(source) if source.is_dir() else [source]:
        empty = False
        if isinstance(file, ReportError):
            yield file
            continue
        patient = file.parent.name if _PATIENT_FOLDER.fullmatch(file.parent.name) else None
        for number, outcome in enumerate(read_reports(file)):
            if isinstance(outcome, Report):
                name = file.stem if number == 0 else f"{file.stem}-{number + 1}"
                outcome = outcome.model_copy(update={"id": name, "patient": patient})
            yield outcome
    if empty:
        yield ReportError("holds no .txt file", source=str(source))


def _text_files(folder: Path) -> Iterator[Path | ReportError]:
    """Text files below a folder, one folder's names in memory at a time; a folder that cannot be read is an error."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield ReportError(f"cannot be read: {error.strerror or error}", source=str(folder))
        return
    for entry in entries:
        if entry.is_dir():
            yield from _text_files(entry)
        elif entry.suffix.lower() == ".txt":
            yield entry
