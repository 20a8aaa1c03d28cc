"""What a collection of reports looks like, in counts only: nothing of any report's text is kept but exam titles."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from coarse2fine.reports.errors import ReportError
from coarse2fine.reports.report import Report

__all__ = ["MAX_EXAMS", "Lengths", "Statistics", "WordCounts", "age_band", "statistics"]

MAX_EXAMS = 1_000
"""Different exam titles that are counted apart; the rest is counted as "other", so that memory stays flat."""

_AGE_BANDS = ((17, "0-17"), (39, "18-39"), (64, "40-64"), (79, "65-79"), (125, "80+"))


class WordCounts(BaseModel):
    """Lengths in words (separated by white space); zero where there are no texts.

    Args:
        total: words of all texts.
        deciles: the shortest, the lengths that 10, 20, … 90 % of texts do not exceed, the longest; empty without texts.
    """

    model_config = ConfigDict(frozen=True)

    mean: float
    median: float
    total: int
    deciles: tuple[int, ...]


class Lengths(BaseModel):
    """Mean lengths of one group of reports; of impressions and ratio, over those that have one, None where none has."""

    model_config = ConfigDict(frozen=True)

    reports: int
    findings: float
    impression: float | None
    length_ratio: float | None


class Statistics(BaseModel):
    """Counts over a collection of reports.

    Args:
        reports: reports that were read.
        rejected: records that were not; rejected_fields: by the field that was wrong, "" where it was no single one.
        findings: lengths of findings; impression: of impressions, where there are any.
        length_ratio: mean over reports of findings words to impression words (paper, section 3, counts tokens of both
            and finds 7.57); None without impressions.
        with_impression: share of reports that have one, 0 to 1.
        ratio_deciles: of the same ratios, to 0.01: the smallest, what 10, 20, … 90 % do not exceed, the greatest.
        lengths_by_sex, lengths_by_age: mean lengths apart.
        exams, sexes, ages: reports by exam title in lower case, by sex and by age band; "unknown" where not given.
    """

    model_config = ConfigDict(frozen=True)

    reports: int
    rejected: int
    rejected_fields: dict[str, int]
    findings: WordCounts
    impression: WordCounts
    length_ratio: float | None
    ratio_deciles: tuple[float, ...]
    with_impression: float
    exams: dict[str, int]
    sexes: dict[str, int]
    ages: dict[str, int]
    lengths_by_sex: dict[str, Lengths]
    lengths_by_age: dict[str, Lengths]


def age_band(age: int | None) -> str:
    """The band that an age in years belongs to, or "unknown"."""
    return "unknown" if age is None else next(band for oldest, band in _AGE_BANDS if age <= oldest)


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
class _Sums:
    """Sums over one group of reports."""

    reports: int = 0
    findings: int = 0
    with_impression: int = 0
    impression: int = 0
    ratios: float = 0.0

    def add(self, findings: int, impression: int) -> None:
        self.reports += 1
        self.findings += findings
        if impression:
            self.with_impression += 1
            self.impression += impression
            self.ratios += findings / impression

    def lengths(self) -> Lengths:
        paired = self.with_impression
        return Lengths(
            reports=self.reports,
            findings=self.findings / self.reports,
            impression=self.impression / paired if paired else None,
            length_ratio=self.ratios / paired if paired else None,
        )


@dataclass
class _Tally:
    """Running counts. Lengths are histograms, so that the median is exact and the memory bounded."""

    rejected_fields: Counter[str] = field(default_factory=Counter)
    findings: Counter[int] = field(default_factory=Counter)
    impression: Counter[int] = field(default_factory=Counter)
    exams: Counter[str] = field(default_factory=Counter)
    hundredths: Counter[int] = field(default_factory=Counter)
    all: _Sums = field(default_factory=_Sums)
    by_sex: defaultdict[str, _Sums] = field(default_factory=lambda: defaultdict(_Sums))
    by_age: defaultdict[str, _Sums] = field(default_factory=lambda: defaultdict(_Sums))

    def add(self, report: Report) -> None:
        words = len(report.findings.split())
        self.findings[words] += 1
        if summary := len((report.impression or "").split()):
            self.impression[summary] += 1
            self.hundredths[round(100 * words / summary)] += 1
        exam = " ".join(report.exam.lower().split()) or "unknown"
        self.exams[exam if exam in self.exams or len(self.exams) < MAX_EXAMS else "other"] += 1
        for sums in (self.all, self.by_sex[report.sex or "unknown"], self.by_age[age_band(report.age)]):
            sums.add(words, summary)

    def statistics(self) -> Statistics:
        reports, impressions = self.all.reports, self.all.with_impression
        sexes = Counter({sex: sums.reports for sex, sums in self.by_sex.items()})
        bands = [band for band in (*(name for _, name in _AGE_BANDS), "unknown") if band in self.by_age]
        return Statistics(
            reports=reports,
            rejected=self.rejected_fields.total(),
            rejected_fields=dict(self.rejected_fields.most_common()),
            findings=_word_counts(self.findings),
            impression=_word_counts(self.impression),
            length_ratio=self.all.ratios / impressions if impressions else None,
            ratio_deciles=tuple(ratio / 100 for ratio in _deciles(self.hundredths)),
            with_impression=impressions / reports if reports else 0.0,
            exams=dict(self.exams.most_common()),
            sexes=dict(sexes.most_common()),
            ages={band: self.by_age[band].reports for band in bands},
            lengths_by_sex={sex: self.by_sex[sex].lengths() for sex, _ in sexes.most_common()},
            lengths_by_age={band: self.by_age[band].lengths() for band in bands},
        )


def _word_counts(histogram: Counter[int]) -> WordCounts:
    total = histogram.total()
    if not total:
        return WordCounts(mean=0.0, median=0.0, total=0, deciles=())
    words = sum(length * times for length, times in histogram.items())
    lower, upper = (_ranked(histogram, rank) for rank in ((total - 1) // 2, total // 2))
    return WordCounts(mean=words / total, median=(lower + upper) / 2, total=words, deciles=_deciles(histogram))


def _deciles(histogram: Counter[int]) -> tuple[int, ...]:
    """Nearest-rank deciles with the extremes: 11 values, none where there is nothing."""
    total = histogram.total()
    return tuple(_ranked(histogram, max(0, -(-tenth * total // 10) - 1)) for tenth in range(11)) if total else ()


def _ranked(histogram: Counter[int], rank: int) -> int:
    """The value at a rank, from 0, of all values in order."""
    seen = 0
    for words in sorted(histogram):
        seen += histogram[words]
        if seen > rank:
            return words
    raise IndexError(rank)
