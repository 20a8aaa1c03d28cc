"""Lots: which rows become items, who rates them, in which order. From the seed alone, not from a row's place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from coarse2fine.evals.study.key import Design, Source
from coarse2fine.reports import InputError

__all__ = ["assign", "draw", "lot", "order"]

_BITS = 256


def lot(seed: int, *words: str) -> int:
    """A number below 2**256 that the seed gives these words: the same on every machine and Python."""
    text = "\x1f".join((str(seed), *words))
    return int.from_bytes(hashlib.sha256(text.encode()).digest())


def _shuffled(ids: Iterable[str], seed: int, *words: str) -> list[str]:
    return sorted(ids, key=lambda name: lot(seed, *words, name))


def draw(
    generated: Sequence[str], original: Sequence[str], wanted: Mapping[Source, int], seed: int, design: Design
) -> dict[Source, list[str]]:
    """Ids of the reports whose generated and whose original impressions are shown.

    In the independent design no report is drawn for both; in the paired one the originals are drawn among the reports
    whose generated impression was drawn.

    Raises:
        InputError: there are not as many rows as are wanted; says how many there are.
    """
    given: dict[Source, Sequence[str]] = {"generated": generated, "original": original}
    for source, ids in given.items():
        if len(ids) < wanted[source]:
            message = (
                f"{len(ids):,} {source} rows for {wanted[source]:,} items: give more rows or --{source} {len(ids)}"
            )
            raise InputError(message)
    return (_draw_paired if design == "paired" else _draw_apart)(generated, original, wanted, seed)


def _draw_apart(
    generated: Sequence[str], original: Sequence[str], wanted: Mapping[Source, int], seed: int
) -> dict[Source, list[str]]:
    both = set(generated) & set(original)
    if len(set(generated) | set(original)) < wanted["generated"] + wanted["original"]:
        raise InputError(
            f"{len(both):,} reports stand in both files and none is shown twice: too few are left for "
            f"{wanted['generated']:,} generated and {wanted['original']:,} original items; ask for fewer, or --paired"
        )
    spare = len(generated) - wanted["generated"]
    originals: list[str] = []
    for name in _shuffled(original, seed, "draw", "original"):
        if len(originals) < wanted["original"] and (name not in both or spare > 0):
            originals.append(name)
            spare -= name in both
    rest = set(generated) - set(originals)
    return {
        "generated": _shuffled(rest, seed, "draw", "generated")[: wanted["generated"]],
        "original": originals,
    }


def _draw_paired(
    generated: Sequence[str], original: Sequence[str], wanted: Mapping[Source, int], seed: int
) -> dict[Source, list[str]]:
    both = _shuffled(set(generated) & set(original), seed, "draw", "pairs")
    if len(both) < wanted["original"] or wanted["original"] > wanted["generated"]:
        raise InputError(
            f"{len(both):,} reports stand in both files: a paired study needs {wanted['original']:,}, and at least "
            "as many generated items as original ones"
        )
    pairs = both[: wanted["original"]]
    rest = _shuffled(set(generated) - set(pairs), seed, "draw", "generated")
    return {"generated": [*pairs, *rest][: wanted["generated"]], "original": pairs}


def assign(
    items: Mapping[Source, Sequence[str]], readers: Sequence[str], overlap: float, seed: int
) -> dict[str, tuple[str, ...]]:
    """Item id → who rates it.

    A share `overlap` of each source's items goes to every reader; the others are dealt one by one, so that readers
    have equally many (give or take one) of each source.
    """
    given: dict[str, tuple[str, ...]] = {}
    turn = 0
    for source, ids in items.items():
        shuffled = _shuffled(ids, seed, "assign", source)
        shared = round(overlap * len(shuffled))
        given.update(dict.fromkeys(shuffled[:shared], tuple(readers)))
        for name in shuffled[shared:]:
            given[name] = (readers[turn % len(readers)],)
            turn += 1
    return given


def order(reports: Mapping[str, str], reader: str, seed: int) -> list[str]:
    """Item ids (keys of `reports`, item id → report id) in the order in which a reader sees them.

    Two items of one report stand half a list apart, either first.
    """
    by_report: dict[str, list[str]] = {}
    for item, report in reports.items():
        by_report.setdefault(report, []).append(item)
    places: dict[str, int] = {}
    for report, items in by_report.items():
        first = lot(seed, "place", reader, report)
        step = (1 << _BITS) // len(items)
        for number, item in enumerate(_shuffled(items, seed, "first", reader)):
            places[item] = first // len(items) + number * step
    return sorted(places, key=places.__getitem__)
