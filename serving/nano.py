"""The embedded Llama as a LangChain chat model: codec around it, constrained decoding, calls batched together."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from coarse2fine.reports import ModelError
from coarse2fine.serving import codec as marks
from coarse2fine.serving.adapters import check_base, put_on
from coarse2fine.serving.codec import Codec, Session

if TYPE_CHECKING:
    import torch

__all__ = ["NanoChat", "NanoEngine", "load_codec"]


def load_codec(folder: Path) -> Codec:
    """The codec of a model folder.

    Raises:
        ModelError: the folder has none, or it is not one that this version reads.
    """
    try:
        card = json.loads((folder / "codec.json").read_text("utf-8"))
        if card["version"] != 1:
            raise ModelError(f"{folder}/codec.json has version {card['version']}; this package reads version 1")
        return Codec(card["vocabulary"], card["casing"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no readable codec.json: {error}") from error


class Prompt(NamedTuple):
    """A conversation ready for the model: token ids, slots, and the ids that an answer may use."""

    ids: list[int]
    session: Session
    allowed: list[int]


class Reply(NamedTuple):
    """An answer and what it cost, in tokens; `finished` is False where the length limit cut it."""

    text: str
    prompt_tokens: int
    answer_tokens: int
    finished: bool


class NanoEngine:
    """Model, tokenizer and codec of one folder; answers batches of conversations.

    Args:
        folder: what `coarse2fine train nano` wrote.
        adapter: what `coarse2fine train sft` wrote for that folder; None for none.

    Raises:
        ModelError: the folder is not such a model, or the adapter is not one of it.
    """

    def __init__(self, folder: Path, adapter: Path | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        self.codec = load_codec(folder)
        logging.disable_progress_bar()
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        if adapter is not None:
            check_base(adapter, folder)
            self.model = put_on(self.model, adapter).merge_and_unload().eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.ids: dict[str, int] = self.tokenizer.get_vocab()
        self.limit: int = self.model.config.max_position_embeddings
        self._tokens = {i: token for token, i in self.ids.items()}
        self._ends = Ends(
            stops=frozenset(self.ids[t] for t in (".", marks.NEWLINE) if t in self.ids),
            marks=frozenset(self.ids[t] for t in (marks.BULLET, marks.NEWLINE, *marks.MARKERS) if t in self.ids),
            end=self.ids[marks.END],
        )
        words = [*sorted(self.codec.vocabulary), *marks.MARKERS, marks.BULLET, marks.DASH, marks.NEWLINE, marks.END]
        self._free = {token: self.ids[token] for token in words if token in self.ids}

    def prompt(self, messages: Sequence[BaseMessage]) -> Prompt:
        """Encode a conversation of human and AI messages; it ends where the answer begins."""
        session = Session()
        session.shouting = _shouts("".join(str(m.content) for m in messages))
        tokens = [marks.START]
        for message in messages:
            piece = self.codec.encode(str(message.content), session)
            tokens += [marks.ANSWER, *piece, marks.END] if message.type == "ai" else piece
        tokens.append(marks.ANSWER)
        forbidden = self.codec.forbidden(session)
        allowed = [i for token, i in self._free.items() if token not in forbidden]
        allowed += [self.ids[slot] for slot in session.slots()]
        return Prompt([self.ids[token] for token in tokens], session, allowed)

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
                logits_processor=[_Allowed([p.allowed for p in prompts], len(self.ids)), _Once(self._ends, width)],
            )
        return [self._reply(p, row[width:].tolist()) for p, row in zip(prompts, made, strict=True)]

    def _reply(self, prompt: Prompt, ids: list[int]) -> Reply:
        end = self.ids[marks.END]
        finished = end in ids
        kept = said_once(ids[: ids.index(end)] if finished else ids, self._ends)
        text = self.codec.decode([self._tokens[i] for i in kept], prompt.session)
        return Reply(text, len(prompt.ids), len(kept) + finished, finished)


class Ends(NamedTuple):
    """Ids that end a sentence (stops), that open an item of a list (marks), and that end an answer."""

    stops: frozenset[int]
    marks: frozenset[int]
    end: int


def _sentences(ids: Sequence[int], ends: Ends) -> list[list[int]]:
    """Token ids cut after each stop."""
    found: list[list[int]] = [[]]
    for token in ids:
        found[-1].append(token)
        if token in ends.stops:
            found.append([])
    return [sentence for sentence in found if sentence]


def said_once(ids: Sequence[int], ends: Ends) -> list[int]:
    """Token ids of an answer without the sentences that it has said before, whatever list mark they carry."""
    seen: set[tuple[int, ...]] = set()
    kept: list[int] = []
    for sentence in _sentences(ids, ends):
        sentence = sentence[: len(sentence) - 2 * _round(sentence)]
        words = tuple(token for token in sentence if token not in ends.marks)
        if words and words in seen:
            continue
        seen.add(words)
        kept += sentence
    while kept and kept[-1] in ends.marks:
        kept.pop()
    return kept


_LONGEST_ROUND = 16


def _round(ids: Sequence[int]) -> int:
    """How many of the last tokens stand there three times in a row; 0 where none do."""
    sizes = range(1, min(_LONGEST_ROUND, len(ids) // 3) + 1)
    return next((n for n in sizes if ids[-n:] == ids[-2 * n : -n] == ids[-3 * n : -2 * n]), 0)


class _Once:
    """Logits processor: an answer that repeats a sentence or goes round ends; greedy decoding would go on for ever."""

    def __init__(self, ends: Ends, width: int) -> None:
        self.ends, self.width = ends, width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores (rows, vocabulary); where the last sentence is a repetition, only the end is possible."""
        for row, last in enumerate(input_ids[:, -1].tolist()):
            said = input_ids[row, self.width :].tolist()
            if (last in self.ends.stops and self._repeats(said)) or _round(said):
                scores[row] = float("-inf")
                scores[row, self.ends.end] = 0.0
        return scores

    def _repeats(self, ids: Sequence[int]) -> bool:
        keys = [tuple(t for t in s if t not in self.ends.marks) for s in _sentences(ids, self.ends)]
        keys = [key for key in keys if key]
        return len(keys) > 1 and keys[-1] in keys[:-1]


def _shouts(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return sum(c.isupper() for c in letters) > 0.7 * max(1, len(letters))


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
        return _result(self._submit(messages).result())

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        submitted = await asyncio.to_thread(self._submit, messages) if self._batch is None else self._submit(messages)
        return _result(await asyncio.wrap_future(submitted))


def _result(reply: Reply) -> ChatResult:
    message = AIMessage(
        reply.text,
        usage_metadata={
            "input_tokens": reply.prompt_tokens,
            "output_tokens": reply.answer_tokens,
            "total_tokens": reply.prompt_tokens + reply.answer_tokens,
        },
        response_metadata={"finish_reason": "stop" if reply.finished else "length", "model_name": "nano"},
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
