"""Any Hugging Face causal language model, in process, as a LangChain chat model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from typing_extensions import override

from coarse2fine.reports import ModelError
from coarse2fine.serving.adapters import put_on

__all__ = ["HuggingFaceChat", "encode_answer", "encode_messages", "load_tokenizer", "unload"]

_LOCK = threading.Lock()
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class _Loaded(NamedTuple):
    tokenizer: Any
    model: Any


def load_tokenizer(path: str) -> Any:
    """The tokenizer of a folder or hub id.

    Raises:
        ModelError: it cannot be loaded, or has no chat template.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the model hf:{path}: {error}") from error
    if tokenizer.chat_template is None:
        raise ModelError(f"the model hf:{path} has no chat template; use an instruction-tuned model")
    return tokenizer


@cache
def _load(path: str, adapter: Path | None) -> _Loaded:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = load_tokenizer(path)
    try:
        if (Path(path) / "adapter_config.json").exists():
            from peft import AutoPeftModelForCausalLM

            model = AutoPeftModelForCausalLM.from_pretrained(path, dtype="auto")
        else:
            model = AutoModelForCausalLM.from_pretrained(path, dtype="auto")
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the model hf:{path}: {error}") from error
    if adapter is not None:
        model = put_on(model, adapter)
    return _Loaded(tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu"))


def unload() -> None:
    """Let go of all models; a chat model that is asked again loads its own anew."""
    _load.cache_clear()


class HuggingFaceChat(BaseChatModel):
    """A causal model with a chat template; greedy decoding. A folder with adapter_config.json is a LoRA adapter.

    Args:
        path: folder or hub id.
        adapter: the folder of a LoRA adapter to put on it; None for none.
        max_tokens: longest answer, in the model's tokens.

    Raises:
        ModelError: (on first use) it cannot be loaded, or has no chat template.
    """

    path: str
    adapter: Path | None = None
    max_tokens: int = 512

    @property
    def _llm_type(self) -> str:
        return "coarse2fine-huggingface"

    def reads(self, messages: Sequence[BaseMessage]) -> bool:
        """Whether these messages leave room for an answer in the model's context."""
        loaded = self._loaded()
        room = getattr(loaded.model.config, "max_position_embeddings", None)
        return room is None or len(encode_messages(loaded.tokenizer, messages)) + self.max_tokens <= room

    def _loaded(self) -> _Loaded:
        with _LOCK:
            return _load(self.path, self.adapter)

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        import torch

        tokenizer, model = self._loaded()
        ids = torch.tensor([encode_messages(tokenizer, messages)], device=model.device)
        with _LOCK, torch.inference_mode():
            made = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self.max_tokens,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
            )[0, ids.shape[1] :]
        message = AIMessage(
            tokenizer.decode(made, skip_special_tokens=True).strip(),
            usage_metadata={
                "input_tokens": ids.shape[1],
                "output_tokens": len(made),
                "total_tokens": ids.shape[1] + len(made),
            },
            response_metadata={
                "finish_reason": "length" if len(made) == self.max_tokens else "stop",
                "model_name": self.path,
            },
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def encode_messages(tokenizer: Any, messages: Sequence[BaseMessage]) -> list[int]:
    """Token ids of a conversation up to the answer; a template without a system role gets it with the first turn."""
    return list(tokenizer(_prompt(tokenizer, messages).text, add_special_tokens=False)["input_ids"])


def encode_answer(tokenizer: Any, messages: Sequence[BaseMessage], answer: str) -> list[int]:
    """Token ids that a model should write after `encode_messages` to say `answer` and stop."""
    prompt = _prompt(tokenizer, messages)
    whole = tokenizer.apply_chat_template([*prompt.turns, {"role": "assistant", "content": answer}], tokenize=False)
    said = whole.removeprefix(prompt.text).rstrip() if whole.startswith(prompt.text) else answer
    ids = list(tokenizer(said, add_special_tokens=False)["input_ids"])
    return ids if ids and ids[-1] in tokenizer.all_special_ids else [*ids, tokenizer.eos_token_id]


class _Prompt(NamedTuple):
    text: str
    turns: list[dict[str, str]]


def _prompt(tokenizer: Any, messages: Sequence[BaseMessage]) -> _Prompt:
    turns = [{"role": _ROLES[m.type], "content": str(m.content)} for m in messages]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        kept = turns[0]["role"] != "system" or turns[0]["content"].strip() in text
    except jinja2.TemplateError:
        kept = False
    if not kept:
        turns = _merged(turns)
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return _Prompt(text, turns)


def _merged(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    if turns[0]["role"] != "system" or len(turns) == 1:
        return turns
    system, first, *rest = turns
    return [{"role": first["role"], "content": f"{system['content']}\n\n{first['content']}"}, *rest]
