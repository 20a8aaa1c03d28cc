"""What a collection of reports looks like, in counts only: nothing of any report's text is kept but exam titles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from coarse2fine.reports.errors import ReportError
from coarse2fine.reports.report import Report

__all__ = ["MAX_EXAMS", "Statistics", "WordCounts", "statistics"]

MAX_EXAMS = 1_000
"""Different exam titles that are counted apart; the rest is counted as "other", so that memory stays flat."""

_AGE_BANDS = ((17, "0-17"), (39, "18-39"), (64, "40-64"), (79, "65-79"), (125, "80+"))


class WordCounts(BaseModel):
    """Lengths in words (separated by white space); zero where there are no texts."""

    model_config = ConfigDict(frozen=True)

    mean: float
    median: float


class Statistics(BaseModel):
    """Counts over a collection of reports.

    Args:
        reports: reports that were read.
        rejected: records that were not; rejected_fields: by the field that was wrong, "" where it was no single one.
        findings: lengths of findings; impression: of impressions, where there are any.
        length_ratio: mean over reports of findings words to impression words (paper, section 3, counts tokens of both
            and finds 7.57); None without impressions.
        with_impression: share of reports that have one, 0 to 1.
        exams, sexes, ages: reports by exam title in lower case, by sex and by age band; "unknown" where not given.
    """

    model_config = ConfigDict(frozen=True)

    reports: int
    rejected: int
    rejected_fields: dict[str, int]
    findings: WordCounts
    impression: WordCounts
    length_ratio: float | None
    with_impression: float
    exams: dict[str, int]
    sexes: dict[str, int]
    ages: dict[str, int]


def statistics(outcomes: Iterable[Report | ReportError]) -> Statistics:
    """Count reports as they come from `read_reports`, one at a time: memory does not grow with their number."""
    tally = _Tally()
    for outcome in outcomes:
        if isinstance(outcome, ReportError):
            tally.rejected_fields[outcome.field] += 1
        else:
            tally.add(outcome)
    return tally.statistics()


@dataclass
class _Tally:
    """Running counts. Lengths are histograms, so that the median is exact and the memory bounded."""

    rejected_fields: Counter[str] = field(default_factory=Counter)
    findings: Counter[int] = field(default_factory=Counter)
    impression: Counter[int] = field(default_factory=Counter)
    exams: Counter[str] = field(default_factory=Counter)
    sexes: Counter[str] = field(default_factory=Counter)
    ages: Counter[str] = field(default_factory=Counter)
    ratios: float = 0.0

    def add(self, report: Report) -> None:
        words = len(report.findings.split())
        self.findings[words] += 1
        if summary := len((report.impression or "").split()):
            self.impression[summary] += 1
            self.ratios += words / summary
        exam = " ".join(report.exam.lower().split()) or "unknown"
        self.exams[exam if exam in self.exams or len(self.exams) < MAX_EXAMS else "other"] += 1
        self.sexes[report.sex or "unknown"] += 1
        self.ages[_age_band(report.age)] += 1

    def statistics(self) -> Statistics:
        reports, impressions = self.findings.total(), self.impression.total()
        return Statistics(
            reports=reports,
            rejected=self.rejected_fields.total(),
            rejected_fields=dict(self.rejected_fields.most_common()),
            findings=_word_counts(self.findings),
            impression=_word_counts(self.impression),
            length_ratio=self.ratios / impressions if impressions else None,
            with_impression=impressions / reports if reports else 0.0,
            exams=dict(self.exams.most_common()),
            sexes=dict(self.sexes.most_common()),
            ages={band: self.ages[band] for band in [*(name for _, name in _AGE_BANDS), "unknown"] if self.ages[band]},
        )


def _age_band(age: int | None) -> str:
    return "unknown" if age is None else next(band for oldest, band in _AGE_BANDS if age <= oldest)


def _word_counts(histogram: Counter[int]) -> WordCounts:
    total = histogram.total()
    if not total:
        return WordCounts(mean=0.0, median=0.0)
    mean = sum(words * times for words, times in histogram.items()) / total
    lower, upper = (_ranked(histogram, rank) for rank in ((total - 1) // 2, total // 2))
    return WordCounts(mean=mean, median=(lower + upper) / 2)


def _ranked(histogram: Counter[int], rank: int) -> int:
    """The value at a rank, from 0, of all values in order."""
    seen = 0
    for words in sorted(histogram):
        seen += histogram[words]
        if seen > rank:
            return words
    raise IndexError(rank)
