"""What packing brings: `python -m coarse2fine.training.throughput recipes/openi.yaml reports.jsonl`.

The same reports are learnt once each way: packed as the recipe says; one report a row as trl trains when it is told
nothing (`SFTConfig`'s own defaults: batches of eight rows, gradient checkpointing); and one report a row with the
recipe's other settings, so that packing is the only difference. Counted are the reports' own tokens, no padding, by
this process's processor time on one thread, which other work on the machine changes least.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from coarse2fine.training.hardware import means, this_machine
from coarse2fine.training.sft_data import Base, Example, encode, find_base, read_part, remembering
from coarse2fine.training.sft_recipe import Recipe, load_recipe
from coarse2fine.training.sft_trainer import build_trainer
from coarse2fine.training.trainers import fit, load_base, load_tokenizer, lora_config, prepare, quiet, require

__all__ = ["Pace", "measure"]

_ROWS = 8
"""trl's own number of rows a batch."""


class Pace(NamedTuple):
    """How fast one way learns: tokens of reports by processor second, and rows a batch is made of."""

    name: str
    rows: int
    tokens: int
    seconds: float

    @property
    def speed(self) -> float:
        """Tokens a processor second."""
        return self.tokens / self.seconds


def measure(recipe: Recipe, train: Path, most: int = 100) -> list[Pace]:
    """Learn the first reports of a file once each way: packed, as trl does by default, unpacked.

    Raises:
        MissingExtra: trl is not installed.
        InputError, ModelError: the file or the base cannot be read.
    """
    require("sft")
    once = recipe.training.model_copy(
        update={"epochs": 1, "max_updates": None, "log_every": 1_000, "save_every": 1_000, "threads": 1}
    )
    recipe = recipe.model_copy(update={"training": once})
    prepare(recipe)
    base, part = find_base(recipe.base), read_part(train)
    with remembering(part, recipe.data.cases) as recall:
        examples = encode(base, part.reports[:most], recipe.data.longest, recall).kept
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # trl and peft call transformers by names that it will drop
        packed = recipe.model_copy(update={"output": Path(folder)})
        rows = once.model_copy(update={"batch_size": _ROWS, "accumulation": 1})
        unpacked = packed.model_copy(update={"training": rows})
        return [
            _pace("packed, as the recipe says", examples, _ours(base, packed, examples, True)),
            _pace("trl's defaults", examples, _defaults(base, packed, examples, Path(folder))),
            _pace("unpacked, the recipe's settings", examples, _ours(base, unpacked, examples, False)),
        ]


def _ours(base: Base, recipe: Recipe, examples: Sequence[Example], packed: bool) -> Any:
    found = means(recipe.training, this_machine())
    return build_trainer(load_base(base, found), base, recipe, found, examples, (), packed, lambda _: None)


def _defaults(base: Base, recipe: Recipe, examples: Sequence[Example], folder: Path) -> Any:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    found = means(recipe.training, this_machine())
    return quiet(SFTTrainer)(
        model=load_base(base, found),
        args=SFTConfig(
            str(folder),
            num_train_epochs=1,
            use_cpu=not found.gpu,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict(
            {"input_ids": [e.ids for e in examples], "labels": [e.labels for e in examples]}
        ),
        processing_class=load_tokenizer(base),
        peft_config=lora_config(recipe.lora),
    )


def _pace(name: str, examples: Sequence[Example], trainer: Any) -> Pace:
    began = time.process_time()
    fit(trainer, None)
    taken = time.process_time() - began
    return Pace(name, len(trainer.train_dataset), sum(len(e.ids) for e in examples), taken)


def main(recipe: str, train: str) -> None:
    """Print the three ways."""
    packed, *others = found = measure(load_recipe(Path(recipe)), Path(train))
    for pace in found:
        rows = f"{pace.tokens:,} tokens in {pace.rows} rows"
        sys.stdout.write(f"{pace.name}: {rows}, {pace.speed:,.0f} a second of processor time\n")
    ratios = "; ".join(f"{packed.speed / pace.speed:.2f} times {pace.name}" for pace in others)
    sys.stdout.write(f"packed is {ratios}\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
