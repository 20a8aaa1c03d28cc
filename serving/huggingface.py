"""Any Hugging Face causal language model, in process, as a LangChain chat model."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from coarse2fine.reports import ModelError

__all__ = ["HuggingFaceChat"]

_LOCK = threading.Lock()
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


@cache
def _load(path: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        if (Path(path) / "adapter_config.json").exists():
            from peft import AutoPeftModelForCausalLM

            model = AutoPeftModelForCausalLM.from_pretrained(path)
        else:
            model = AutoModelForCausalLM.from_pretrained(path, dtype="auto")
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the model hf:{path}: {error}") from error
    return tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


class HuggingFaceChat(BaseChatModel):
    """A causal model with a chat template; greedy decoding. A folder with adapter_config.json is a LoRA adapter.

    Args:
        path: folder or hub id.
        max_tokens: longest answer, in the model's tokens.
    """

    path: str
    max_tokens: int = 512

    @property
    def _llm_type(self) -> str:
        return "coarse2fine-huggingface"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        import torch

        with _LOCK:
            tokenizer, model = _load(self.path)
            if tokenizer.chat_template is None:
                raise ModelError(f"the model hf:{self.path} has no chat template")
            turns = [{"role": _ROLES[m.type], "content": str(m.content)} for m in messages]
            batch = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
            ).to(model.device)
            width = batch["input_ids"].shape[1]
            with torch.inference_mode():
                made = model.generate(**batch, max_new_tokens=self.max_tokens, do_sample=False)[0, width:]
        message = AIMessage(
            tokenizer.decode(made, skip_special_tokens=True).strip(),
            usage_metadata={"input_tokens": width, "output_tokens": len(made), "total_tokens": width + len(made)},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])
