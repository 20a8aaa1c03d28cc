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

__all__ = ["HuggingFaceChat"]

_LOCK = threading.Lock()
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class _Loaded(NamedTuple):
    tokenizer: Any
    model: Any


@cache
def _load(path: str) -> _Loaded:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        if (Path(path) / "adapter_config.json").exists():
            from peft import AutoPeftModelForCausalLM

            model = AutoPeftModelForCausalLM.from_pretrained(path, dtype="auto")
        else:
            model = AutoModelForCausalLM.from_pretrained(path, dtype="auto")
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the model hf:{path}: {error}") from error
    if tokenizer.chat_template is None:
        raise ModelError(f"the model hf:{path} has no chat template; use an instruction-tuned model")
    return _Loaded(tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu"))


class HuggingFaceChat(BaseChatModel):
    """A causal model with a chat template; greedy decoding. A folder with adapter_config.json is a LoRA adapter.

    Args:
        path: folder or hub id.
        max_tokens: longest answer, in the model's tokens.

    Raises:
        ModelError: (on first use) it cannot be loaded, or has no chat template.
    """

    path: str
    max_tokens: int = 512

    @property
    def _llm_type(self) -> str:
        return "coarse2fine-huggingface"

    def reads(self, messages: Sequence[BaseMessage]) -> bool:
        """Whether these messages leave room for an answer in the model's context."""
        loaded = self._loaded()
        room = getattr(loaded.model.config, "max_position_embeddings", None)
        return room is None or len(_encode(loaded.tokenizer, messages)) + self.max_tokens <= room

    def _loaded(self) -> _Loaded:
        with _LOCK:
            return _load(self.path)

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
        ids = torch.tensor([_encode(tokenizer, messages)], device=model.device)
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


def _encode(tokenizer: Any, messages: Sequence[BaseMessage]) -> list[int]:
    """Token ids of a conversation up to the answer; a template without a system role gets it with the first turn."""
    turns = [{"role": _ROLES[m.type], "content": str(m.content)} for m in messages]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        kept = turns[0]["role"] != "system" or turns[0]["content"].strip() in text
    except jinja2.TemplateError:
        kept = False
    if not kept:
        text = tokenizer.apply_chat_template(_merged(turns), add_generation_prompt=True, tokenize=False)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _merged(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    if turns[0]["role"] != "system" or len(turns) == 1:
        return turns
    system, first, *rest = turns
    return [{"role": first["role"], "content": f"{system['content']}\n\n{first['content']}"}, *rest]
