"""`coarse2fine train nano`: trains the embedded Llama from nothing on composed reports.

The same recipe and seed give the same vocabulary and the same rows. A killed run resumes from `OUTPUT/state.pt`.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from coarse2fine.reports import InputError
from coarse2fine.serving import codec as marks
from coarse2fine.serving.codec import Codec, Session
from coarse2fine.training.card import NanoFacts, write_nano_card
from coarse2fine.training.corpus.knowledge import Exam, knowledge
from coarse2fine.training.corpus.rows import Turn, conversation, hidden_words
from coarse2fine.training.corpus.styles import STYLES

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

__all__ = ["Recipe", "Vocabulary", "build_vocabulary", "load_recipe", "encode_rows", "train"]

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ ('<s> ' if loop.first else '') + m.content + ' <|answer|> ' }}"
    "{% elif m.role == 'assistant' %}{{ m.content + ' </s> ' }}{% endif %}{% endfor %}"
)
IGNORED = -100


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(_Strict):
    """How much is composed, and which words the model may know."""

    vocabulary_conversations: int
    min_count: int
    tokens: int
    held_tokens: int = 60_000
    longest: int = 1024
    workers: int = 1


class ModelRecipe(_Strict):
    """The size of the Llama."""

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    max_positions: int = 4096


class TrainingRecipe(_Strict):
    """The optimiser: Muon for matrices, AdamW for the rest; constant rate, then a linear fall to zero.

    Because the rate is constant until the fall, a run may be stopped and resumed with another number of `steps`
    (None: all that the data has).
    """

    tokens_per_step: int
    steps: int | None = None
    learning_rate: float
    muon_learning_rate: float
    weight_decay: float
    warmup_steps: int
    cooldown: float
    clip: float
    save_every: int
    threads: int = 0
    compile: bool = False


class Recipe(_Strict):
    """A whole run (recipes/nano.yaml)."""

    seed: int
    output: Path
    data: DataRecipe
    model: ModelRecipe
    training: TrainingRecipe


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        InputError: it cannot be read, or a field is missing, unknown or of the wrong type.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"{path}: {error}") from error


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
    return [0.35 * sum(0.5 + len(e.findings) / 60 for e in exams) if e.exam == "xr-chest" else 0.5 + len(e.findings) / 60 for e in exams]


def _conversations(seed: str, number: int) -> Iterator[list[Turn]]:
    rng = random.Random(seed)
    exams = knowledge()
    weights = _exam_weights(exams)
    for _ in range(number):
        yield conversation(rng, rng.choices(exams, weights)[0])


def _fixed_tokens() -> list[str]:
    fixed = ["<pad>", "<unk>", marks.START, marks.END, marks.ANSWER, marks.NEWLINE, marks.BULLET, marks.DASH]
    return [*fixed, *marks.CONTROLS, *marks.LENGTHS, *marks.MARKERS, *marks.WORD_SLOTS, *marks.NUMBER_SLOTS]


def _count(job: tuple[str, int]) -> tuple[Counter[str], Counter[str]]:
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
    """Words said at least `min_count` times, and every word that a style is asked for by."""
    words: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    parts = max(1, recipe.data.workers)
    jobs = [(f"{recipe.seed}/words/{i}", recipe.data.vocabulary_conversations // parts) for i in range(parts)]
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
            piece = self.codec.encode(turn.text, session, hidden)
            if turn.learned:
                piece = [marks.ANSWER, *piece, marks.END]
            tokens += piece
            learned += [turn.learned and i > 0 for i in range(len(piece))]
        shuffled = _shuffled_slots(session, rng)
        ids = [self.ids[shuffled.get(token, token)] for token in tokens]
        return ids, [i if keep else IGNORED for i, keep in zip(ids, learned, strict=True)]


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


def _encode_part(job: tuple[str, int, int, Vocabulary]) -> tuple[list[int], list[int], list[int]]:
    seed, tokens, longest, vocabulary = job
    encoder, rng = _Encoder(vocabulary), random.Random(f"{seed}/slots")
    ids: list[int] = []
    labels: list[int] = []
    lengths: list[int] = []
    for turns in _conversations(seed, 10**9):
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
    jobs = [(f"{recipe.seed}/{part}/{i}", tokens // parts, recipe.data.longest, vocabulary) for i in range(parts)]
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
    rng.shuffle(found)  # type: ignore[arg-type]
    return found


def build_tokenizer(vocabulary: Vocabulary) -> PreTrainedTokenizerFast:
    """A word-level tokenizer over slotted text, one space between tokens."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    model = WordLevel({token: i for i, token in enumerate(vocabulary.tokens)}, unk_token="<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=marks.START,
        eos_token=marks.END,
        unk_token="<unk>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


