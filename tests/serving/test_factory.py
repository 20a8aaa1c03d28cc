from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage

from coarse2fine.reports import MissingExtra, ModelError
from coarse2fine.serving import (
    ScriptedChatModel,
    ScriptedNLI,
    factory,
    load_chat_model,
    load_nli,
    model_failures,
    model_folder,
)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    factory._load.cache_clear()
    factory._load_nli.cache_clear()


def test_an_instance_is_taken_as_it_is() -> None:
    chat = ScriptedChatModel(replies=["x"])
    loaded = load_chat_model(chat)
    assert (loaded.chat, loaded.name, loaded.prompts, loaded.adapter) == (chat, "ScriptedChatModel", "default", "")
    nli = ScriptedNLI()
    assert load_nli(nli) is nli


def test_an_instance_that_has_a_name_goes_by_it() -> None:
    class Named(ScriptedChatModel):
        model_name: str = "gpt-x"

    assert load_chat_model(Named(replies=["x"])).name == "gpt-x"


def test_models_without_a_limit_are_judged_by_length() -> None:
    loaded = load_chat_model(ScriptedChatModel(replies=["x"]))
    assert loaded.fits([HumanMessage("x" * 20_000)])
    assert not loaded.fits([HumanMessage("x" * 20_000), HumanMessage("x" * 20_000)])


def test_a_folder_with_a_codec_is_nano(tmp_path: Path) -> None:
    (tmp_path / "codec.json").write_text(json.dumps({"version": 1, "vocabulary": [], "casing": {}}))
    loaded = load_chat_model(f"hf:{tmp_path}")
    assert loaded.prompts == "nano"
    assert load_chat_model(loaded.chat).prompts == "nano"
    assert load_chat_model(f"hf:{tmp_path}") is loaded


def test_an_adapter_is_named_behind_its_base(tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    base.mkdir()
    adapter.mkdir()
    (base / "codec.json").write_text(json.dumps({"version": 1, "vocabulary": [], "casing": {}}))
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    loaded = load_chat_model(f"hf:{base}#{adapter}")
    assert (loaded.prompts, loaded.adapter, loaded.chat.adapter) == ("nano", str(adapter), adapter)
    assert load_chat_model(loaded.chat).name == f"hf:{base}#{adapter}"
    alone = load_chat_model(f"hf:{adapter}")
    assert (alone.prompts, alone.chat.folder, alone.chat.adapter) == ("nano", base, adapter)
    assert load_chat_model("hf:some/model#tuned").chat.adapter == Path("tuned")


def test_a_path_with_a_hash_in_it_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "a#b"
    folder.mkdir()
    assert load_chat_model(f"hf:{folder}").chat.path == str(folder)


def test_a_folder_that_is_no_adapter_is_refused(tmp_path: Path) -> None:
    from coarse2fine.serving.adapters import put_on

    with pytest.raises(ModelError, match="holds no adapter"):
        put_on(object(), tmp_path)


def test_nano_says_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    from coarse2fine.serving.nano import NanoChat

    class Engine:
        limit = 400

        def prompt(self, messages: Any) -> Any:
            return type("Prompt", (), {"ids": str(messages[0].content).split()})

    monkeypatch.setattr(NanoChat, "engine", property(lambda self: Engine()))
    loaded = load_chat_model(NanoChat(folder=Path("nowhere"), max_tokens=100))
    assert loaded.fits([HumanMessage("short")])
    assert loaded.fits([HumanMessage("seventy " * 300)])
    assert not loaded.fits([HumanMessage("seventy " * 301)])


def test_another_folder_is_a_hugging_face_model(tmp_path: Path) -> None:
    assert load_chat_model(f"hf:{tmp_path}").prompts == "default"


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [("vllm:URL#llama", "langchain_openai", "langchain-openai"), ("openai:gpt-4o", "langchain", "langchain")],
)
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, server: Any, name: str, module: str, package: str
) -> None:
    name = name.replace("URL", server.url)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=f"pip install {package}"):
        load_chat_model(name)


def test_a_shipped_model_that_is_not_there() -> None:
    with pytest.raises(ModelError, match=r"carries no model 'nanissimo'.*doctor"):
        model_folder("nanissimo")


def test_nli_names() -> None:
    assert load_nli("hf:some/model").name == "hf:some/model"
    assert load_nli("trueteacher:some/t5").name == "trueteacher:some/t5"
    for name in ("best", "hf:", "openai:gpt-4o"):
        with pytest.raises(ModelError, match="no NLI model is named"):
            load_nli(name)


def test_an_nli_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    from coarse2fine.serving import Pair

    with pytest.raises(ModelError, match="cannot load the NLI model"):
        load_nli(f"hf:{tmp_path}").score([Pair("a", "b")])


def test_what_counts_as_a_models_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ConnectionError("x"), TimeoutError("x"), RuntimeError("x"), httpx.ConnectError("x")):
        assert isinstance(error, model_failures())
    assert not isinstance(AttributeError("x"), model_failures())
    client = ModuleType("openai")
    client.OpenAIError = type("OpenAIError", (Exception,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "openai", client)
    assert client.OpenAIError in model_failures()
