"""What nano is trained on: the closed vocabulary, and composed conversations as ids and labels.

Both are written beside the weights, so that a resumed run goes on with the same rows whatever became of the corpus.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coarse2fine.serving import codec as marks
from coarse2fine.serving.codec import Codec, Session
from coarse2fine.serving.nano import load_codec
from coarse2fine.training.corpus.knowledge import Exam, knowledge
from coarse2fine.training.corpus.practice import practice
from coarse2fine.training.corpus.rows import Turn, conversation, hidden_words, written_conversation
from coarse2fine.training.corpus.styles import STYLES
from coarse2fine.training.corpus.written import written
from coarse2fine.training.nano_recipe import Recipe

if TYPE_CHECKING:
    import torch

__all__ = ["IGNORED", "Data", "Rows", "Vocabulary", "batches", "build_vocabulary", "encode_rows", "prepare"]

IGNORED = -100
"""The label of a token that is not learnt."""


class Vocabulary(NamedTuple):
    """Tokens in order of their ids, and how words are capitalised inside sentences."""

    tokens: list[str]
    casing: dict[str, str]

    @property
    def words(self) -> list[str]:
        """The words, without slots and marks."""
        return [token for token in self.tokens if not token.startswith("<")]


def _exam_weights(exams: Sequence[Exam]) -> list[float]:
    """Chest radiographs are the commonest examination, about a quarter; the rest count by what there is to know."""
    return [
        0.35 * sum(0.5 + len(e.findings) / 60 for e in exams) if e.exam == "xr-chest" else 0.5 + len(e.findings) / 60
        for e in exams
    ]


class _Shares(NamedTuple):
    """Of all conversations: those on reports written by hand, and those with case memory."""

    written: float = 0.0
    cases: float = 0.0


def _conversations(seed: str, number: int, shares: _Shares) -> Iterator[list[Turn]]:
    rng = random.Random(seed)
    exams = knowledge()
    weights = _exam_weights(exams)
    with_cases = iter(lambda: rng.choices(exams, weights)[0], None)
    drafts = (turns for exam in with_cases for turns in practice(rng, exam))
    for _ in range(number):
        drawn = rng.random()
        if drawn < shares.written:
            yield written_conversation(rng, rng.choice(written()))
        elif drawn < shares.written + shares.cases:
            yield next(drafts)
        else:
            yield conversation(rng, rng.choices(exams, weights)[0])


def _fixed_tokens() -> list[str]:
    fixed = ["<pad>", "<unk>", marks.START, marks.END, marks.ANSWER, marks.NEWLINE, marks.BULLET, marks.DASH]
    return [*fixed, *marks.CONTROLS, *marks.LENGTHS, *marks.MARKERS, *marks.WORD_SLOTS, *marks.NUMBER_SLOTS]


def _count(job: tuple[str, int, _Shares]) -> tuple[Counter[str], Counter[str]]:
    words: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    for turns in _conversations(*job):
        for turn in turns:
            before = "."
            for word in marks.split_words(turn.text):
                if word.kind in ("word", "other"):
                    words[word.text.lower().replace("’", "'")] += 1
                    if before.isalpha() and before.islower():
                        inside[word.text] += 1
                before = word.text
    return words, inside


def build_vocabulary(recipe: Recipe) -> Vocabulary:
    """Words said at least `min_count` times and those that ask for a style; or the words of a trained nano."""
    if recipe.data.vocabulary is not None:
        codec = load_codec(recipe.data.vocabulary)
        known = codec.vocabulary | (_written_words() if recipe.data.written_share else frozenset())
        return Vocabulary([*_fixed_tokens(), *sorted(known - set(_fixed_tokens()))], codec.casing)
    words: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    parts = max(1, recipe.data.workers)
    shares = _shares(recipe)
    jobs = [(f"{recipe.seed}/words/{i}", recipe.data.vocabulary_conversations // parts, shares) for i in range(parts)]
    with ProcessPoolExecutor(parts) as pool:
        for counted, surfaces in pool.map(_count, jobs):
            words += counted
            inside += surfaces
    fixed = _fixed_tokens()
    asked = {word for style in STYLES for word in style.words().split()}
    kept = asked | {word for word, number in words.items() if number >= recipe.data.min_count}
    casing: dict[str, str] = {}
    for surface, _ in sorted(inside.items(), key=lambda item: item[1]):
        casing[surface.lower()] = surface
    casing = {w: s for w, s in casing.items() if s != w and w in kept and inside[s] > inside[w]}
    return Vocabulary([*fixed, *sorted(kept - set(fixed))], casing)


_WRITTEN_IN = 4
"""In how many reports written by hand a word must stand to be worth a place in the vocabulary."""


def _written_words() -> frozenset[str]:
    """Words that stand in several of the reports written by hand."""
    found: Counter[str] = Counter()
    for report in written():
        text = " ".join((report.findings, report.impression, report.brief, report.bullet))
        words = (w.text.lower().replace("’", "'") for w in marks.split_words(text) if w.kind in ("word", "other"))
        found.update(set(words))
    return frozenset(word for word, number in found.items() if number >= _WRITTEN_IN)


class _Encoder:
    """Turns conversations into ids and labels."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.codec = Codec(vocabulary.words, vocabulary.casing)
        self.ids = {token: index for index, token in enumerate(vocabulary.tokens)}

    def encode(self, turns: Sequence[Turn], rng: random.Random) -> tuple[list[int], list[int]]:
        """Ids and labels (`IGNORED` where nothing is learnt) of one conversation, slots shuffled."""
        session = Session()
        hidden = hidden_words(rng, turns[0].text)
        tokens, learned = [marks.START], [False]
        for turn in turns:
            seen = frozenset(session.seen)
            piece = self.codec.encode(turn.text, session, hidden)
            if turn.learned:
                piece = [marks.ANSWER, *piece, marks.END]
            tokens += piece
            # a slot that the answer is the first to need cannot be written when it matters: it is not learnt
            learned += [
                turn.learned and i > 0 and (token in seen or not _is_slot(token)) for i, token in enumerate(piece)
            ]
        shuffled = _shuffled_slots(session, rng)
        ids = [self.ids[shuffled.get(token, token)] for token in tokens]
        return ids, [i if keep else IGNORED for i, keep in zip(ids, learned, strict=True)]


