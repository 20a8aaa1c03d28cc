"""A collection of reports made fit for training: one form, no report twice, none without a pair of texts.

The paper's data are pairs of findings and impression (section 3, "Data exploration"); what is no pair is left out and
counted by reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from coarse2fine.reports.errors import NoFindings, ReportError
from coarse2fine.reports.hashes import KEY_BITS, VALUE_BITS, HashTable
from coarse2fine.reports.normalise import fingerprint, normalised, plain_words, verbatim_words
from coarse2fine.reports.report import Report
from coarse2fine.reports.tables import Outcome

__all__ = ["Collected", "Collection", "Reason", "report_line"]

_encoded = json.JSONEncoder(ensure_ascii=False).encode

Reason = Literal["no findings", "no impression", "exact duplicate", "near duplicate"]
"""Why a report that could be read is left out. A duplicate is exact where findings and impression are word for word
those of the report that was kept, near where they differ in case, spacing, bullets or punctuation only."""


class Collected(BaseModel):
    """What became of the records of a collection.

    Args:
        read: records that were there: kept, left out and rejected.
        kept: reports that go on.
        left_out: the others that could be read, by reason.
        rejected: records that cannot be read; rejected_fields: by the field that was wrong, "" where it was none.
        with_patient: kept reports that name their patient (by an opaque id).
    """

    model_config = ConfigDict(frozen=True)

    read: int
    kept: int
    left_out: dict[Reason, int]
    rejected: int
    rejected_fields: dict[str, int]
    with_patient: int


@dataclass
class Collection:
    """Goes through records one at a time; a hash of 8 bytes is all that is kept of a report."""

    _kept: HashTable = field(default_factory=HashTable)
    _counts: Counter[str] = field(default_factory=Counter)
    _left_out: Counter[Reason] = field(default_factory=Counter)
    _rejected: Counter[str] = field(default_factory=Counter)

    def select(self, outcomes: Iterable[Outcome]) -> Iterator[Report | ReportError]:
        """The reports that are kept, in one form, and the errors of records that cannot be read; all are counted."""
        for outcome in outcomes:
            self._counts["read"] += 1
            if isinstance(outcome, NoFindings):
                self._left_out["no findings"] += 1
            elif isinstance(outcome, ReportError):
                self._rejected[outcome.field] += 1
                yield outcome
            elif (reason := self._reason(report := normalised(outcome))) is not None:
                self._left_out[reason] += 1
            else:
                self._counts["kept"] += 1
                self._counts["with_patient"] += report.patient is not None
                yield report

    def collected(self) -> Collected:
        """The counts so far."""
        return Collected(
            read=self._counts["read"],
            kept=self._counts["kept"],
            left_out=dict(self._left_out.most_common()),
            rejected=self._rejected.total(),
            rejected_fields=dict(self._rejected.most_common()),
            with_patient=self._counts["with_patient"],
        )

    def _reason(self, report: Report) -> Reason | None:
        if not report.impression:
            return "no impression"
        words = fingerprint(f"{plain_words(report.findings)}\0{plain_words(report.impression)}")
        exact = fingerprint(verbatim_words(report.findings, report.impression)) >> (64 - VALUE_BITS)
        first = self._kept.first(words >> (64 - KEY_BITS), exact)
        if first is None:
            return None
        return "exact duplicate" if first == exact else "near duplicate"


def report_line(report: Report) -> str:
    """The report as one line of JSON, as `read_reports` reads it; fields that hold nothing are left out."""
    held = {name: value for name, value in report.model_dump().items() if value not in (None, "")}
    return _encoded({"id": held.pop("id"), **held}) + "\n"
