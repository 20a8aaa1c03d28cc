"""A tiny random nano, feedback of one radiologist about it, and a critic that needs no model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from coarse2fine.agents import Critic
from coarse2fine.prompts import prompt_set
from coarse2fine.serving import ScriptedNLI
from coarse2fine.training.nano import build_model, save
from coarse2fine.training.nano import load_recipe as load_nano_recipe
from coarse2fine.training.nano_data import Vocabulary, _fixed_tokens

ROOT = Path(__file__).parents[2]
WORDS = [
    "small", "large", "left", "right", "pleural", "effusion", "no", "pneumothorax", "lung", "are", "is", "the", "there",
    "a", "in", ".", ",", "nodule", "opacity", "lower", "upper", "lobe",
]  # fmt: skip
PLACES = ["left lower lobe", "right lower lobe", "left upper lobe", "right upper lobe", "left lung", "right lung"]


@pytest.fixture(scope="session")
def tiny_nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-nano")
    path = folder / "recipe.yaml"
    shape = {"hidden_size": 32, "layers": 1, "heads": 2, "intermediate_size": 64, "max_positions": 1024}
    data = yaml.safe_load((ROOT / "recipes" / "nano.yaml").read_text("utf-8"))
    path.write_text(yaml.safe_dump({**data, "model": shape}), "utf-8")
    vocabulary = Vocabulary(
        list(dict.fromkeys([*_fixed_tokens(), *WORDS, *prompt_set("nano").settings.style.split()])), {}
    )
    model = build_model(load_nano_recipe(path), vocabulary)
    model.get_input_embeddings().weight.data.mul_(20)  # an adapter leaves words alone: they must be far enough apart
    save(model, vocabulary, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with a chat template and a tokenizer of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-llama")
    words = ["<unk>", "<s>", "</s>", "user", "assistant", "-", "1.", "2.", "No", "Nodule", "Opacity", *WORDS]
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokens, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = (
        "<s> {% for m in messages %}{{ m.role }} {{ m.content }} {{ '</s> ' if m.role == 'assistant' }}{% endfor %}"
        "{% if add_generation_prompt %}assistant {% endif %}"
    )
    tokenizer.save_pretrained(folder)
    small = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 8, "vocab_size": len(tokenizer), "max_position_embeddings": 2048,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **small)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def feedback_rows() -> list[dict[str, Any]]:
    """Twelve edits: bullets for numbers, and without the denial."""
    rows = []
    for number, place in enumerate(PLACES):
        for kind in ("nodule", "opacity"):
            findings = f"There is a {kind} in the {place}. No pneumothorax."
            rows.append(
                {
                    "id": f"f{len(rows)}",
                    "created": f"2026-11-{number + 1:02}T08:00:00Z",
                    "radiologist": "r1",
                    "report": {"id": f"e{len(rows)}", "findings": findings},
                    "text": f"1. {kind.capitalize()} in the {place}.\n2. No pneumothorax.",
                    "edited": f"- {kind.capitalize()} in the {place}.",
                }
            )
    return rows


@pytest.fixture
def feedback_file(tmp_path: Path, feedback_rows: list[dict[str, Any]]) -> Path:
    path = tmp_path / "feedback.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in feedback_rows), "utf-8")
    return path


@pytest.fixture(scope="session")
def critic() -> Critic:
    return Critic(ScriptedNLI(1.0))


@pytest.fixture
def settings(tiny_nano: Path) -> Callable[..., Path]:
    """A shipped recipe of preference training, for the tiny nano and another folder."""

    def make(
        folder: Path, method: str, start: str | None = None, own: dict[str, Any] | None = None, **training: Any
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        data = yaml.safe_load((ROOT / "recipes" / f"{method}.yaml").read_text("utf-8"))
        data |= {"start": start or f"hf:{tiny_nano}", "output": str(folder / "out"), "seed": 7}
        data["training"] |= {"precision": "float32", "threads": 1, "max_updates": 3, **training}
        data["lora"] |= {"r": 4}
        if "guards" in data:
            data["guards"] |= {"longest_answer": 24, "prompts": 3}
        if method == "grpo":
            data["grpo"] |= {"longest_answer": 16}
        for name, values in (own or {}).items():
            data[name] = {**data[name], **values}
        path = folder / "recipe.yaml"
        path.write_text(yaml.safe_dump(data), "utf-8")
        return path

    return make
