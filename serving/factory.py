"""Turns a model's name into a model (DESIGN: `nano`, `hf:PATH_OR_ID`, `vllm:URL#ADAPTER`, or any `init_chat_model` name)."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from langchain_core.language_models import BaseChatModel

from coarse2fine.reports import MissingExtra, ModelError
from coarse2fine.serving.nli import NLIModel, SequenceClassifierNLI, TrueTeacherNLI

__all__ = ["LoadedModel", "load_chat_model", "load_nli", "model_folder"]


class LoadedModel(NamedTuple):
    """A chat model, what traces call it, and the prompt set it was tuned on."""

    name: str
    chat: BaseChatModel
    prompts: str


def model_folder(name: str) -> Path:
    """The folder of a model that ships in the package: "nano" or "critic".

    Raises:
        ModelError: this installation does not carry it.
    """
    folder = Path(str(files("coarse2fine.serving") / "models" / name))
    if not (folder / "config.json").exists():
        raise ModelError(f"this installation carries no model {name!r} (looked in {folder}); `coarse2fine doctor` says more")
    return folder


def load_chat_model(model: str | BaseChatModel) -> LoadedModel:
    """A chat model by name; an instance of LangChain's BaseChatModel is taken as it is.

    Raises:
        ModelError: it cannot be loaded, or the name has no known form.
        MissingExtra: it needs a package that is not installed.
    """
    return _load(model) if isinstance(model, str) else LoadedModel(model.get_name(), model, "default")


@cache
def _load(name: str) -> LoadedModel:
    kind, _, rest = name.partition(":")
    if name == "nano":
        return _nano(name, model_folder("nano"))
    if kind == "hf" and rest:
        if (Path(rest) / "codec.json").exists():
            return _nano(name, Path(rest))
        from coarse2fine.serving.huggingface import HuggingFaceChat

        return LoadedModel(name, HuggingFaceChat(path=rest), "default")
    if kind == "vllm" and rest:
        return _vllm(name, rest)
    return _langchain(name)


def _nano(name: str, folder: Path) -> LoadedModel:
    from coarse2fine.serving.nano import NanoChat

    return LoadedModel(name, NanoChat(folder=folder), "nano")


def _vllm(name: str, rest: str) -> LoadedModel:
    url, _, adapter = rest.partition("#")
    openai = _need("langchain_openai", "langchain-openai", name)
    chat = openai.ChatOpenAI(base_url=url, api_key="unused", model=adapter or "default", temperature=0)
    return LoadedModel(name, chat, "default")


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
        raise MissingExtra(f"the model {name!r} needs the package {package}: pip install {package}") from error


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
