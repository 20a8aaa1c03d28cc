"""Turns a model's name into a model (`nano`, `hf:PATH_OR_ID`, each also with `#ADAPTER_FOLDER`, `vllm:URL#ADAPTER`, any
`init_chat_model` name)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from coarse2fine.reports import MissingExtra, ModelError
from coarse2fine.serving.adapters import adapter_base, split_name
from coarse2fine.serving.nli import NLIModel, SequenceClassifierNLI, TrueTeacherNLI

if TYPE_CHECKING:
    from coarse2fine.serving.nano import NanoChat
    from coarse2fine.serving.nano_vllm import NanoVLLMChat

__all__ = ["LoadedModel", "load_chat_model", "load_nli", "model_folder", "unload_chat_models"]

_ROOM = 24_000
"""Longest prompt, in characters, for a model that does not say what it reads (about 6,000 tokens)."""


class LoadedModel(NamedTuple):
    """A chat model, what traces call it, the prompt set it was tuned on, and what it can read.

    Args:
        reads: whether these messages leave it room for an answer; None where only their length can be judged.
    """

    name: str
    chat: BaseChatModel
    prompts: str
    reads: Callable[[Sequence[BaseMessage]], bool] | None = None

    @property
    def adapter(self) -> str:
        """The LoRA adapter that the name asks for, "" for none."""
        return self.name.partition("#")[2]

    def fits(self, messages: Sequence[BaseMessage]) -> bool:
        """Whether the model can read these messages and still answer."""
        return self.reads(messages) if self.reads else sum(len(str(m.content)) for m in messages) <= _ROOM


def model_folder(name: str) -> Path:
    """The folder of a model that ships in the package: "nano" or "critic".

    Raises:
        ModelError: this installation does not carry it.
    """
    folder = Path(str(files("coarse2fine.serving") / "models" / name))
    if not (folder / "config.json").exists():
        raise ModelError(
            f"this installation carries no model {name!r} (looked in {folder}); `coarse2fine doctor` says more"
        )
    return folder


def load_chat_model(model: str | BaseChatModel) -> LoadedModel:
    """A chat model by name; an instance of LangChain's BaseChatModel is taken as it is. Loaded once a process.

    Raises:
        ModelError: it cannot be loaded, or the name has no known form.
        MissingExtra: it needs a package that is not installed.
    """
    return _load(model) if isinstance(model, str) else _given(model)


def unload_chat_models() -> None:
    """Let go of the large models that were loaded by name, so that the next one finds room; nano's stay."""
    from coarse2fine.serving.huggingface import unload

    _load.cache_clear()
    unload()


@cache
def _load(name: str) -> LoadedModel:
    kind, _, rest = name.partition(":")
    path, adapter = split_name(rest if kind == "hf" else name)
    if path == "nano" and kind != "hf":
        return _nano(name, model_folder("nano"), adapter)
    if kind == "hf" and rest:
        return _hugging_face(name, path, adapter)
    if kind == "vllm" and rest:
        return _vllm(name, rest)
    return _langchain(name)


def _given(chat: BaseChatModel) -> LoadedModel:
    from coarse2fine.serving.huggingface import HuggingFaceChat
    from coarse2fine.serving.nano import NanoChat
    from coarse2fine.serving.nano_vllm import NanoVLLMChat

    if isinstance(chat, NanoChat):
        return LoadedModel(_named(f"hf:{chat.folder}", chat.adapter), chat, "nano", _nano_reads(chat))
    if isinstance(chat, NanoVLLMChat):
        return LoadedModel(f"vllm:{chat.url}#{chat.model}", chat, "nano", _nano_reads(chat))
    if isinstance(chat, HuggingFaceChat):
        return LoadedModel(_named(f"hf:{chat.path}", chat.adapter), chat, "default", chat.reads)
    name = getattr(chat, "model_name", None) or getattr(chat, "model", None)
    return LoadedModel(name if isinstance(name, str) else chat.get_name(), chat, "default")


