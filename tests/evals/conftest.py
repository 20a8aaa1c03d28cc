"""Invented reports and scripted models for evaluations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from coarse2fine.evals.layouts import Case
from coarse2fine.reports import Report
from coarse2fine.serving import LoadedModel, ScriptedChatModel

ROWS = [
    ("Small left pleural effusion. No pneumothorax. Heart size is normal.", "Small left pleural effusion."),
    ("The lungs are clear. No pleural effusion. The heart is normal in size.", "No acute disease."),
    ("Right lower lobe consolidation. There is no effusion. Old rib fracture.", "Right lower lobe consolidation."),
    ("Stable cardiomegaly. The lungs are clear. No pneumothorax is seen.", "Stable cardiomegaly."),
]


@pytest.fixture
def cases() -> list[Case]:
    return [Case(Report(findings=findings, id=str(n)), said) for n, (findings, said) in enumerate(ROWS)]


@pytest.fixture
def openi(tmp_path: Path) -> Path:
    rows = [{"idx": n, "inputs": findings, "target": said} for n, (findings, said) in enumerate(ROWS)]
    file = tmp_path / "validate.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def first_sentence(messages: list[BaseMessage]) -> str:
    """The first sentence of whichever report stands in a prompt; as a model that reads the findings would say."""
    prompt = str(messages[-1].content)
    return next((f"{findings.split('. ')[0]}." for findings, _ in ROWS if findings in prompt), "Something else.")


Load = Callable[[str], LoadedModel]


@pytest.fixture
def scripted() -> Callable[..., Any]:
    """A loader of models by name: {"name": replies or a function of messages, or an error to raise}."""

    def make(prompts: str = "default", **models: Any) -> Load:
        def load(name: str) -> LoadedModel:
            given = models[name]
            if isinstance(given, Exception):
                raise given
            chat = given if isinstance(given, ScriptedChatModel) else ScriptedChatModel(replies=given)
            return LoadedModel(name, chat, prompts)

        return load

    return make


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small encoder of three layers with random weights, and a tokenizer without a limit of its own."""
    pytest.importorskip("bert_score")
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    path = tmp_path_factory.mktemp("encoder")
    words = "small left pleural effusion . no acute disease stable nodule in the right upper lobe , unchanged normal"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words.split()]
    (path / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=24,
    )  # fmt: skip
    BertModel(config).save_pretrained(path)
    BertTokenizer(str(path / "vocab.txt")).save_pretrained(path)
    return path
