"""The embedded Llama as a LangChain chat model: codec around it, constrained decoding, calls batched together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import PrivateAttr

from coarse2fine.reports import ModelError
from coarse2fine.serving import codec as marks
from coarse2fine.serving.adapters import check_base, put_on
from coarse2fine.serving.nano_text import Ends, NanoText, Prompt, Reply, chat_result, load_codec, must_end

if TYPE_CHECKING:
    import torch

__all__ = ["NanoChat", "NanoEngine", "load_codec"]


class NanoEngine(NanoText):
    """Model, tokenizer and codec of one folder; answers batches of conversations.

    Args:
        folder: what `coarse2fine train nano` wrote.
        adapter: what `coarse2fine train sft` wrote for that folder; None for none.

    Raises:
        ModelError: the folder is not such a model, or the adapter is not one of it.
    """

    def __init__(self, folder: Path, adapter: Path | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        super().__init__(folder)
        logging.disable_progress_bar()
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        if adapter is not None:
            check_base(adapter, folder)
            self.model = put_on(self.model, adapter).merge_and_unload().eval()
        self.limit = self.model.config.max_position_embeddings

    def answer(self, prompts: Sequence[Prompt], longest: int) -> list[Reply]:
        """Greedy answers, constrained to words of the vocabulary and slots of the own prompt.

        Args:
            longest: most tokens of an answer.

        Raises:
            ModelError: a prompt does not fit the model's context.
        """
        import torch

        width = max(len(p.ids) for p in prompts)
        if width + longest > self.limit:
            raise ModelError(f"the prompt has {width} tokens; with {longest} for the answer the limit is {self.limit}")
        ids = torch.full((len(prompts), width), self.ids["<pad>"])
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt.ids) :] = torch.tensor(prompt.ids)
            mask[row, width - len(prompt.ids) :] = 1
        with torch.inference_mode():
            made = self.model.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=longest,
                do_sample=False,
                pad_token_id=self.ids["<pad>"],
                eos_token_id=self.ids[marks.END],
                logits_processor=[_Allowed([p.allowed for p in prompts], len(self.ids)), _Once(self.ends, width)],
            )
        return [self.reply(p, row[width:].tolist()) for p, row in zip(prompts, made, strict=True)]


class _Once:
    """Logits processor: an answer that repeats a sentence or goes round ends; greedy decoding would go on for ever."""

    def __init__(self, ends: Ends, width: int) -> None:
        self.ends, self.width = ends, width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores (rows, vocabulary); where the last sentence is a repetition, only the end is possible."""
        for row, said in enumerate(input_ids[:, self.width :].tolist()):
            if must_end(said, self.ends):
                scores[row] = float("-inf")
                scores[row, self.ends.end] = 0.0
        return scores


class _Allowed:
    """Logits processor: each row may only emit its own allowed ids."""

    def __init__(self, allowed: Sequence[Sequence[int]], size: int) -> None:
        import torch

        self.bias = torch.full((len(allowed), size), float("-inf"))
        for row, ids in enumerate(allowed):
            self.bias[row, list(ids)] = 0.0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores (rows, vocabulary) with everything not allowed at minus infinity."""
        return scores + self.bias


class _Job(NamedTuple):
    prompt: Prompt
    longest: int
    future: Future[Reply]


class _Batcher:
    """One thread that answers all waiting conversations together."""

    def __init__(self, engine: NanoEngine, most: int = 16) -> None:
        self.engine, self.most = engine, most
        self.jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="nano", daemon=True).start()

    def submit(self, prompt: Prompt, longest: int) -> Future[Reply]:
        future: Future[Reply] = Future()
        self.jobs.put(_Job(prompt, longest, future))
        return future

    def _work(self) -> None:
        while True:
            batch = [self.jobs.get()]
            try:
                while len(batch) < self.most:
                    batch.append(self.jobs.get(timeout=0.002))
            except queue.Empty:
                pass
            self._answer(batch)

    def _answer(self, batch: list[_Job]) -> None:
        batch = [job for job in batch if job.future.set_running_or_notify_cancel()]  # nobody waits for the others
        if not batch:
            return
        try:
            replies = self.engine.answer([j.prompt for j in batch], max(j.longest for j in batch))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the answer
            for job in batch:
                job.future.set_exception(error)
            return
        for job, reply in zip(batch, replies, strict=True):
            job.future.set_result(reply)


_ENGINES: dict[tuple[Path, Path | None], _Batcher] = {}
_LOCK = threading.Lock()


def _batcher(folder: Path, adapter: Path | None) -> _Batcher:
    with _LOCK:
        if (folder, adapter) not in _ENGINES:
            _ENGINES[folder, adapter] = _Batcher(NanoEngine(folder, adapter))
        return _ENGINES[folder, adapter]


class NanoChat(BaseChatModel):
    """nano as a chat model. Calls that wait at the same time are answered in one batch.

    Args:
        folder: the model's folder.
        adapter: the folder of a LoRA adapter of it; None for none.
        max_tokens: longest answer, in nano's word-level tokens.
    """

    folder: Path
    adapter: Path | None = None
    max_tokens: int = 320
    _batch: _Batcher | None = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "coarse2fine-nano"

    @property
    def engine(self) -> NanoEngine:
        """The loaded model."""
        return self._batcher().engine

    def _batcher(self) -> _Batcher:
        if self._batch is None:
            self._batch = _batcher(self.folder.resolve(), self.adapter and self.adapter.resolve())
        return self._batch

    def _submit(self, messages: list[BaseMessage]) -> Future[Reply]:
        batcher = self._batcher()
        return batcher.submit(batcher.engine.prompt(messages), self.max_tokens)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return chat_result(self._submit(messages).result())

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        submitted = await asyncio.to_thread(self._submit, messages) if self._batch is None else self._submit(messages)
        return chat_result(await asyncio.wrap_future(submitted))
