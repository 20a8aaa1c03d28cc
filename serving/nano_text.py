"""nano without its weights: conversations to token ids, ids of answers to text, when an answer ends. No torch.

The weights may be in this process (`nano`) or behind a vLLM server (`nano_vllm`): both are spoken to through this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from coarse2fine.reports import ModelError
from coarse2fine.serving import codec as marks
from coarse2fine.serving.codec import Codec, Session

__all__ = ["Ends", "NanoText", "Prompt", "Reply", "chat_result", "load_codec", "must_end", "said_once"]


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


class NanoText:
    """Codec and tokenizer of one model folder.

    Args:
        folder: what `coarse2fine train nano` wrote.

    Raises:
        ModelError: the folder is not such a model's.
    """

    def __init__(self, folder: Path) -> None:
        self.codec = load_codec(folder)
        self.ids: Mapping[str, int] = _vocabulary(folder)
        self.limit = _positions(folder)
        self._tokens = {i: token for token, i in self.ids.items()}
        self.ends = Ends(
            stops=frozenset(self.ids[t] for t in (".", marks.NEWLINE) if t in self.ids),
            marks=frozenset(self.ids[t] for t in (marks.BULLET, marks.NEWLINE, *marks.MARKERS) if t in self.ids),
            end=self.ids[marks.END],
        )
        words = [*sorted(self.codec.vocabulary), *marks.MARKERS, marks.BULLET, marks.DASH, marks.NEWLINE, marks.END]
        self._free = {token: self.ids[token] for token in words if token in self.ids}
        self._allowed: dict[frozenset[str], list[int]] = {}

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
        allowed = [*self._unless(frozenset(forbidden)), *(self.ids[slot] for slot in session.slots())]
        return Prompt([self.ids[token] for token in tokens], session, allowed)

    def _unless(self, forbidden: frozenset[str]) -> Sequence[int]:
        """Ids of the words that any answer may use but these."""
        known = self._allowed.get(forbidden)
        if known is None:
            known = self._allowed[forbidden] = [i for token, i in self._free.items() if token not in forbidden]
        return known

    def reply(self, prompt: Prompt, ids: Sequence[int]) -> Reply:
        """The answer that these token ids are; what stands behind its end is left out."""
        end = self.ends.end
        finished = end in ids
        kept = said_once(ids[: ids.index(end)] if finished else ids, self.ends)
        text = self.codec.decode([self._tokens[i] for i in kept], prompt.session)
        return Reply(text, len(prompt.ids), len(kept) + finished, finished)

    def ended(self, ids: Sequence[int]) -> list[int]:
        """Token ids of an answer, cut and ended where one in this process would have had to end (`must_end`)."""
        for length in range(1, len(ids) + 1):
            if ids[length - 1] == self.ends.end:
                return list(ids[:length])
            if must_end(ids[:length], self.ends):
                return [*ids[:length], self.ends.end]
        return list(ids)


def _vocabulary(folder: Path) -> Mapping[str, int]:
    from tokenizers import Tokenizer

    try:
        found: Mapping[str, int] = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    except Exception as error:  # tokenizers raises nothing narrower
        raise ModelError(f"{folder} holds no readable tokenizer.json: {error}") from error
    return found


def _positions(folder: Path) -> int:
    try:
        return int(json.loads((folder / "config.json").read_text("utf-8"))["max_position_embeddings"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no readable config.json: {error}") from error


def chat_result(reply: Reply, model_name: str = "nano") -> ChatResult:
    """A reply as LangChain wants it."""
    message = AIMessage(
        reply.text,
        usage_metadata={
            "input_tokens": reply.prompt_tokens,
            "output_tokens": reply.answer_tokens,
            "total_tokens": reply.prompt_tokens + reply.answer_tokens,
        },
        response_metadata={"finish_reason": "stop" if reply.finished else "length", "model_name": model_name},
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


# --------------------------------------------------------------------------------------------------- where it ends
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


def must_end(ids: Sequence[int], ends: Ends) -> bool:
    """Whether an answer has just repeated a sentence or gone round: greedy decoding would go on for ever."""
    return bool(ids) and ((ids[-1] in ends.stops and _repeats(ids, ends)) or bool(_round(ids)))


def _repeats(ids: Sequence[int], ends: Ends) -> bool:
    keys = [tuple(t for t in s if t not in ends.marks) for s in _sentences(ids, ends)]
    keys = [key for key in keys if key]
    return len(keys) > 1 and keys[-1] in keys[:-1]


_LONGEST_ROUND = 16


def _round(ids: Sequence[int]) -> int:
    """How many of the last tokens stand there three times in a row; 0 where none do."""
    sizes = range(1, min(_LONGEST_ROUND, len(ids) // 3) + 1)
    return next((n for n in sizes if ids[-n:] == ids[-2 * n : -n] == ids[-3 * n : -2 * n]), 0)


def _shouts(text: str) -> bool:
    return sum(map(str.isupper, text)) > 0.7 * max(1, sum(map(str.isalpha, text)))
