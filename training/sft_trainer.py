"""trl's SFTTrainer as `train sft` uses it: rows that are tokens already, quiet, and telling nobody."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from coarse2fine.reports import ModelError
from coarse2fine.serving.adapters import BASE_FILE
from coarse2fine.training.hardware import Means
from coarse2fine.training.sft_data import Base, Example
from coarse2fine.training.sft_recipe import LoraRecipe, Recipe

__all__ = ["build_trainer", "fit", "load_base", "packs", "save_adapter"]


def load_base(base: Base, found: Means) -> Any:
    """The base model; in half precision on a GPU, in float32 on a CPU.

    Raises:
        ModelError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    dtype = kinds.get(found.precision, torch.float32) if found.gpu else torch.float32
    try:
        return AutoModelForCausalLM.from_pretrained(base.path, dtype=dtype)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the base model {base.name}: {error}") from error


def packs(model: Any) -> bool:
    """Whether reports packed into one row stay unseen by each other: measured, not looked up by name.

    Two texts are read in one row, positions beginning anew, and the second one alone.
    """
    import torch

    ids = torch.arange(1, 17, device=model.device)[None]
    restarted = torch.arange(8, device=model.device).repeat(2)[None]
    try:
        with torch.inference_mode():
            together = model(input_ids=ids, position_ids=restarted, use_cache=False).logits[0, 8:].float()
            alone = model(input_ids=ids[:, 8:], use_cache=False).logits[0].float()
    except (TypeError, ValueError, RuntimeError):
        return False
    near = 1e-3 if model.dtype == torch.float32 else 5e-2
    return bool((together - alone).abs().max() <= near * alone.abs().max())


def build_trainer(
    model: Any,
    base: Base,
    recipe: Recipe,
    found: Means,
    learnt: Sequence[Example],
    measured: Sequence[Example],
    packed: bool,
    report: Callable[[str], None],
) -> Any:
    """A trainer that is ready to train or to resume."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import datasets
    import torch
    from transformers import PrinterCallback

    datasets.disable_progress_bars()
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    trainer = _quiet_trainer()(
        model=model,
        args=_arguments(recipe, found, packed),
        train_dataset=_dataset(learnt),
        eval_dataset=_dataset(measured) if measured else None,
        processing_class=_tokenizer(base),
        peft_config=_lora(recipe.lora),
    )
    trainer.args.max_steps = _updates(recipe, len(trainer.train_dataset))
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_teller(report))
    return trainer


def _quiet_trainer() -> Any:
    from trl import SFTTrainer

    class Quiet(SFTTrainer):  # type: ignore[misc]
        """trl reports each run to the hub, and writes a card of its own into each checkpoint: neither is wanted."""

        def _send_telemetry(self) -> None:
            """Tells nobody."""

        def create_model_card(self, *args: Any, **settings: Any) -> None:
            """Our own card is written at the end."""

    return Quiet


def _arguments(recipe: Recipe, found: Means, packed: bool) -> Any:
    from trl import SFTConfig

    training = recipe.training
    return SFTConfig(
        output_dir=str(recipe.output / "checkpoints"),
        seed=recipe.seed,
        per_device_train_batch_size=training.batch_size,
        per_device_eval_batch_size=training.batch_size,
        gradient_accumulation_steps=training.accumulation,
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.schedule,
        warmup_steps=training.warmup_updates,
        weight_decay=training.weight_decay,
        optim=found.optimiser,
        bf16=found.precision == "bf16",
        fp16=found.precision == "fp16",
        use_cpu=not found.gpu,
        dataloader_pin_memory=found.gpu,
        gradient_checkpointing=training.gradient_checkpointing,
        logging_steps=training.log_every,
        save_strategy="steps",
        save_steps=training.save_every,
        save_total_limit=2,
        report_to=training.report_to,
        disable_tqdm=True,
        max_length=recipe.data.longest,
        packing=packed,
        eval_packing=False,
    )


def _updates(recipe: Recipe, rows: int) -> int:
    training = recipe.training
    epoch = math.ceil(math.ceil(rows / training.batch_size) / training.accumulation)
    return min(training.epochs * epoch, training.max_updates or training.epochs * epoch)


def _dataset(examples: Sequence[Example]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict({"input_ids": [e.ids for e in examples], "labels": [e.labels for e in examples]})


def _tokenizer(base: Base) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base.path)


def _lora(lora: LoraRecipe) -> Any:
    from peft import LoraConfig

    modules = lora.target_modules
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias=lora.bias,
        target_modules=modules if isinstance(modules, str) else list(modules),
    )


def _teller(report: Callable[[str], None]) -> Any:
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]
        """Says each logged update in one line."""

        def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, float], **_: Any) -> None:
            """One line for the loss of an update."""
            if "loss" in logs:
                done = f"update {state.global_step}/{state.max_steps}"
                report(f"{done} loss {float(logs['loss']):.4f} rate {float(logs['learning_rate']):.2e}")

    return Teller()


def fit(trainer: Any, checkpoint: Path | None) -> None:
    """Train from the beginning, or from a checkpoint; the last one is only loaded: transformers would add an update."""
    from transformers import TrainerState

    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json")) if checkpoint else None
    if checkpoint is None or state is None or state.global_step < trainer.args.max_steps:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        return
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(trainer.model, load_file(checkpoint / "adapter_model.safetensors"))
    trainer.state = state


def save_adapter(trainer: Any, base: Base, base_sha256: str, folder: Path) -> None:
    """Write the adapter, its tokenizer or, for nano, the hash of the base that it needs."""
    model = trainer.model
    model.peft_config["default"].base_model_name_or_path = base.name
    model.save_pretrained(folder, save_embedding_layers=False)
    if base.is_nano:
        record = json.dumps({"base": base.name, "sha256": base_sha256})
        (folder / BASE_FILE).write_text(record, "utf-8")
    else:
        _tokenizer(base).save_pretrained(folder)
