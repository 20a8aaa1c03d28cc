"""Readers' ratings: read, checked against the key, and settled where readers disagree."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, model_validator

from coarse2fine.evals.study.key import KeyItem, StudyKey
from coarse2fine.evals.study.label_studio import annotation_rows
from coarse2fine.evals.study.records import Frozen, Placed, all_good, json_rows, placed, refuse
from coarse2fine.reports import Dimensions, InputError, Rating, ReportError
from coarse2fine.reports.lines import not_utf8, read_lines

__all__ = [
    "COLUMNS",
    "RATING_ORDER",
    "Judgement",
    "Keep",
    "Settled",
    "gather",
    "read_ratings",
    "read_resolved",
    "settle",
]

RATING_ORDER: tuple[Rating, ...] = ("negative", "neutral", "positive")
Keep = Literal["refuse", "last"]
_PLACE = frozenset({"study", "item", "reader"})


class _Answers(Frozen):
    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: object) -> object:
        return _stripped(values) if isinstance(values, dict) else values


def _stripped(values: Mapping[str, object]) -> dict[str, object]:
    """Values without white space around them, blanks left out, words that are chosen from a list in lower case."""
    found = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    return {
        name: value.lower() if name in ("rating", "source_guess") and isinstance(value, str) else value
        for name, value in found.items()
        if value not in ("", None)
    }


class Judgement(_Answers, Dimensions):
    """What one reader says of one item; the five dimensions of the paper from 1 (worst) to 5 (best).

    Args:
        study: of the reader's files; "" where it was not kept.
        rating: against what the reader would have written: better (positive), as good (neutral), worse (negative).
            The paper's readers compare with the original impression, which would tell a blinded reader the source.
        source_guess: who the reader thinks wrote it.
        edit_seconds: what it took to edit the text until the reader would sign it.
        comment: free text.
    """

    study: str = ""
    item: str
    reader: str
    rating: Rating
    source_guess: Literal["human", "machine"] | None = None
    edit_seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    comment: str = ""


class _Resolved(_Answers):
    item: str
    rating: Rating


COLUMNS = (
    *("study", "item", "reader", "rating"),
    *Dimensions.model_fields,
    *("source_guess", "edit_seconds", "comment"),
)
"""Columns of the sheet that readers fill in."""

Model = TypeVar("Model", bound=_Answers)


def _read(path: Path, model: type[Model], place: frozenset[str]) -> list[Placed[Model]]:
    readers = {".csv": _csv_rows, ".tsv": _csv_rows, ".jsonl": json_rows, ".json": annotation_rows}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: ratings are .csv, .jsonl (JSON lines) or .json (a Label Studio export)")

    def outcomes() -> Iterator[Placed[Model] | ReportError]:
        for found in readers[path.suffix.lower()](path):
            if isinstance(found, ReportError):
                yield found
            elif not _stripped(found[1]).keys() <= place:
                yield from placed(found[1], model, str(path), found[0])

    return all_good(outcomes())


def read_ratings(path: Path) -> list[Placed[Judgement]]:
    """Ratings of a CSV (row 1 stands below the header), of JSON lines or of a Label Studio export (.json).

    A row with no answer at all is not rated yet and is passed over.

    Raises:
        InputError: the file cannot be read, or a row is wrong; each is named by row and field.
    """
    return _read(path, Judgement, _PLACE)


def read_resolved(path: Path) -> list[Placed[_Resolved]]:
    """Ratings that readers agreed upon afterwards: item and rating, CSV or JSON lines.

    Raises:
        InputError: as `read_ratings`.
    """
    return _read(path, _Resolved, frozenset({"item"}))


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, object]] | ReportError]:
    source = str(path)
    try:
        with path.open("rb") as file:
            lines = list(read_lines(file, source))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    fault = next((line.fault for line in lines if line.fault is not None), None)
    if fault is not None:
        raise ReportError(not_utf8(fault), source=source)
    texts = [line.text for line in lines]
    if not texts or not texts[0].strip():
        raise ReportError("has no header", source=source)
    reader = csv.reader(texts, delimiter=max(",;\t", key=texts[0].count), strict=True)
    try:
        header = [name.strip() for name in next(reader)]
        for row, cells in enumerate(reader, start=1):
            if len(cells) == len(header):
                yield row, dict(zip(header, cells, strict=True))
            elif any(cell.strip() for cell in cells):
                yield ReportError(f"has {len(cells)} cells, the header has {len(header)}", source=source, row=row)
    except csv.Error as error:
        raise ReportError(f"is not CSV at line {reader.line_num}: {error}", source=source) from None


def gather(key: StudyKey, paths: Sequence[Path], keep: Keep = "refuse") -> list[Judgement]:
    """All ratings of a study, one a reader and item.

    Args:
        keep: "last" takes the last of several ratings of an item by one reader, in the order of files and rows.

    Raises:
        InputError: no rating at all; a rating of another study (hash mismatch), of an item or by a reader that the key
            does not name, of an item that the reader was not given; two ratings of an item by one reader (both rows are
            named). All are named, up to 20.
    """
    found = [rating for path in paths for rating in read_ratings(path)]
    if not found:
        raise InputError(f"no item is rated in {', '.join(map(str, paths)) or 'no file'}")
    items = key.by_id()
    refuse([problem for rating in found for problem in _misplaced(key, items, rating)])
    kept: dict[tuple[str, str], Placed[Judgement]] = {}
    twice: list[InputError] = []
    for rating in found:
        place = (rating.record.reader, rating.record.item)
        if place in kept and keep == "refuse":
            message = (
                f"reader {place[0]} rated item {place[1]} in {kept[place].where} already; delete one or --keep last"
            )
            twice.append(rating.error(message))
        kept[place] = rating
    refuse(twice)
    return [rating.record for rating in kept.values()]


def _misplaced(key: StudyKey, items: Mapping[str, KeyItem], rating: Placed[Judgement]) -> Iterator[ReportError]:
    given = rating.record
    if given.study and given.study != key.study:
        message = (
            f"hash mismatch: rated in the study {given.study}, the key is of {key.study}; take the key of these files"
        )
        yield rating.error(message, "study")
    elif given.item not in items:
        yield rating.error(f"the key names no item {given.item}", "item")
    elif given.reader not in key.readers:
        yield rating.error(f"the key names no reader {given.reader!r}, but {', '.join(key.readers)}", "reader")
    elif given.reader not in items[given.item].readers:
        yield rating.error(f"reader {given.reader} was not given the item {given.item}", "reader")


class Settled(Frozen):
    """An item with all that was said of it. `rating` is None where readers disagree and nothing settled it."""

    item: KeyItem
    judgements: tuple[Judgement, ...]
    rating: Rating | None
    disputed: bool = False


def settle(
    key: StudyKey, judgements: Sequence[Judgement], resolved: Sequence[Placed[_Resolved]] = ()
) -> tuple[Settled, ...]:
    """Items that anybody rated, with one rating each.

    The rule: what more than half of an item's readers say is its rating. Where no rating has that many, the item is
    disputed; a rating that the readers agreed upon afterwards (`resolved`) settles it; without one it stays unresolved
    and is excluded, as the paper excludes 11 of its 300 reports for "unresolved discrepancies between the evaluators"
    (5.2; how the others were resolved it does not tell).

    Raises:
        InputError: `resolved` names an item twice, or one that is not disputed.
    """
    said: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        said.setdefault(judgement.item, []).append(judgement)
    majority = {name: _majority([judgement.rating for judgement in found]) for name, found in said.items()}
    agreed: dict[str, Rating] = {}
    problems: list[InputError] = []
    for row in resolved:
        if majority.get(row.record.item, "") is not None:
            problems.append(row.error(f"the item {row.record.item} is not disputed", "item"))
        elif row.record.item in agreed:
            problems.append(row.error(f"the item {row.record.item} is resolved twice", "item"))
        agreed[row.record.item] = row.record.rating
    refuse(problems)
    return tuple(
        Settled(
            item=item,
            judgements=tuple(said[item.id]),
            rating=majority[item.id] or agreed.get(item.id),
            disputed=majority[item.id] is None,
        )
        for item in key.items
        if item.id in said
    )


def _majority(ratings: Sequence[Rating]) -> Rating | None:
    rating, count = Counter(ratings).most_common(1)[0]
    return rating if 2 * count > len(ratings) else None
