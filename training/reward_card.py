"""The card that `train reward` writes beside a reward model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from coarse2fine.training.hardware import Means
from coarse2fine.training.preference_recipe import RewardRecipe

__all__ = ["RewardFacts", "write_reward_card"]


class RewardFacts(NamedTuple):
    """What a run knows of itself.

    Args:
        pairs, held: that were learnt from and held out.
        counts: of `Preferences`; left_out: pairs that could not be learnt from, by reason.
        before, after: share of the held-out pairs in the right order.
    """

    base: str
    base_sha256: str
    feedback_sha256: str
    pairs: int
    held: int
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    means: Means
    updates: int
    before: float
    after: float


_CARD = """---
library_name: peft
base_model: {base}
pipeline_tag: text-classification
---
# A reward model: scores radiology impressions as radiologists did

Base: `{base}`{base_hash}. Load it with `coarse2fine.training.reward.RewardModel(FOLDER)`; it writes nothing.
Of two texts for one report the one that radiologists prefer shall score higher (Bradley-Terry). Only differences of
scores mean something.

## Data
- feedback: {pairs:,} pairs learnt from, {held:,} held out, sha256 of the records `{feedback_sha256}`
{counts}
It has seen these reports: treat it as they are treated.

## Figures
{figures}

{updates:,} updates, {device} in {precision} with {optimiser}.{note}

## Recipe
`coarse2fine train reward --recipe RECIPE` with
```yaml
{recipe}```

## Limits
It has learnt taste from few texts. It is no judge of facts: that is the critic. Not a medical device.
"""


def write_reward_card(folder: Path, recipe: RewardRecipe, facts: RewardFacts) -> None:
    """Write `README.md` beside the adapter."""
    means = facts.means
    counts = [f"- {what}: {number:,}" for what, number in facts.counts.items()]
    counts += [f"- left out, {reason}: {number:,}" for reason, number in facts.left_out.items()]
    figures = f"Held-out pairs in the right order: {facts.before:.1%} before, {facts.after:.1%} after."
    text = _CARD.format(
        base=facts.base,
        base_hash=f" (weights sha256 `{facts.base_sha256}`)" if facts.base_sha256 else "",
        pairs=facts.pairs,
        held=facts.held,
        feedback_sha256=facts.feedback_sha256,
        counts="\n".join(counts),
        figures=figures if facts.held else "No pair was held out: nothing was measured.",
        updates=facts.updates,
        device="on a GPU" if means.gpu else "on a CPU",
        precision=means.precision,
        optimiser=means.optimiser,
        note=f" Note: {means.note}." if means.note else "",
        recipe=yaml.safe_dump(recipe.described(), sort_keys=False),
    )
    (folder / "README.md").write_text(text, "utf-8")
