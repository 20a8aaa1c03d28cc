from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from coarse2fine.reports import ModelError
from coarse2fine.serving.huggingface import HuggingFaceChat

WORDS = ["[UNK]", "</s>", "system", ":", "user", "assistant", "small", "effusion", "no", "mass", "write"]
PLAIN = "{% for m in messages %}{{ m.role }} : {{ m.content }} {% endfor %}assistant :"
REFUSING = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + PLAIN
DROPPING = "{% for m in messages if m.role != 'system' %}{{ m.role }} : {{ m.content }} {% endfor %}assistant :"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("tiny")
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="</s>")
    tokenizer.chat_template = PLAIN
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, eos_token_id=1, bos_token_id=None, pad_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(path)
    return path


class Recording:
    def __init__(self, template: str) -> None:
        self.template, self.text = template, ""

    def apply_chat_template(self, turns: Any, **_: Any) -> str:
        import jinja2

        def refuse(message: str) -> None:
            raise jinja2.TemplateError(message)

        return jinja2.Template(self.template).render(messages=turns, raise_exception=refuse)

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        self.text = text
        return {"input_ids": [0]}


@pytest.mark.parametrize("template", [REFUSING, DROPPING])
def test_a_template_without_a_system_role(template: str) -> None:
    from coarse2fine.serving.huggingface import encode_messages

    tokenizer = Recording(template)
    encode_messages(tokenizer, [SystemMessage("Be short."), HumanMessage("Hi"), AIMessage("Yes"), HumanMessage("Go")])
    assert tokenizer.text == "user : Be short.\n\nHi assistant : Yes user : Go assistant :"


def test_a_template_with_a_system_role_keeps_it() -> None:
    from coarse2fine.serving.huggingface import encode_messages

    tokenizer = Recording(PLAIN)
    encode_messages(tokenizer, [SystemMessage("Be short."), HumanMessage("Hi")])
    assert tokenizer.text == "system : Be short. user : Hi assistant :"


async def test_a_model_in_process_answers(folder: Path) -> None:
    chat = HuggingFaceChat(path=str(folder), max_tokens=5)
    first = await chat.ainvoke([SystemMessage("write"), HumanMessage("small effusion")])
    again = chat.invoke([SystemMessage("write"), HumanMessage("small effusion")])
    assert first.text == again.text
    assert first.usage_metadata
    assert first.usage_metadata["input_tokens"] == 9
    assert 1 <= first.usage_metadata["output_tokens"] <= 5
    assert first.response_metadata["finish_reason"] in ("stop", "length")


def test_what_it_can_read(folder: Path) -> None:
    chat = HuggingFaceChat(path=str(folder), max_tokens=30)
    assert chat.reads([HumanMessage("mass " * 30)])
    assert not chat.reads([HumanMessage("mass " * 31)])


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it
def test_a_lora_adapter_is_loaded_on_its_base(folder: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tuned = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), LoraConfig(r=2, target_modules=["q_proj"]))
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora" in name:
                weight.fill_(3.0)
    tuned.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    loaded = HuggingFaceChat(path=str(tmp_path))._loaded()
    assert any("lora" in name for name, _ in loaded.model.named_parameters())
    assert HuggingFaceChat(path=str(tmp_path), max_tokens=3).invoke([HumanMessage("small effusion")]).usage_metadata


def test_folders_that_are_no_models(tmp_path: Path, folder: Path) -> None:
    import shutil

    with pytest.raises(ModelError, match="cannot load the model hf:"):
        HuggingFaceChat(path=str(tmp_path / "nowhere")).invoke([HumanMessage("x")])
    mute = tmp_path / "mute"
    shutil.copytree(folder, mute)
    (mute / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        HuggingFaceChat(path=str(mute)).invoke([HumanMessage("x")])
