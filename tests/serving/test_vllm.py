"""Models of a vLLM server, against a scripted one: names, chat, nano's codec, failures."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from coarse2fine.reports import ModelError
from coarse2fine.serving import factory, load_chat_model, model_failures, model_folder
from coarse2fine.serving.nano_text import NanoText
from coarse2fine.serving.nano_vllm import NanoVLLMChat
from coarse2fine.serving.vllm import find, versioned

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
ASKED = [HumanMessage("<|findings|> Small foozled mass, 12 mm, on the left.")]
Card = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    factory._load.cache_clear()
    monkeypatch.delenv("VLLM_API_KEY", raising=False)


# ------------------------------------------------------------------------------------------------------ names
def test_without_a_name_the_base_model_is_meant(server: Any, card: Card) -> None:
    server.cards = [card("llama", max_model_len=2048), card("dr-a@11111111", parent="llama")]
    loaded = load_chat_model(f"vllm:{server.url}")
    assert (loaded.name, loaded.adapter, loaded.prompts) == (f"vllm:{server.url}", "", "default")
    assert loaded.chat.invoke(ASKED).text == "Small effusion."
    assert server.posts[0]["model"] == "llama"


@pytest.mark.parametrize("wanted", ["dr-a", "dr-a@11111111"])
def test_an_adapter_is_found_with_and_without_its_version(server: Any, card: Card, wanted: str) -> None:
    server.cards = [card("llama"), card("dr-a@11111111", parent="llama"), card("dr-ab@2", parent="llama")]
    loaded = load_chat_model(f"vllm:{server.url}#{wanted}")
    assert loaded.name == f"vllm:{server.url}#dr-a@11111111", "traces tell the version"
    assert loaded.adapter == "dr-a@11111111"
    loaded.chat.invoke(ASKED)
    assert server.posts[0]["model"] == "dr-a@11111111"


@pytest.mark.parametrize(
    ("wanted", "said"), [("dr-b", "no model 'dr-b', but: llama, a@1, a@2"), ("a", "several versions.*a@1, a@2")]
)
def test_a_name_that_tells_no_model_is_answered_with_those_there_are(
    server: Any, card: Card, wanted: str, said: str
) -> None:
    server.cards = [card("llama"), card("a@1", parent="llama"), card("a@2", parent="llama")]
    with pytest.raises(ModelError, match=said):
        load_chat_model(f"vllm:{server.url}#{wanted}")


def test_a_server_that_is_down_or_lists_nothing(server: Any) -> None:
    server.cards = []
    with pytest.raises(ModelError, match="it serves none"):
        find(server.url)
    with pytest.raises(ModelError, match="is it running"):
        find("http://127.0.0.1:1/v1")


def test_what_fits_is_told_from_the_window(server: Any, card: Card) -> None:
    server.cards = [card("llama", max_model_len=2024), card("a", parent="llama", max_model_len=None)]
    for name in ("llama", "a"):
        loaded = load_chat_model(f"vllm:{server.url}#{name}")
        assert loaded.fits([HumanMessage("x" * 3000)])
        assert not loaded.fits([HumanMessage("x" * 3001)])


def test_the_key_comes_from_the_environment(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "secret")
    load_chat_model(f"vllm:{server.url}").chat.invoke(ASKED)
    shown = [{name.lower(): value for name, value in headers.items()} for _, _, headers in server.asked]
    assert [headers["authorization"] for headers in shown] == ["Bearer secret"] * 2


# ------------------------------------------------------------------------------------------------------- chat
async def test_weights_that_changed_are_found_under_their_new_name(server: Any, card: Card) -> None:
    server.cards = [card("llama"), card("a@1", parent="llama")]
    chat = load_chat_model(f"vllm:{server.url}#a").chat
    server.cards = [card("llama"), card("a@2", parent="llama")]
    replies = await asyncio.gather(*(chat.ainvoke(ASKED) for _ in range(4)))
    assert [reply.text for reply in replies] == ["Small effusion."] * 4
    assert chat.invoke(ASKED).text == "Small effusion."
    assert {body["model"] for body in server.posts[-4:]} == {"a@2"}
    pinned = load_chat_model(f"vllm:{server.url}#a@2").chat
    server.cards = [card("llama")]
    with pytest.raises(ModelError, match="no model 'a@2'"):
        pinned.invoke(ASKED)


@pytest.mark.parametrize(("status", "sent"), [(400, 1), (429, 1), (503, 4)])
async def test_a_model_that_fails_is_a_models_failure(
    server: Any, status: int, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = load_chat_model(f"vllm:{server.url}").chat
    _hurry(monkeypatch)
    server.statuses = [status] * 4
    with pytest.raises(model_failures()):
        await chat.ainvoke(ASKED)
    assert len(server.posts) == sent


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    import tenacity.asyncio

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(tenacity.asyncio, "_portable_async_sleep", at_once)


async def test_a_chat_can_be_held_to_a_schema(server: Any) -> None:
    chat = load_chat_model(f"vllm:{server.url}").chat
    asked = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": {"type": "object"}}}
    await chat.ainvoke(ASKED, response_format=asked)
    assert server.posts[0]["response_format"] == asked
    assert server.posts[0]["temperature"] == 0


# ------------------------------------------------------------------------------------------------------- nano
@pytest.fixture
def nano() -> Path:
    try:
        return model_folder("nano")
    except ModelError:
        pytest.skip("this checkout carries no serving/models/nano")


def says(nano: Path, *tokens: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    ids = NanoText(nano).ids
    return lambda body: {"choices": [{"token_ids": [ids[t] for t in tokens], "finish_reason": "stop"}]}


@pytest.mark.parametrize("name", ["nano", "dr-a"])
async def test_nano_is_spoken_to_through_its_codec(server: Any, card: Card, nano: Path, name: str) -> None:
    base = card("nano", root="/elsewhere/nano", max_model_len=4096)
    server.cards = [base, card(versioned("nano", nano), root="/elsewhere/nano"), card("dr-a@1", parent="nano")]
    server.answer = says(nano, "small", "<w0>", "mass", ",", "<n0>", "mm", ".", "</s>")
    loaded = load_chat_model(f"vllm:{server.url}#{name}")
    assert loaded.prompts == "nano"
    reply = await loaded.chat.ainvoke(ASKED)
    assert reply.text == loaded.chat.invoke(ASKED).text == "Small foozled mass, 12 mm."
    assert reply.response_metadata["finish_reason"] == "stop"
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] == 8
    body, text = server.posts[0], NanoText(nano)
    prompt = text.prompt(ASKED)
    assert (body["prompt"], body["allowed_token_ids"]) == (prompt.ids, prompt.allowed)
    slots = {token for token, i in text.ids.items() if token[:2] in ("<w", "<n") and i in body["allowed_token_ids"]}
    assert slots == {"<w0>", "<n0>"}
    assert text.ids["right"] not in body["allowed_token_ids"]
    assert (body["temperature"], body["return_token_ids"]) == (0, True)
    assert "foozled" not in str(body)


def test_an_answer_that_goes_round_ends_where_it_would_in_process(server: Any, card: Card, nano: Path) -> None:
    server.cards = [card("nano")]
    server.answer = says(nano, *["small", "mass", "."] * 2, "left", "mass", ".")
    reply = load_chat_model(f"vllm:{server.url}").chat.invoke(ASKED)
    assert (reply.text, reply.response_metadata["finish_reason"]) == ("Small mass.", "stop")
    server.answer = says(nano, "small", "mass")
    cut = load_chat_model(f"vllm:{server.url}").chat.invoke(ASKED)
    assert (cut.text, cut.response_metadata["finish_reason"]) == ("Small mass", "length")


def test_another_nano_on_the_server_is_refused(server: Any, card: Card, nano: Path) -> None:
    server.cards = [card("nano"), card("nano@00000000")]
    with pytest.raises(ModelError, match="their words may differ"):
        load_chat_model(f"vllm:{server.url}")


def test_a_nano_of_ones_own_is_known_by_its_folder(server: Any, card: Card, nano: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    own.symlink_to(nano)
    server.cards = [card("mine", root=str(own))]
    chat = load_chat_model(f"vllm:{server.url}").chat
    assert isinstance(chat, NanoVLLMChat)
    assert chat.folder == own


@pytest.mark.parametrize("answer", [{}, {"choices": [{"text": "small mass"}]}, {"choices": [{"token_ids": [10**6]}]}])
def test_an_answer_without_token_ids_is_no_text(server: Any, card: Card, nano: Path, answer: dict[str, Any]) -> None:
    server.cards = [card("nano")]
    server.answer = lambda body: answer
    with pytest.raises(ModelError, match="without usable token ids"):
        load_chat_model(f"vllm:{server.url}").chat.invoke(ASKED)


def test_an_error_tells_the_status_and_no_text(server: Any, card: Card, nano: Path) -> None:
    server.cards, server.statuses = [card("nano")], [400]
    with pytest.raises(ModelError, match="answered 400") as raised:
        load_chat_model(f"vllm:{server.url}").chat.invoke(ASKED)
    assert "patient" not in str(raised.value)


async def test_nano_with_new_weights_is_found_anew(server: Any, card: Card, nano: Path) -> None:
    server.cards = [card("nano"), card("a@1", parent="nano")]
    server.answer = says(nano, "mass", "</s>")
    chat = load_chat_model(f"vllm:{server.url}#a").chat
    server.cards = [card("nano"), card("a@2", parent="nano")]
    replies: list[AIMessage] = await asyncio.gather(*(chat.ainvoke(ASKED) for _ in range(4)))
    assert {reply.text for reply in replies} == {"Mass"}
    assert chat.invoke(ASKED).text == "Mass"


def test_a_prompt_that_does_not_fit_is_told_before_it_is_sent(server: Any, card: Card, nano: Path) -> None:
    server.cards = [card("nano")]
    loaded = load_chat_model(f"vllm:{server.url}")
    long = [HumanMessage("mass " * 4000)]
    assert loaded.fits(ASKED)
    assert not loaded.fits(long)
    with pytest.raises(ModelError, match="the limit is"):
        loaded.chat.invoke(long)
    assert not server.posts


def test_nano_behind_a_server_loads_no_torch(server: Any, card: Card, nano: Path) -> None:
    import subprocess

    server.cards, server.answer = [card("nano")], says(nano, "mass", "</s>")
    code = (
        "import sys; from coarse2fine.serving import load_chat_model; "
        f"print(load_chat_model('vllm:{server.url}').chat.invoke('mass').text, 'torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["Mass", "False"], ran.stderr
