"""How far readers agree: on the rating, on each dimension, on who wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Literal

import numpy as np

from coarse2fine.evals.study.key import StudyKey
from coarse2fine.evals.study.measures import Level, Undefined, alpha, cohen, counts_of, fleiss
from coarse2fine.evals.study.ratings import RATING_ORDER, Judgement
from coarse2fine.evals.study.records import Frozen
from coarse2fine.reports import Dimensions

__all__ = ["Agreement", "agreement"]

ONE_READER = "not defined with one reader"
_SCALE = tuple(str(value) for value in range(1, 6))

Measure = Literal["percent agreement", "Cohen's kappa", "Fleiss' kappa", "Krippendorff's alpha"]


class Agreement(Frozen):
    """One measure.

    Args:
        of: rating, source_guess or a dimension.
        value: None where it is not defined; `reason` says why.
        low, high: 95 % bootstrap interval over items, of alpha only.
        items: that it was measured on.
        level: of alpha.
    """

    measure: Measure
    of: str
    readers: tuple[str, ...]
    items: int
    value: float | None
    low: float | None = None
    high: float | None = None
    level: Level | None = None
    reason: str = ""


def agreement(key: StudyKey, judgements: Sequence[Judgement]) -> tuple[Agreement, ...]:
    """All measures of a study.

    Of the rating: percent agreement and Cohen's kappa of each pair of readers, Fleiss' kappa over the items that all
    readers rated, Krippendorff's alpha (ordinal). Of the guess of the source: the same with nominal alpha. Of each
    dimension: ordinal alpha. With one reader each is there, undefined, with the reason.
    """
    return (
        *_of(key, judgements, "rating", RATING_ORDER, "ordinal"),
        *_of(key, judgements, "source_guess", ("human", "machine"), "nominal"),
        *(_alpha(key, judgements, name, _SCALE, "ordinal") for name in Dimensions.model_fields),
    )


def _of(
    key: StudyKey, judgements: Sequence[Judgement], name: str, values: Sequence[str], level: Level
) -> Iterator[Agreement]:
    table = _table(judgements, name)
    for pair in combinations(key.readers, 2):
        yield from _pair(table, name, pair)
    yield _fleiss(key, table, name, values)
    yield _alpha(key, judgements, name, values, level)


def _table(judgements: Sequence[Judgement], name: str) -> dict[str, dict[str, str]]:
    """Item → reader → value, of those that were given."""
    table: dict[str, dict[str, str]] = {}
    for judgement in judgements:
        value = getattr(judgement, name)
        if value is not None:
            table.setdefault(judgement.item, {})[judgement.reader] = str(value)
    return table


def _pair(table: dict[str, dict[str, str]], name: str, pair: tuple[str, str]) -> Iterator[Agreement]:
    both = [given for given in table.values() if all(reader in given for reader in pair)]
    first, second = ([given[reader] for given in both] for reader in pair)
    same = float(np.mean([a == b for a, b in zip(first, second, strict=True)])) if both else None
    reason = "" if both else "no item was rated by two readers"
    yield Agreement(measure="percent agreement", of=name, readers=pair, items=len(both), value=same, reason=reason)
    yield _measured("Cohen's kappa", name, pair, len(both), lambda: (cohen(first, second), None, None))


def _fleiss(key: StudyKey, table: dict[str, dict[str, str]], name: str, values: Sequence[str]) -> Agreement:
    whole = [list(given.values()) for given in table.values() if len(given) == len(key.readers)]
    counts = counts_of(whole, values)
    return _measured("Fleiss' kappa", name, key.readers, len(whole), lambda: (fleiss(counts), None, None))


def _alpha(key: StudyKey, judgements: Sequence[Judgement], name: str, values: Sequence[str], level: Level) -> Agreement:
    shared = [list(given.values()) for given in _table(judgements, name).values() if len(given) > 1]
    counts = counts_of(shared, values)
    found = _measured(
        "Krippendorff's alpha", name, key.readers, len(shared), lambda: alpha(counts, level, seed=key.seed % 2**32)
    )
    return found.model_copy(update={"level": level})


def _measured(
    measure: Measure,
    name: str,
    readers: tuple[str, ...],
    items: int,
    compute: Callable[[], tuple[float, float | None, float | None]],
) -> Agreement:
    if len(readers) < 2:
        return Agreement(measure=measure, of=name, readers=readers, items=items, value=None, reason=ONE_READER)
    try:
        value, low, high = compute()
    except Undefined as error:
        return Agreement(measure=measure, of=name, readers=readers, items=items, value=None, reason=str(error))
    return Agreement(measure=measure, of=name, readers=readers, items=items, value=value, low=low, high=high)
