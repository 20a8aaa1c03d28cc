"""The card that preference training writes beside an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from coarse2fine.training.guards import Figures, table
from coarse2fine.training.hardware import Means
from coarse2fine.training.preference_recipe import PolicyRecipe

__all__ = ["Facts", "Measured", "write_preference_card"]


class Measured(NamedTuple):
    """What the guards saw on so many held-out prompts, and what of it is beyond the recipe's limits."""

    prompts: int
    before: Figures
    after: Figures
    failures: tuple[str, ...]


class Facts(NamedTuple):
    """What a run knows of itself.

    Args:
        name: what `--model` takes.
        base_sha256: of nano's weights, "" for another base; feedback_sha256: of the records.
        learnt, held: how many records were learnt from and held out.
        counts: of `Preferences`; left_out: rows that could not be learnt from, by reason.
        log: what trl logged, update by update.
    """

    name: str
    base: str
    base_sha256: str
    feedback_sha256: str
    learnt: int
    held: int
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    means: Means
    rows: int
    updates: int
    parameters: int
    log: Sequence[Mapping[str, Any]]
    measured: Measured


_HOW = {
    "dpo": "direct preference optimisation (DPO) on pairs of texts that differ in style only",
    "kto": "Kahneman-Tversky optimisation (KTO) on texts that were wanted and texts that were not",
    "grpo": "group relative policy optimisation (GRPO) of rewards for proven claims, coverage, length and style",
}

_CARD = """---
library_name: peft
base_model: {base}
pipeline_tag: summarization
---
# A LoRA adapter that writes radiology impressions in the style of feedback{failed}

Base: `{base}`{base_hash}; the policy started from `{start}`. Serve it with
`coarse2fine impress report.txt --model '{name}'`.
{parameters:,} parameters were trained, by {how}.

## Guards
{guards}

## Data
- feedback: {learnt:,} records learnt from, {held:,} held out, sha256 `{feedback_sha256}`
{counts}
The adapter has seen these reports: treat it as they are treated.

## Figures
{figures}

{updates:,} updates over {rows:,} rows, {device} in {precision} with {optimiser}.{note}

## Recipe
`coarse2fine train {method} --recipe RECIPE` with
```yaml
{recipe}```

## Limits
It is meant to run under coarse2fine's critic, which checks every sentence it writes. Not a medical device; a person
reads what it writes.
"""

_LOGGED = ("loss", "reward", "rewards/margins", "rewards/accuracies", "kl")


def write_preference_card(folder: Path, recipe: PolicyRecipe, facts: Facts) -> None:
    """Write `README.md` beside the adapter."""
    means = facts.means
    text = _CARD.format(
        base=facts.base,
        base_hash=f" (weights sha256 `{facts.base_sha256}`)" if facts.base_sha256 else "",
        start=recipe.start,
        name=facts.name,
        failed=" - FAILED its guards" if facts.measured.failures else "",
        parameters=facts.parameters,
        how=_HOW[recipe.method],
        guards=_guards(facts.measured),
        learnt=facts.learnt,
        held=facts.held,
        feedback_sha256=facts.feedback_sha256,
        counts="\n".join(_counts(facts)),
        figures=_figures(facts.log),
        updates=facts.updates,
        rows=facts.rows,
        device="on a GPU" if means.gpu else "on a CPU",
        precision=means.precision,
        optimiser=means.optimiser,
        note=f" Note: {means.note}." if means.note else "",
        method=recipe.method,
        recipe=yaml.safe_dump(recipe.described(), sort_keys=False),
    )
    (folder / "README.md").write_text(text, "utf-8")


def _guards(measured: Measured) -> str:
    verdict = "\n".join(f"FAILED: {failure}" for failure in measured.failures) or "Passed."
    if not measured.prompts:
        return verdict
    return f"{verdict}\n\n{table(measured.before, measured.after)}\n\nOn {measured.prompts:,} held-out prompts."


def _counts(facts: Facts) -> list[str]:
    found = [f"- {what}: {number:,}" for what, number in facts.counts.items()]
    return found + [f"- left out, {reason}: {number:,}" for reason, number in facts.left_out.items()]


def _figures(log: Sequence[Mapping[str, Any]]) -> str:
    named = [name for name in _LOGGED if log and name in log[0]]
    rows = [f"| {name} | {float(log[0][name]):.4f} | {float(log[-1][name]):.4f} |" for name in named]
    return "\n".join(["| logged | first update | last update |", "|---|---|---|", *rows])
