"""`coarse2fine train nano`: trains the embedded Llama from nothing on composed reports.

The same recipe and seed give the same vocabulary and the same rows. A killed run resumes from `OUTPUT/state.pt`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coarse2fine.reports import ModelError
from coarse2fine.serving import codec as marks
from coarse2fine.serving.nano import load_codec
from coarse2fine.training.card import NanoFacts, write_nano_card
from coarse2fine.training.checkpoint import resume, save_checkpoint
from coarse2fine.training.growth import grow
from coarse2fine.training.nano_data import IGNORED, Rows, Vocabulary, batches, prepare
from coarse2fine.training.nano_recipe import Recipe, TrainingRecipe, load_recipe

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

__all__ = ["Recipe", "build_model", "build_tokenizer", "load_recipe", "save", "start_from", "train"]

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ ('<s> ' if loop.first else '') + m.content + ' <|answer|> ' }}"
    "{% elif m.role == 'assistant' %}{{ m.content + ' </s> ' }}{% endif %}{% endfor %}"
)


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


def start_from(model: LlamaForCausalLM, vocabulary: Vocabulary, folder: Path) -> int:
    """Copy the weights of a trained nano into `model`; rows of the word embeddings go by word, new words stay random.

    Where `model` has more or wider layers, the new ones change nothing at first (`training.growth`).

    Returns:
        How many words of `vocabulary` the earlier model knew.

    Raises:
        ModelError: the folder holds no nano, or one that cannot be grown to this size.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    load_codec(folder)
    earlier = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    known: dict[str, int] = AutoTokenizer.from_pretrained(folder).get_vocab()
    shape, before = model.config, earlier.config
    try:
        state = grow(
            earlier.state_dict(), before.num_hidden_layers, shape.num_hidden_layers, shape.intermediate_size
        )
    except ValueError as error:
        raise ModelError(f"{folder} is not of the recipe's size: {error}") from error
    rows = [(i, known[token]) for i, token in enumerate(vocabulary.tokens) if token in known]
    words = model.get_input_embeddings().weight.detach().clone()
    earlier_words = state["model.embed_tokens.weight"]
    if earlier_words.shape[1] != words.shape[1]:
        raise ModelError(f"{folder} is {earlier_words.shape[1]} wide; the recipe asks for {words.shape[1]}")
    new, old = zip(*rows, strict=True)
    words[list(new)] = earlier_words[list(old)]
    state["model.embed_tokens.weight"] = state["lm_head.weight"] = words
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"{folder} is not of the recipe's size: {error}") from error
    return len(rows)


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


def loss_of(
    model: Any, ids: torch.Tensor, labels: torch.Tensor, prompt_weight: float = 0.0, pad: int = 0
) -> torch.Tensor:
    """Mean cross-entropy in nats over the answers' tokens; logits are computed at learnt positions only.

    Args:
        model: a causal language model.
        ids: tokens, (rows, length), padded on the right with `pad`.
        labels: the same where an answer is learnt, `IGNORED` elsewhere.
        prompt_weight: what is added for the prompts' tokens: their mean cross-entropy times this.
        pad: the id of padding.
    """
    import torch

    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    wanted = ids[:, 1:]
    answers = labels[:, 1:] != IGNORED
    keep = answers if not prompt_weight else wanted != pad
    losses = torch.nn.functional.cross_entropy(
        model.lm_head(hidden[keep]).float(), wanted[keep].long(), reduction="none"
    )
    if not prompt_weight:
        return losses.mean()
    answer = answers[keep]
    return losses[answer].mean() + prompt_weight * losses[~answer].mean()


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

    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    data = prepare(recipe)
    model = build_model(recipe, data.vocabulary)
    if recipe.model.start is not None:
        known = start_from(model, data.vocabulary, recipe.model.start)
        report(f"starts from {recipe.model.start}, which knows {known:,} of {len(data.vocabulary.tokens):,} tokens")
    learnt = (data.rows.labels >= 0).mean()
    report(f"{len(data.vocabulary.words):,} words, {model.num_parameters():,} parameters")
    report(f"{len(data.rows):,} conversations, {len(data.rows.ids):,} tokens ({learnt:.0%} learnt)")
    loss = _fit(model, recipe, data.rows, data.held, report)
    save(model, data.vocabulary, recipe.output)
    facts = NanoFacts(
        exams=data.exams,
        findings=data.findings,
        conversations=len(data.rows),
        tokens=len(data.rows.ids),
        parameters=model.num_parameters(),
        words=len(data.vocabulary.words),
        held_out_loss=loss,
    )
    write_nano_card(recipe.output, recipe, facts)
    return recipe.output


def _fit(model: LlamaForCausalLM, recipe: Recipe, rows: Rows, held: Rows, report: Callable[[str], None]) -> float:
    import torch

    settings = recipe.training
    plan = batches(rows, settings.tokens_per_step, recipe.seed)
    steps = min(len(plan), settings.steps or len(plan))
    optimisers = _optimisers(model, settings)
    state = recipe.output / "state.pt"
    first = resume(state, model, optimisers)
    started, seen = time.monotonic(), 0
    model.train()
    if settings.compile:
        model.model.forward = torch.compile(model.model.forward, dynamic=True)
    for step in range(first, steps):
        for optimiser, rate in zip(optimisers, (settings.muon_learning_rate, settings.learning_rate), strict=True):
            optimiser.param_groups[0]["lr"] = rate * _rate(step, steps, settings)
        ids, labels = rows.batch(plan[step])
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, ids, labels, settings.prompt_weight)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        seen += ids.numel()
        if step % 50 == 0:
            report(f"step {step}/{steps} loss {loss.item():.4f} {seen / (time.monotonic() - started):,.0f} tokens/s")
        if (step + 1) % settings.save_every == 0:
            report(f"held-out loss {evaluate(model, held):.4f}")
            save_checkpoint(state, model, optimisers, step + 1)
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
