"""The card that supervised fine-tuning writes beside an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

from coarse2fine.training.hardware import Means
from coarse2fine.training.sft_recipe import Recipe

__all__ = ["Facts", "Used", "write_adapter_card"]


class Used(NamedTuple):
    """A file of reports: its name and sha256, how many were learnt from or measured on, and how many were too long."""

    name: str
    sha256: str
    reports: int
    too_long: int


class Facts(NamedTuple):
    """What a run knows of itself; losses are in nats a learnt token.

    Args:
        name: what `--model` takes.
        base_sha256: of the base's weights, "" where they have no hash.
        packed: whether several reports stood in one row; rows: how many there were.
        first_loss, last_loss: of the first and the last update that was logged.
        before, after: on the validation file, without and with the adapter; None without such a file.
    """

    name: str
    base_sha256: str
    train: Used
    validation: Used | None
    means: Means
    packed: bool
    rows: int
    updates: int
    parameters: int
    first_loss: float
    last_loss: float
    before: float | None
    after: float | None


_CARD = """---
library_name: peft
base_model: {base}
pipeline_tag: summarization
---
# A LoRA adapter that writes radiology impressions

Base: `{base}`{base_hash}. Serve it with `coarse2fine impress report.txt --model '{name}'`.
{parameters:,} parameters were trained, by supervised fine-tuning on the impressions alone.

## Data
{data}

{left_out}
The adapter has seen these reports: treat it as they are treated.

## Figures
| loss, nats a learnt token | |
|---|---|
{figures}

{updates:,} updates over {rows:,} rows{packed}, {device} in {precision} with {optimiser}.{note}

## Recipe
`coarse2fine train sft --recipe RECIPE --train FILE` with
```yaml
{recipe}```

## Limits
It is meant to run under coarse2fine's critic, which checks every sentence it writes. Not a medical device; a person
reads what it writes.
"""


def write_adapter_card(folder: Path, recipe: Recipe, facts: Facts) -> None:
    """Write `README.md` beside the adapter."""
    means = facts.means
    text = _CARD.format(
        base=recipe.base,
        base_hash=f" (weights sha256 `{facts.base_sha256}`)" if facts.base_sha256 else "",
        name=facts.name,
        parameters=facts.parameters,
        data="\n".join(_line(what, used) for what, used in _files(facts)),
        left_out=f"Reports of more than {recipe.data.longest:,} tokens were left out.",
        figures="\n".join(f"| {what} | {loss:.4f} |" for what, loss in _losses(facts)),
        updates=facts.updates,
        rows=facts.rows,
        packed=", several reports to a row" if facts.packed else "",
        device="on a GPU" if means.gpu else "on a CPU",
        precision=means.precision,
        optimiser=means.optimiser,
        note=f" Note: {means.note}." if means.note else "",
        recipe=yaml.safe_dump(recipe.described(), sort_keys=False),
    )
    (folder / "README.md").write_text(text, "utf-8")


def _files(facts: Facts) -> list[tuple[str, Used]]:
    validation = [("measured on", facts.validation)] if facts.validation else []
    return [("learnt from", facts.train), *validation]


def _line(what: str, used: Used) -> str:
    return f"- {what}: `{used.name}`, {used.reports:,} reports ({used.too_long:,} too long), sha256 `{used.sha256}`"


def _losses(facts: Facts) -> list[tuple[str, float]]:
    found = [("first update", facts.first_loss), ("last update", facts.last_loss)]
    if facts.before is not None and facts.after is not None:
        found += [("validation, the base alone", facts.before), ("validation, with the adapter", facts.after)]
    return found
