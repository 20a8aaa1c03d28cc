"""How the words of one text differ from another's."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

__all__ = ["Change", "word_diff"]


class Change(NamedTuple):
    """A run of words that both texts have, or only the later ("added") or the earlier one ("removed")."""

    op: Literal["same", "added", "removed"]
    words: str


def word_diff(before: str, after: str) -> tuple[Change, ...]:
    """The changes that turn `before` into `after`, in order."""
    return tuple(_changes(before.split(), after.split()))


def _changes(before: list[str], after: list[str]) -> Iterator[Change]:
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Change("same", " ".join(before[i:j]))
            continue
        if i < j:
            yield Change("removed", " ".join(before[i:j]))
        if k < m:
            yield Change("added", " ".join(after[k:m]))
