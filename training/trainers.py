"""What all trainings with trl and LoRA share: quiet trainers that tell nobody, their arguments, resuming, adapters."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

from coarse2fine.reports import MissingExtra, ModelError
from coarse2fine.serving.adapters import BASE_FILE
from coarse2fine.training.hardware import Means
from coarse2fine.training.sft_data import Base
from coarse2fine.training.sft_recipe import LoraRecipe, TrainingRecipe

__all__ = [
    "AnyRecipe", "base_dtype", "fit", "load_adapter_weights", "load_base", "load_tokenizer", "lora_config", "prepare",
    "quiet", "require", "save_adapter", "say_updates", "shared_arguments", "updates",
]  # fmt: skip

_NEEDED = ("accelerate", "datasets", "peft", "trl")


class AnyRecipe(Protocol):
    """What every recipe says."""

    @property
    def seed(self) -> int:
        """Of all that is drawn."""
        ...

    @property
    def output(self) -> Path:
        """The adapter's folder."""
        ...

    @property
    def training(self) -> TrainingRecipe:
        """The optimiser."""
        ...


def require(command: str) -> None:
    """See to it that a command can train.

    Raises:
        MissingExtra: trl or what it needs is not installed.
    """
    lacking = [name for name in _NEEDED if find_spec(name) is None]
    if lacking:
        raise MissingExtra(f"`train {command}` needs {', '.join(lacking)}: pip install 'coarse2fine[train]'")


def load_base(base: Base, found: Means) -> Any:
    """The base model; in half precision on a GPU, in float32 on a CPU.

    Raises:
        ModelError: it cannot be loaded.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        return AutoModelForCausalLM.from_pretrained(base.path, dtype=base_dtype(found))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the base model {base.name}: {error}") from error


def load_tokenizer(base: Base) -> Any:
    """The base's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base.path)


def prepare(recipe: AnyRecipe) -> None:
    """What has to be set before a trainer is built: threads, and that nobody is told."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import datasets
    import torch

    datasets.disable_progress_bars()
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)


def quiet(trainer: Any) -> Any:
    """A trl trainer that reports no run to the hub, and resumes an adapter that has a frozen copy beside it."""

    class Quiet(trainer):  # type: ignore[misc]
        """trl reports each run to the hub, and writes a card of its own into each checkpoint: neither is wanted."""

        def _send_telemetry(self) -> None:
            """Tells nobody."""

        def create_model_card(self, *args: Any, **settings: Any) -> None:
            """Our own card is written at the end."""

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            """The trained adapter alone: beside trl's copy "ref", transformers would load only that one."""
            load_adapter_weights(model or self.model, Path(resume_from_checkpoint))

    return Quiet


def shared_arguments(recipe: AnyRecipe, found: Means) -> dict[str, Any]:
    """The arguments of a trl config that all trainings share."""
    training = recipe.training
    return {
        "output_dir": str(recipe.output / "checkpoints"),
        "seed": recipe.seed,
        "per_device_train_batch_size": training.batch_size,
        "per_device_eval_batch_size": training.batch_size,
        "gradient_accumulation_steps": training.accumulation,
        "num_train_epochs": training.epochs,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.schedule,
        "warmup_steps": training.warmup_updates,
        "weight_decay": training.weight_decay,
        "optim": found.optimiser,
        "bf16": found.precision == "bf16",
        "fp16": found.precision == "fp16",
        "use_cpu": not found.gpu,
        "dataloader_pin_memory": found.gpu,
        "gradient_checkpointing": training.gradient_checkpointing,
        "logging_steps": training.log_every,
        "save_strategy": "steps",
        "save_steps": training.save_every,
        "save_total_limit": 2,
        "report_to": training.report_to,
        "disable_tqdm": True,
    }


def updates(training: TrainingRecipe, rows: int) -> int:
    """How many updates a training of so many rows makes."""
    epoch = math.ceil(math.ceil(rows / training.batch_size) / training.accumulation)
    return min(training.epochs * epoch, training.max_updates or training.epochs * epoch)


def base_dtype(found: Means) -> Any:
    """What base weights are held in: half precision on a GPU, float32 on a CPU."""
    import torch

    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return kinds.get(found.precision, torch.float32) if found.gpu else torch.float32


def lora_config(lora: LoraRecipe, task: Literal["CAUSAL_LM", "SEQ_CLS"] = "CAUSAL_LM") -> Any:
    """peft's settings of a new adapter."""
    from peft import LoraConfig

    modules = lora.target_modules
    return LoraConfig(
        task_type=task,
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias=lora.bias,
        target_modules=modules if isinstance(modules, str) else list(modules),
    )


_SAID = ("loss", "reward", "rewards/margins", "accuracy")


def say_updates(trainer: Any, report: Callable[[str], None]) -> None:
    """Let a trainer say each logged update in one line, and nothing else."""
    from transformers import PrinterCallback, TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]
        """Says each logged update in one line."""

        def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, float], **_: Any) -> None:
            """One line for the figures of an update."""
            if "loss" in logs:
                done = f"update {state.global_step}/{state.max_steps}"
                said = " ".join(f"{name} {float(logs[name]):.4f}" for name in _SAID if name in logs)
                report(f"{done} {said} rate {float(logs['learning_rate']):.2e}")

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Teller())


def fit(trainer: Any, checkpoint: Path | None) -> None:
    """Train from the beginning, or from a checkpoint; the last one is only loaded: transformers would add an update."""
    from transformers import TrainerState

    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json")) if checkpoint else None
    if checkpoint is None or state is None or state.global_step < trainer.args.max_steps:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        return
    load_adapter_weights(trainer.model, checkpoint)
    trainer.state = state


def load_adapter_weights(model: Any, folder: Path) -> None:
    """Load the weights of a folder into the adapter that is trained."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))


def save_adapter(trainer: Any, base: Base, base_sha256: str, folder: Path) -> None:
    """Write the adapter, its tokenizer or, for nano, the hash of the base that it needs."""
    model = trainer.model
    model.peft_config["default"].base_model_name_or_path = base.name
    model.save_pretrained(folder, save_embedding_layers=False, selected_adapters=["default"])
    if base.is_nano:
        record = json.dumps({"base": base.name, "sha256": base_sha256})
        (folder / BASE_FILE).write_text(record, "utf-8")
    else:
        load_tokenizer(base).save_pretrained(folder)
