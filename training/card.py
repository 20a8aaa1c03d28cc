"""The model card that a training run writes beside its weights."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

from coarse2fine.training.nano_recipe import Recipe

__all__ = ["NanoFacts", "write_nano_card"]


class NanoFacts(NamedTuple):
    """What a run knows of itself: corpus, size and held-out loss (nats a learnt token)."""

    exams: int
    findings: int
    conversations: int
    tokens: int
    parameters: int
    words: int
    held_out_loss: float


_CARD = """---
license: apache-2.0
language: en
pipeline_tag: summarization
---
# nano: coarse2fine's embedded drafter, reviser and stylist

A Llama-architecture model of {parameters:,} parameters, trained {start} on reports written for this project.
It drafts a radiology impression from findings, rewrites the draft for three audiences (brief, bullet,
comprehensive) and
revises a text from a critique. It is meant to run under coarse2fine's critic, which checks every sentence it writes.

## How it reads and writes
- A closed vocabulary of {words:,} lower-case words. Other words become copy slots `<w0>`..., everything with
  a digit in it
  `<n0>`...; `codec.json` holds the vocabulary and `coarse2fine.serving.codec` is the reversible step around
the model.
- Decoding allows only slots that stand in the prompt, so it cannot invent an unknown word, a figure or a
  level; a side
  that the prompt does not mention is forbidden too. What it can get wrong: which finding a figure or side belongs to,
  what matters, and what follows from a finding. That is what the critic is for.
- Prompts: the set `nano` (`coarse2fine.prompts`), through the tokenizer's chat template.

## Data
{conversations:,} conversations ({tokens:,} tokens). Most are composed from the knowledge base in
`training/corpus/knowledge`: {exams} exam types and {findings:,} findings; {written} are of reports written whole by
hand (`training/corpus/cases`). All of it was written for this project: no real report, no fetched text, no
patient data.

## Recipe
`coarse2fine train nano --recipe RECIPE` with
```yaml
{recipe}```

## Figures
Held-out loss on composed reports: {held_out_loss:.3f} nats a learnt token. Figures on real reports stand in
the project's README.

## Limits
English only. Exam types outside the knowledge base work as far as copying carries. Findings longer than about
4,000 characters
are drafted in parts. Not a medical device; a person reads what it writes.
"""


def write_nano_card(folder: Path, recipe: Recipe, facts: NanoFacts) -> None:
    """Write `README.md` beside the weights."""
    start = f"from {recipe.model.origin or recipe.model.start}" if recipe.model.start else "from nothing"
    share = f"{recipe.data.written_share:.0%}" if recipe.data.written_share else "none"
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)
    (folder / "README.md").write_text(_CARD.format(recipe=text, start=start, written=share, **facts._asdict()), "utf-8")
