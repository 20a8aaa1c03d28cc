"""`coarse2fine study analyze`: what the ratings of a reader study come to (paper, 5.2 and figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Literal, NamedTuple

import numpy as np

from coarse2fine.evals.study.agreement import Agreement, agreement
from coarse2fine.evals.study.key import Design, Source, StudyKey
from coarse2fine.evals.study.measures import (
    Needed,
    Share,
    Tested,
    difference_interval,
    holm,
    power_of,
    rank_sum,
    sample_size,
    share,
    signed_rank,
)
from coarse2fine.evals.study.ratings import RATING_ORDER, Judgement, Settled, settle
from coarse2fine.evals.study.records import Frozen
from coarse2fine.reports import Dimensions, InputError, Rating

__all__ = ["Counts", "DimensionFigures", "Guesses", "StudyFigures", "analyze_study"]

SOURCES: tuple[Source, ...] = ("generated", "original")
DIMENSIONS = tuple(Dimensions.model_fields)
_POWERS = (0.8, 0.9)


class Counts(Frozen):
    """Items of one source.

    Args:
        items: in the key; unrated: by nobody so far; excluded: readers disagree and nothing settled it.
        good: neutral or positive over all rated items, the excluded ones among them: the paper's figure (145 + 14 of
            200, 79.5 %); good_of_evaluated: over those that were not excluded.
    """

    items: int
    unrated: int
    positive: int
    neutral: int
    negative: int
    excluded: int
    good: Share | None
    good_of_evaluated: Share | None


class Mean(Frozen):
    """Mean and standard deviation over items; an item's value is the mean of its readers'."""

    items: int
    mean: float | None
    deviation: float | None


class DimensionFigures(Frozen):
    """One dimension, 1 to 5, over items that were not excluded.

    Args:
        by_rating: rating → mean over the items with it, as in figure 5, by source.
        test: rank-sum where no report was shown twice, signed-rank over pairs where each original was.
        tested: pairs, or items of both groups; p_holm: corrected over the five dimensions.
    """

    name: str
    by_source: dict[Source, Mean]
    by_rating: dict[Source, dict[Rating, Mean]]
    test: Literal["rank-sum", "signed-rank"]
    tested: int
    statistic: float | None
    p: float | None
    p_holm: float | None
    reason: str = ""


class Guesses(Frozen):
    """Whether readers could tell who wrote a text; each guess counts, several of one item too.

    Args:
        right: share of right guesses; chance: what the same numbers of guesses would get with no idea.
        machine: by source, the share that was taken for a machine's; difference: generated minus original, with its
            95 % interval. Readers who cannot tell take both for a machine's equally often.
        held: whether that interval holds 0; None where it is not known.
        by_reader: reader → share of right guesses.
    """

    right: Share | None
    chance: float | None
    machine: dict[Source, Share | None]
    difference: float | None
    low: float | None
    high: float | None
    held: bool | None
    by_reader: dict[str, Share]


class Seconds(Frozen):
    """Time to edit: ratings that tell it, median and quartiles, in seconds."""

    ratings: int
    median: float | None
    lower: float | None
    upper: float | None


class Planning(Frozen):
    """Shares of neutral or positive compared, and what the next study needs.

    Args:
        difference: of the shares, generated minus original, of evaluated items, with its 95 % interval.
        power: of this study to see the difference that it found.
        needed: to see that difference, and to see one of the size asked for below the originals' share.
    """

    difference: float | None
    low: float | None
    high: float | None
    power: float | None
    needed: tuple[Needed, ...]


class Comment(Frozen):
    """Free text on an item."""

    item: str
    source: Source
    reader: str
    comment: str


class StudyFigures(Frozen):
    """Everything that a study comes to. `evaluated`: items that were rated and not excluded (the paper's 289)."""

    study: str
    design: Design
    readers: tuple[str, ...]
    ratings: int
    missing: dict[str, int]
    evaluated: int
    disputed: int
    unresolved: tuple[str, ...]
    counts: dict[Source, Counts]
    by_reader: dict[str, dict[Source, dict[Rating, int]]]
    dimensions: tuple[DimensionFigures, ...]
    agreement: tuple[Agreement, ...]
    guesses: Guesses
    edit_seconds: dict[Source, Seconds]
    planning: Planning
    comments: tuple[Comment, ...]


def analyze_study(
    key: StudyKey, judgements: Sequence[Judgement], settled: Sequence[Settled] | None = None, *, detect: float = 0.1
) -> StudyFigures:
    """All figures of a study.

    Args:
        judgements: as `gather` checked them.
        settled: items with their one rating; by the rule of `settle` where it is None.
        detect: the difference of shares that the next study should see, 0 to 1.

    Raises:
        InputError: `detect` is not between 0 and 1.
        MissingExtra: scipy, statsmodels or krippendorff is not installed.
    """
    if not 0 < detect < 1:
        raise InputError(f"a difference of shares lies between 0 and 1, not at {detect}")
    items = tuple(settle(key, judgements) if settled is None else settled)
    sources = {item.id: item.source for item in key.items}
    counts = {source: _counts(key, items, source) for source in SOURCES}
    return StudyFigures(
        study=key.study,
        design=key.design,
        readers=key.readers,
        ratings=len(judgements),
        missing=_missing(key, judgements),
        evaluated=sum(item.rating is not None for item in items),
        disputed=sum(item.disputed for item in items),
        unresolved=tuple(item.item.id for item in items if item.rating is None),
        counts=counts,
        by_reader={reader: _by_reader(judgements, sources, reader) for reader in key.readers},
        dimensions=_dimensions(items, key.design),
        agreement=agreement(key, judgements),
        guesses=_guesses(judgements, sources, key.readers),
        edit_seconds={source: _seconds(judgements, sources, source) for source in SOURCES},
        planning=_planning(counts, detect),
        comments=tuple(
            Comment(item=given.item, source=sources[given.item], reader=given.reader, comment=given.comment)
            for given in judgements
            if given.comment
        ),
    )


def _counts(key: StudyKey, items: Sequence[Settled], source: Source) -> Counts:
    mine = [item.rating for item in items if item.item.source == source]
    by_rating = {rating: mine.count(rating) for rating in RATING_ORDER}
    good, excluded = by_rating["neutral"] + by_rating["positive"], mine.count(None)
    total = sum(item.source == source for item in key.items)
    return Counts(
        items=total,
        unrated=total - len(mine),
        positive=by_rating["positive"],
        neutral=by_rating["neutral"],
        negative=by_rating["negative"],
        excluded=excluded,
        good=share(good, len(mine)),
        good_of_evaluated=share(good, len(mine) - excluded),
    )


def _missing(key: StudyKey, judgements: Sequence[Judgement]) -> dict[str, int]:
    """Reader → items that the reader was given and did not rate."""
    return {
        reader: sum(reader in item.readers for item in key.items) - sum(given.reader == reader for given in judgements)
        for reader in key.readers
    }


def _by_reader(
    judgements: Sequence[Judgement], sources: dict[str, Source], reader: str
) -> dict[Source, dict[Rating, int]]:
    ratings = [(sources[given.item], given.rating) for given in judgements if given.reader == reader]
    return {source: {rating: ratings.count((source, rating)) for rating in RATING_ORDER} for source in SOURCES}


def _dimensions(items: Sequence[Settled], design: Design) -> tuple[DimensionFigures, ...]:
    evaluated = [item for item in items if item.rating is not None]
    tests = [_tested(evaluated, name, design) for name in DIMENSIONS]
    corrected = holm([test.p for _, test in tests])
    return tuple(
        DimensionFigures(
            name=name,
            by_source={source: _mean(evaluated, name, source) for source in SOURCES},
            by_rating={
                source: {
                    rating: _mean([item for item in evaluated if item.rating == rating], name, source)
                    for rating in RATING_ORDER
                }
                for source in SOURCES
            },
            test="signed-rank" if design == "paired" else "rank-sum",
            tested=number,
            statistic=test.statistic,
            p=test.p,
            p_holm=p_holm,
            reason=test.reason,
        )
        for name, (number, test), p_holm in zip(DIMENSIONS, tests, corrected, strict=True)
    )


def _value(item: Settled, name: str) -> float | None:
    given = [value for judgement in item.judgements if (value := getattr(judgement, name)) is not None]
    return fmean(given) if given else None


def _values(items: Sequence[Settled], name: str, source: Source) -> dict[str, float]:
    """Report id → value of its item of this source."""
    found = {item.item.report: _value(item, name) for item in items if item.item.source == source}
    return {report: value for report, value in found.items() if value is not None}


def _mean(items: Sequence[Settled], name: str, source: Source) -> Mean:
    values = list(_values(items, name, source).values())
    return Mean(
        items=len(values),
        mean=fmean(values) if values else None,
        deviation=stdev(values) if len(values) > 1 else None,
    )


def _tested(items: Sequence[Settled], name: str, design: Design) -> tuple[int, Tested]:
    generated, original = (_values(items, name, source) for source in SOURCES)
    if design == "independent":
        return len(generated) + len(original), rank_sum([*generated.values()], [*original.values()])
    pairs = sorted(generated.keys() & original.keys())
    return len(pairs), signed_rank([generated[report] for report in pairs], [original[report] for report in pairs])


def _guesses(judgements: Sequence[Judgement], sources: dict[str, Source], readers: Sequence[str]) -> Guesses:
    given = [
        _Guess(one.reader, sources[one.item], one.source_guess == "machine")
        for one in judgements
        if one.source_guess is not None
    ]
    machine = {source: _part([one.machine for one in given if one.source == source]) for source in SOURCES}
    by_reader = {reader: _part([one.right for one in given if one.reader == reader]) for reader in readers}
    told, others = machine["generated"], machine["original"]
    low, high = difference_interval(told, others) if told and others else (None, None)
    return Guesses(
        right=_part([one.right for one in given]),
        chance=_chance(given),
        machine=machine,
        difference=told.value - others.value if told and others else None,
        low=low,
        high=high,
        held=low <= 0 <= high if low is not None and high is not None else None,
        by_reader={reader: found for reader, found in by_reader.items() if found is not None},
    )


class _Guess(NamedTuple):
    reader: str
    source: Source
    machine: bool

    @property
    def right(self) -> bool:
        return (self.source == "generated") == self.machine


def _part(hits: Sequence[bool]) -> Share | None:
    return share(sum(hits), len(hits))


def _chance(given: Sequence[_Guess]) -> float | None:
    if not given:
        return None
    generated = fmean(one.source == "generated" for one in given)
    machine = fmean(one.machine for one in given)
    return generated * machine + (1 - generated) * (1 - machine)


def _seconds(judgements: Sequence[Judgement], sources: dict[str, Source], source: Source) -> Seconds:
    times = [one.edit_seconds for one in judgements if one.edit_seconds is not None and sources[one.item] == source]
    if not times:
        return Seconds(ratings=0, median=None, lower=None, upper=None)
    lower, median, upper = (float(value) for value in np.quantile(times, [0.25, 0.5, 0.75]))
    return Seconds(ratings=len(times), median=median, lower=lower, upper=upper)


def _planning(counts: dict[Source, Counts], detect: float) -> Planning:
    generated, original = (counts[source].good_of_evaluated for source in SOURCES)
    if generated is None or original is None:
        return Planning(difference=None, low=None, high=None, power=None, needed=())
    low, high = difference_interval(generated, original)
    ratio = counts["original"].items / counts["generated"].items
    wanted = [(generated.value, original.value), (max(original.value - detect, 0.0), original.value)]
    needed = []
    for first, second in wanted:
        for power in _POWERS:
            sizes = sample_size(first, second, power, ratio)
            if sizes is not None:
                needed.append(Needed(difference=first - second, power=power, generated=sizes[0], original=sizes[1]))
    return Planning(
        difference=generated.value - original.value,
        low=low,
        high=high,
        power=power_of(generated.value, original.value, (generated.total, original.total)),
        needed=tuple(needed),
    )