def build_model(recipe: Recipe, vocabulary: Vocabulary) -> LlamaForCausalLM:
    """A Llama with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    shape = recipe.model
    config = LlamaConfig(
        vocab_size=len(vocabulary.tokens),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.max_positions,
        tie_word_embeddings=True,
        bos_token_id=vocabulary.tokens.index(marks.START),
        eos_token_id=vocabulary.tokens.index(marks.END),
        pad_token_id=vocabulary.tokens.index("<pad>"),
    )
    return LlamaForCausalLM(config)


def _optimisers(model: LlamaForCausalLM, recipe: TrainingRecipe) -> list[torch.optim.Optimizer]:
    import torch

    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n and "lm_head" not in n]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_learning_rate, weight_decay=recipe.weight_decay, momentum=0.95),
        torch.optim.AdamW(rest, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def _rate(step: int, steps: int, recipe: TrainingRecipe) -> float:
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    return min(1.0, (steps - step) / max(1.0, steps * recipe.cooldown))


def loss_of(model: Any, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats; logits are computed at learnt positions only. `ids`, `labels`: (rows, length)."""
    import torch

    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    wanted = labels[:, 1:]
    keep = wanted != IGNORED
    logits = model.lm_head(hidden[keep])
    return torch.nn.functional.cross_entropy(logits.float(), wanted[keep].long())


def save(model: LlamaForCausalLM, vocabulary: Vocabulary, folder: Path) -> None:
    """Write weights (bfloat16), tokenizer and codec as one loadable folder."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    copy = build_like(model).to(torch.bfloat16)
    copy.save_pretrained(folder)
    build_tokenizer(vocabulary).save_pretrained(folder)
    card = {"version": 1, "vocabulary": vocabulary.words, "casing": vocabulary.casing, "prompts": "nano"}
    (folder / "codec.json").write_text(json.dumps(card, ensure_ascii=False, indent=0), "utf-8")


def build_like(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """A copy of a model."""
    from transformers import LlamaForCausalLM

    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    return copy


def train(recipe: Recipe, *, report: Callable[[str], None] = print) -> Path:
    """Train, save to `recipe.output`, and return that folder. Resumes where an earlier run was killed."""
    import torch

    recipe.output.mkdir(parents=True, exist_ok=True)
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    exams = knowledge()  # read once, before workers are forked, so that all see the same
    vocabulary = build_vocabulary(recipe)
    report(f"vocabulary: {len(vocabulary.words)} words, {len(vocabulary.tokens)} tokens")
    rows = encode_rows(recipe, vocabulary, recipe.data.tokens, "train")
    held = encode_rows(recipe, vocabulary, recipe.data.held_tokens, "held")
    plan = batches(rows, recipe.training.tokens_per_step, recipe.seed)
    model = build_model(recipe, vocabulary)
    learnt = (rows.labels >= 0).mean()
    report(f"{model.num_parameters():,} parameters, {len(rows):,} conversations, {len(rows.ids):,} tokens ({learnt:.0%} learnt)")
    loss = _fit(model, recipe, rows, plan, held, report)
    save(model, vocabulary, recipe.output)
    facts = NanoFacts(
        exams=len(exams),
        findings=sum(len(exam.findings) for exam in exams),
        conversations=len(rows),
        tokens=len(rows.ids),
        parameters=model.num_parameters(),
        words=len(vocabulary.words),
        held_out_loss=loss,
    )
    write_nano_card(recipe.output, recipe, facts)
    return recipe.output


def _fit(
    model: LlamaForCausalLM, recipe: Recipe, rows: Rows, plan: list[list[int]], held: Rows, report: Callable[[str], None]
) -> float:
    import torch

    settings = recipe.training
    steps = min(len(plan), settings.steps or len(plan))
    optimisers = _optimisers(model, settings)
    state = recipe.output / "state.pt"
    first = _resume(state, model, optimisers)
    started, seen = time.monotonic(), 0
    model.train()
    if settings.compile:
        model.model.forward = torch.compile(model.model.forward, dynamic=True)  # type: ignore[method-assign]
    for step in range(first, steps):
        for optimiser, rate in zip(optimisers, (settings.muon_learning_rate, settings.learning_rate), strict=True):
            optimiser.param_groups[0]["lr"] = rate * _rate(step, steps, settings)
        ids, labels = rows.batch(plan[step])
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, ids, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        seen += ids.numel()
        if step % 50 == 0:
            report(f"step {step}/{steps} loss {loss.item():.4f} {seen / (time.monotonic() - started):,.0f} tokens/s")
        if (step + 1) % settings.save_every == 0:
            report(f"held-out loss {evaluate(model, held):.4f}")
            _checkpoint(state, model, optimisers, step + 1)
    loss_held = evaluate(model, held)
    report(f"held-out loss {loss_held:.4f}")
    return loss_held


def evaluate(model: LlamaForCausalLM, rows: Rows) -> float:
    """Mean loss in nats a learnt token over held-out conversations."""
    import torch

    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        losses = [loss_of(model, *rows.batch(batch)).item() for batch in batches(rows, 4096, 0)]
    model.train()
    return float(np.mean(losses))


def _checkpoint(path: Path, model: LlamaForCausalLM, optimisers: Sequence[torch.optim.Optimizer], step: int) -> None:
    import torch

    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimisers": [o.state_dict() for o in optimisers], "step": step}, part)
    part.replace(path)


def _resume(path: Path, model: LlamaForCausalLM, optimisers: Sequence[torch.optim.Optimizer]) -> int:
    import torch

    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return int(state["step"])