def _is_slot(token: str) -> bool:
    return token[:2] in ("<w", "<n") and token[2:-1].isdigit()


def _shuffled_slots(session: Session, rng: random.Random) -> dict[str, str]:
    """Every slot must be trained, but appearance order fills the low ones first: draw them from a wider range."""
    mapping: dict[str, str] = {}
    for used, slots in ((len(session.words), marks.WORD_SLOTS), (len(session.numbers), marks.NUMBER_SLOTS)):
        wide = rng.choice([used, min(2 * used, len(slots)), len(slots)])
        mapping |= dict(zip(slots[:used], rng.sample(slots[:wide], used), strict=True))
    return mapping


class Rows(NamedTuple):
    """Encoded conversations end to end: ids and labels, each (tokens,), cut at `starts` (conversations + 1,)."""

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, chosen: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and labels of some conversations, each (rows, longest), padded on the right.

        Attention is causal, so what stands before the padding never sees it and no mask is needed.
        """
        import torch

        longest = max(int(self.starts[i + 1] - self.starts[i]) for i in chosen)
        ids = np.zeros((len(chosen), longest), np.int32)
        labels = np.full((len(chosen), longest), IGNORED, np.int32)
        for row, i in enumerate(chosen):
            at = slice(self.starts[i], self.starts[i + 1])
            ids[row, : at.stop - at.start], labels[row, : at.stop - at.start] = self.ids[at], self.labels[at]
        return torch.from_numpy(ids), torch.from_numpy(labels)


def _shares(recipe: Recipe) -> _Shares:
    return _Shares(recipe.data.written_share, recipe.data.cases_share)


def _encode_part(job: tuple[str, int, int, Vocabulary, _Shares]) -> tuple[list[int], list[int], list[int]]:
    seed, tokens, longest, vocabulary, shares = job
    encoder, rng = _Encoder(vocabulary), random.Random(f"{seed}/slots")
    ids: list[int] = []
    labels: list[int] = []
    lengths: list[int] = []
    for turns in _conversations(seed, 10**9, shares):
        piece, wanted = encoder.encode(turns, rng)
        if len(piece) <= longest:
            ids += piece
            labels += wanted
            lengths.append(len(piece))
        if len(labels) >= tokens:
            break
    return ids, labels, lengths


def encode_rows(recipe: Recipe, vocabulary: Vocabulary, tokens: int, part: str) -> Rows:
    """Compose and encode about `tokens` tokens of conversations; the same recipe and part give the same rows."""
    parts = max(1, recipe.data.workers)
    data = recipe.data
    shares = _Shares(cases=data.cases_share) if part == "held" else _shares(recipe)
    jobs = [(f"{recipe.seed}/{part}/{i}", tokens // parts, data.longest, vocabulary, shares) for i in range(parts)]
    with ProcessPoolExecutor(parts) as pool:
        made = list(pool.map(_encode_part, jobs))
    lengths = [length for _, _, found in made for length in found]
    return Rows(
        np.concatenate([np.asarray(ids, np.int32) for ids, _, _ in made]),
        np.concatenate([np.asarray(labels, np.int32) for _, labels, _ in made]),
        np.concatenate([[0], np.cumsum(lengths)]),
    )


def batches(rows: Rows, tokens: int, seed: int) -> list[list[int]]:
    """Conversations of like length together, at most `tokens` padded tokens a batch, in random order."""
    rng = np.random.default_rng(seed)
    lengths = np.diff(rows.starts)
    found: list[list[int]] = []
    for pool in np.array_split(rng.permutation(len(rows)), max(1, len(rows) // 4000)):
        batch: list[int] = []
        for i in pool[np.argsort(lengths[pool], kind="stable")]:
            if batch and (len(batch) + 1) * int(lengths[i]) > tokens:
                found.append(batch)
                batch = []
            batch.append(int(i))
        found.append(batch)
    rng.shuffle(found)
    return found


class Data(NamedTuple):
    """All that a run needs of the corpus."""

    vocabulary: Vocabulary
    rows: Rows
    held: Rows
    exams: int
    findings: int


def prepare(recipe: Recipe) -> Data:
    """Vocabulary and rows of a recipe: read from `recipe.output` where the same recipe wrote them, else composed."""
    described = json.dumps([recipe.seed, recipe.data.model_dump(mode="json")], sort_keys=True)
    path = recipe.output / f"data-{hashlib.sha256(described.encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        _compose(recipe, path)
    with np.load(path) as saved:
        told = json.loads(str(saved["told"]))
        rows, held = (Rows(*(saved[f"{part}_{name}"] for name in Rows._fields)) for part in ("train", "held"))
    vocabulary = Vocabulary(told["tokens"], told["casing"])
    return Data(vocabulary, rows, held, told["exams"], told["findings"])


def _compose(recipe: Recipe, path: Path) -> None:
    exams = knowledge()  # read once, before workers are forked, so that all see the same
    vocabulary = build_vocabulary(recipe)
    arrays: dict[str, NDArray[np.generic]] = {}
    for part, tokens in (("train", recipe.data.tokens), ("held", recipe.data.held_tokens)):
        made = encode_rows(recipe, vocabulary, tokens, part)
        arrays |= {f"{part}_{name}": array for name, array in made._asdict().items()}
    told = {"exams": len(exams), "findings": sum(len(e.findings) for e in exams), **vocabulary._asdict()}
    path.parent.mkdir(parents=True, exist_ok=True)
    part_path = path.with_suffix(".part.npz")
    np.savez(part_path, allow_pickle=False, told=np.array(json.dumps(told)), **arrays)
    part_path.replace(path)
