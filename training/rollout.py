"""Texts that a policy in training writes: nano through its codec, so that only what it may write can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from coarse2fine.serving import codec as marks
from coarse2fine.training.preference_data import messages_of
from coarse2fine.training.preferences import Asked
from coarse2fine.training.sft_data import Base

__all__ = ["Request", "Written", "requests", "write"]

_AT_ONCE = 16


class Request(NamedTuple):
    """A prompt in ids, the ids that an answer may use (None: all), and what makes text of an answer's ids."""

    ids: list[int]
    allowed: list[int] | None
    decode: Callable[[Sequence[int]], str]


class Written(NamedTuple):
    """An answer, in ids up to its end mark, and as text."""

    ids: list[int]
    text: str


def requests(base: Base, asked: Sequence[Asked]) -> list[Request]:
    """Prompts of requests.

    Raises:
        ModelError: the base's tokenizer or codec cannot be loaded.
    """
    made = _of_nano(base) if base.is_nano else _of_hugging_face(base)
    return [made(one) for one in asked]


def _of_nano(base: Base) -> Callable[[Asked], Request]:
    from coarse2fine.serving.nano import NanoChat

    chat = base.loaded.chat
    if not isinstance(chat, NanoChat):
        raise TypeError(f"{base.name} is not served as nano")
    engine = chat.engine
    tokens, end = {i: token for token, i in engine.ids.items()}, engine.ids[marks.END]

    def request(asked: Asked) -> Request:
        prompt = engine.prompt(messages_of(base, asked))

        def decode(ids: Sequence[int]) -> str:
            return engine.codec.decode([tokens[i] for i in ids if i != end], prompt.session)

        return Request(prompt.ids, prompt.allowed, decode)

    return request


def _of_hugging_face(base: Base) -> Callable[[Asked], Request]:
    from coarse2fine.serving.huggingface import encode_messages, load_tokenizer

    tokenizer = load_tokenizer(base.path)

    def decode(ids: Sequence[int]) -> str:
        return str(tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def request(asked: Asked) -> Request:
        return Request(encode_messages(tokenizer, messages_of(base, asked)), None, decode)

    return request


def write(
    model: Any, tokenizer: Any, prompts: Sequence[Request], longest: int, temperature: float | None = None
) -> list[Written]:
    """Answers of a model to prompts, in their order.

    Args:
        longest: in tokens.
        temperature: of drawing; None for the likeliest answer.
    """
    return [
        answer
        for start in range(0, len(prompts), _AT_ONCE)
        for answer in _batch(model, tokenizer, prompts[start : start + _AT_ONCE], longest, temperature)
    ]


def _batch(
    model: Any, tokenizer: Any, prompts: Sequence[Request], longest: int, temperature: float | None
) -> list[Written]:
    import torch

    ends = _ends(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    width = max(len(prompt.ids) for prompt in prompts)
    ids = torch.full((len(prompts), width), pad, device=model.device)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt.ids) :] = torch.tensor(prompt.ids)
        mask[row, width - len(prompt.ids) :] = 1
    allowed = [None if p.allowed is None else torch.tensor(p.allowed, device=model.device) for p in prompts]
    training = model.training
    model.eval()
    with torch.no_grad():
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=longest,
            do_sample=temperature is not None,
            temperature=temperature,
            top_k=0,
            top_p=1.0,
            pad_token_id=pad,
            eos_token_id=ends,
            prefix_allowed_tokens_fn=None if allowed[0] is None else lambda row, _said: allowed[row],
        )
    model.train(training)
    answers = (_to_end(row[width:].tolist(), ends) for row in made)
    return [Written(answer, prompt.decode(answer)) for answer, prompt in zip(answers, prompts, strict=True)]


def _ends(model: Any, tokenizer: Any) -> list[int]:
    named = model.generation_config.eos_token_id
    more = named if isinstance(named, list) else [named]
    return list(dict.fromkeys(i for i in [tokenizer.eos_token_id, *more] if i is not None))


def _to_end(ids: Sequence[int], ends: Sequence[int]) -> list[int]:
    last = next((at for at, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[: last + 1])
