"""A chat model as judge of claims: one of a vLLM server is held to the form of the answer, others are asked as ever."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI

from coarse2fine.agents import ChatJudge, Critic
from coarse2fine.agents.recorded import RecordedCritic
from coarse2fine.reports import Report
from coarse2fine.serving import Pair, ScriptedNLI, factory, load_chat_model

from .conftest import chat  # noqa: TID252

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
PAIRS = [Pair("Ill-defined haze.", "Zebra stripes."), Pair("Ill-defined haze.", "A haze.")]
SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": ["supported", "contradicted", "unsupported"]},
        "reason": {"type": "string", "default": ""},
    },
    "required": ["label", "reason"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "judgement", "strict": True, "schema": SCHEMA}}


@pytest.fixture
def model(server: Any, monkeypatch: pytest.MonkeyPatch) -> BaseChatModel:
    factory._load.cache_clear()
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    return load_chat_model(f"vllm:{server.url}").chat


def by_claim(body: dict[str, Any]) -> dict[str, Any]:
    label = "unsupported" if "Zebra" in str(body["messages"]) else "supported"
    return chat(json.dumps({"label": label, "reason": "it says so"}))


def test_a_server_that_knows_grammars_is_sent_the_form(server: Any, model: BaseChatModel) -> None:
    server.answer = by_claim
    found = ChatJudge(model).judge(PAIRS)
    assert [one.label for one in found] == ["unsupported", "supported"]
    assert [body["response_format"] for body in server.posts] == [FORM, FORM]
    assert [(body["model"], body["temperature"]) for body in server.posts] == [("llama", 0)] * 2
    assert not [body for body in server.posts if "extra_body" in body]


async def test_so_it_is_behind_a_critic_and_drafts_stay_free(server: Any, model: BaseChatModel) -> None:
    server.answer = by_claim
    critic = RecordedCritic(Critic(ScriptedNLI(0.9), judge=model, agree=False))
    await critic.assess(Report(findings="Ill-defined haze."), "Zebra stripes.", "brief")
    await model.ainvoke("Draft.")
    assert server.posts[0]["response_format"] == FORM
    assert "response_format" not in server.posts[-1]


def test_another_chat_model_is_asked_as_ever(server: Any) -> None:
    server.answer = by_claim
    plain = ChatOpenAI(base_url=server.url, api_key="unused", model="llama", max_retries=0)
    assert [one.label for one in ChatJudge(plain).judge(PAIRS)] == ["unsupported", "supported"]
    assert not [body for body in server.posts if "response_format" in body]


@pytest.mark.parametrize(
    ("text", "finish", "said"),
    [
        ("I think that it is fine.", "stop", "holds no JSON object"),
        ('{"label": "maybe", "reason": ""}', "stop", "not of the form asked for"),
        ('{"label": "supported", "reason": "it says', "length", "holds no JSON object"),
    ],
)
def test_a_reply_that_cannot_be_read_is_undecided_and_spares_the_others(
    server: Any, model: BaseChatModel, text: str, finish: str, said: str
) -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        if "Zebra" not in str(body["messages"]):
            return by_claim(body)
        broken = chat(text)
        broken["choices"][0]["finish_reason"] = finish
        return broken

    server.answer = answer
    first, second = ChatJudge(model).judge(PAIRS)
    assert (first.label, second.label) == ("undecided", "supported")
    assert first.reason.startswith("UnparsableReply: ")
    assert said in first.reason


def test_the_judge_loads_no_client_of_a_server() -> None:
    code = "import sys; import coarse2fine.agents; print('langchain_openai' in sys.modules, 'openai' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["False", "False"], ran.stderr