def _named(name: str, adapter: Path | None) -> str:
    return name if adapter is None else f"{name}#{adapter}"


def _hugging_face(name: str, path: str, adapter: Path | None) -> LoadedModel:
    from coarse2fine.serving.huggingface import HuggingFaceChat

    if adapter is None and (base := _nano_base(Path(path))):
        return _nano(name, base, Path(path))
    if (Path(path) / "codec.json").exists():
        return _nano(name, Path(path), adapter)
    chat = HuggingFaceChat(path=path, adapter=adapter)
    return LoadedModel(name, chat, "default", chat.reads)


def _nano_base(folder: Path) -> Path | None:
    """The folder of the nano that an adapter's folder was trained on; None where it is no adapter of a nano."""
    if not (folder / "adapter_config.json").exists():
        return None
    base = adapter_base(folder)
    if base == "nano":
        return model_folder("nano")
    return Path(base) if (Path(base) / "codec.json").exists() else None


def _nano(name: str, folder: Path, adapter: Path | None = None) -> LoadedModel:
    from coarse2fine.serving.nano import NanoChat

    chat = NanoChat(folder=folder, adapter=adapter)
    return LoadedModel(name, chat, "nano", _nano_reads(chat))


def _nano_reads(chat: NanoChat | NanoVLLMChat) -> Callable[[Sequence[BaseMessage]], bool]:
    def reads(messages: Sequence[BaseMessage]) -> bool:
        room = chat.engine.limit - chat.max_tokens
        marks = 3 * len(messages) + 2
        shortest = sum(len(str(m.content)) for m in messages) + marks  # a token has at least one character
        return shortest <= room or len(chat.engine.prompt(messages).ids) <= room

    return reads


def _vllm(name: str, rest: str) -> LoadedModel:
    from coarse2fine.serving.vllm import find, nano_folder

    url, _, wanted = rest.partition("#")
    served = find(url, wanted)
    full = f"vllm:{url}#{served.name}" if wanted else name
    if folder := nano_folder(served, lambda: model_folder("nano")):
        from coarse2fine.serving.nano_vllm import NanoVLLMChat

        nano = NanoVLLMChat(url=url, model=served.name, wanted=wanted, folder=folder)
        return LoadedModel(full, nano, "nano", _nano_reads(nano))
    _need("langchain_openai", "langchain-openai", name)
    from coarse2fine.serving.vllm_chat import vllm_chat

    return LoadedModel(full, vllm_chat(url, served.name, wanted), "default", served.reads if served.window else None)


def _langchain(name: str) -> LoadedModel:
    langchain = _need("langchain.chat_models", "langchain", name)
    try:
        return LoadedModel(name, langchain.init_chat_model(name, temperature=0), "default")
    except (ImportError, ValueError) as error:
        raise ModelError(f"cannot load the model {name!r}: {error}") from error


def _need(module: str, package: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        known = "nano, hf:PATH_OR_ID and vllm:URL#ADAPTER"
        raise MissingExtra(
            f"the model {name!r} needs the package {package}: pip install {package} (known without it: {known})"
        ) from error


def load_nli(model: str | NLIModel) -> NLIModel:
    """An NLI model by name: "nano-critic", "hf:PATH_OR_ID", "trueteacher:PATH_OR_ID"; an instance is taken as it is.

    Raises:
        ModelError: the name has no known form, or this installation lacks the model.
    """
    return _load_nli(model) if isinstance(model, str) else model


@cache
def _load_nli(name: str) -> NLIModel:
    kind, _, rest = name.partition(":")
    if name == "nano-critic":
        return SequenceClassifierNLI(model_folder("critic"), name)
    if kind == "hf" and rest:
        return SequenceClassifierNLI(rest, name)
    if kind == "trueteacher" and rest:
        return TrueTeacherNLI(rest, name)
    raise ModelError(f"no NLI model is named {name!r}; use nano-critic, hf:PATH_OR_ID or trueteacher:PATH_OR_ID")
