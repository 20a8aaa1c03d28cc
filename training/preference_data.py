"""Feedback as rows of token ids: through the prompts that serving sends, for nano through its slot codec."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from langchain_core.messages import BaseMessage

from coarse2fine.agents.writer import Writer
from coarse2fine.graph import FeedbackStore
from coarse2fine.prompts import prompt_set
from coarse2fine.reports import Feedback, InputError, ReportError, read_feedback
from coarse2fine.serving.adapters import adapter_base, check_base, split_name
from coarse2fine.training.nano_data import IGNORED
from coarse2fine.training.preference_recipe import FeedbackRecipe
from coarse2fine.training.preferences import Asked, Pair, Rated
from coarse2fine.training.sft_data import Base, encoder, find_base

__all__ = [
    "Encoded", "Encoder", "PairRow", "RatedRow", "Start", "find_start", "hash_of", "messages_of", "pair_rows",
    "rated_rows", "records_of",
]  # fmt: skip

_NAMED = 5
"""So many bad lines are named; the others are counted."""


class Start(NamedTuple):
    """Where a policy starts: a base model, and the adapter on it, if any."""

    base: Base
    adapter: Path | None


def find_start(name: str) -> Start:
    """The start that a recipe names; nothing is loaded yet.

    Raises:
        InputError: the name has no known form.
        ModelError: the adapter cannot be read, or nano's weights have changed since it was trained.
    """
    kind, _, rest = name.partition(":")
    path, adapter = split_name(rest if kind == "hf" else name)
    if not path or (kind != "hf" and path != "nano"):
        raise InputError(f"no policy can start from {name!r}: use nano or hf:PATH_OR_ID, either with #ADAPTER_FOLDER")
    base = find_base(path)
    if adapter is not None:
        adapter_base(adapter)
        check_base(adapter, Path(base.path))
    return Start(base, adapter)


def records_of(recipe: FeedbackRecipe) -> list[Feedback]:
    """The feedback that a recipe names.

    Raises:
        InputError: the file cannot be read, a line is no record (says which), or there is nothing to learn from.
    """
    found = FeedbackStore().list() if recipe.feedback is None else list(_read(recipe.feedback))
    chosen = [r for r in found if recipe.radiologist in (None, r.radiologist)]
    if not chosen:
        whose = f" of {recipe.radiologist}" if recipe.radiologist else ""
        raise InputError(f"there is no feedback{whose} to learn from: `coarse2fine feedback add`, or --feedback FILE")
    return chosen


def _read(path: Path) -> Iterable[Feedback]:
    found = list(read_feedback(path))
    bad = [record for record in found if isinstance(record, ReportError)]
    if bad:
        rest = f"; and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else ""
        raise InputError("; ".join(str(error) for error in bad[:_NAMED]) + rest)
    return [record for record in found if isinstance(record, Feedback)]


def hash_of(records: Sequence[Feedback]) -> str:
    """sha256 over the records, whatever their order."""
    lines = sorted(record.model_dump_json() for record in records)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def messages_of(base: Base, asked: Asked) -> list[BaseMessage]:
    """The conversation that drafter or stylist would send for a request."""
    writer = Writer(base.loaded, prompt_set(base.loaded.prompts), "drafter")
    if asked.audience == "draft":
        return writer.render("draft", asked.report, asked.wish)
    return writer.render("restyle", asked.report, asked.wish, draft=asked.draft, audience=asked.audience)


class Encoded(NamedTuple):
    """Token ids of a prompt and of a text; `writable`: whether decoding would let the model write all of it."""

    prompt: list[int]
    text: list[int]
    writable: bool


class Encoder:
    """Turns requests and texts into ids, and counts what is left out by reason."""

    def __init__(self, base: Base, longest: int) -> None:
        self.base, self.longest = base, longest
        self.left_out: Counter[str] = Counter()
        self._example: Callable[..., tuple[list[int], list[int], int]] = encoder(base)

    def __call__(self, asked: Asked, text: str) -> Encoded:
        """Ids of a request and of one text that answers it."""
        ids, labels, at = self._example(messages_of(self.base, asked), text.strip())
        return Encoded(ids[:at], ids[at:], IGNORED not in labels[at:])

    def fits(self, *rows: Encoded, written: bool) -> bool:
        """Whether rows can be learnt from; the reason is counted where not.

        Args:
            written: whether the model must be able to write them.
        """
        if any(len(row.prompt) + len(row.text) > self.longest for row in rows):
            self.left_out[f"longer than {self.longest:,} tokens"] += 1
            return False
        if written and not all(row.writable for row in rows):
            self.left_out["has words or figures that the model may not write: they stand nowhere in its prompt"] += 1
            return False
        return True


class PairRow(NamedTuple):
    """A pair as trl reads it, in ids."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]


class RatedRow(NamedTuple):
    """A rated text as trl reads it, in ids."""

    prompt_ids: list[int]
    completion_ids: list[int]
    label: bool


def pair_rows(encode: Encoder, pairs: Iterable[Pair], *, written: bool = True) -> list[PairRow]:
    """Pairs in ids; what cannot be learnt from is counted in `encode.left_out`."""
    found = []
    for pair in pairs:
        chosen, rejected = encode(pair.asked, pair.chosen), encode(pair.asked, pair.rejected)
        if encode.fits(chosen, rejected, written=written):
            found.append(PairRow(chosen.prompt, chosen.text, rejected.text))
    return found


def rated_rows(encode: Encoder, rated: Iterable[Rated]) -> list[RatedRow]:
    """Rated texts in ids; what cannot be learnt from is counted in `encode.left_out`."""
    found = []
    for row in rated:
        encoded = encode(row.asked, row.text)
        if encode.fits(encoded, written=True):
            found.append(RatedRow(encoded.prompt, encoded.text, row.desirable))
    return found
