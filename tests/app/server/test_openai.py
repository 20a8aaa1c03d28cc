"""The OpenAI-compatible API, spoken to with OpenAI's own client over loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest

from coarse2fine.reports import ModelError

FINDINGS = "Small left pleural effusion. No pneumothorax."
TEXT = "Small left pleural effusion."
KEY = "a-key-of-sixteen-and-more"
SPANISH = "Los pulmones están claros y el corazón es de tamaño normal sin derrame pleural."

Client = Callable[..., httpx.AsyncClient]
pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def ask(serving: Callable[..., Any]) -> Iterator[openai.OpenAI]:
    with (
        serving(keys=(KEY,)) as served,
        openai.OpenAI(base_url=f"{served.url}/v1", api_key=KEY, max_retries=0) as client,
    ):
        yield client


def user(content: Any) -> Any:
    return [{"role": "user", "content": content}]


def test_models_are_listed_and_found(ask: openai.OpenAI) -> None:
    names = [model.id for model in ask.models.list()]
    assert names == ["coarse2fine", "coarse2fine-brief", "coarse2fine-bullet", "coarse2fine-comprehensive"]
    assert ask.models.retrieve("coarse2fine-bullet").id == "coarse2fine-bullet"
    with pytest.raises(openai.NotFoundError, match="there is no such model"):
        ask.models.retrieve("gpt-4o")


@pytest.mark.parametrize(
    "content",
    [
        f"EXAM: CT chest\nFINDINGS: {FINDINGS}",
        FINDINGS,
        json.dumps({"findings": FINDINGS, "exam": "CT chest"}),
        [{"type": "text", "text": "FINDINGS:"}, {"type": "text", "text": FINDINGS}],
    ],
)
def test_one_audience_is_its_text_alone(ask: openai.OpenAI, content: Any) -> None:
    done = ask.chat.completions.create(
        model="coarse2fine-brief", messages=user(content), temperature=0.2, max_tokens=99
    )
    assert done.choices[0].message.content == TEXT
    assert done.choices[0].finish_reason == "stop"
    assert done.model == "coarse2fine-brief"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (14, 6, 20)


def test_all_audiences_are_named(ask: openai.OpenAI) -> None:
    done = ask.chat.completions.create(model="coarse2fine", messages=user(FINDINGS))
    content = done.choices[0].message.content or ""
    assert content == f"BRIEF\n{TEXT}\n\nBULLET\n{TEXT}\n\nCOMPREHENSIVE\n{TEXT}"


def test_the_last_user_message_is_read_and_no_other(ask: openai.OpenAI) -> None:
    messages: Any = [
        {"role": "system", "content": "Say that all is well."},
        {"role": "user", "content": "FINDINGS: Large mass."},
        {"role": "assistant", "content": "Large mass."},
        *user(FINDINGS),
    ]
    done = ask.chat.completions.create(model="coarse2fine-brief", messages=messages, extra_body={"radiologist": "r17"})
    assert done.choices[0].message.content == TEXT


def test_a_text_that_needs_review_says_so(ask: openai.OpenAI) -> None:
    done = ask.chat.completions.create(model="coarse2fine-brief", messages=user(SPANISH))
    content = done.choices[0].message.content or ""
    assert "\n\n[Needs review: " in content


async def test_an_audience_whose_model_breaks_is_a_note_and_the_others_are_there(client: Client, model: Any) -> None:
    def reply(_: Any) -> str:
        if len(model.asked) == 2:
            raise ModelError("the model is out")
        return TEXT

    body = {"model": "coarse2fine", "messages": user(FINDINGS)}
    got = await client(replies=reply).post("/v1/chat/completions", json=body)
    content = got.json()["choices"][0]["message"]["content"]
    assert content.count("[Needs review: ModelError: the model is out]") == 1
    assert content.count(TEXT) == 2


def test_a_stream_has_the_same_texts_and_usage_last(ask: openai.OpenAI) -> None:
    whole = ask.chat.completions.create(model="coarse2fine", messages=user(FINDINGS)).choices[0].message.content
    chunks = list(
        ask.chat.completions.create(
            model="coarse2fine", messages=user(FINDINGS), stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 40
    assert len({c.id for c in chunks}) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": "gpt-4o"}, "model"),
        ({"model": "coarse2fine-draft"}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": FINDINGS}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"role": "user", "content": "IMPRESSION: Normal."}]}, "messages"),
        ({"messages": [{"role": "user", "content": '{"exam": "CT"}'}]}, "messages"),
        ({"messages": [{"role": "user", "content": '{"findings": "Clear.", "colour": "red"}'}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"messages": [{"role": "poet", "content": FINDINGS}]}, "messages.0.role"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_is_told_in_openais_form(client: Client, change: dict[str, Any], field: str) -> None:
    body = {"model": "coarse2fine-brief", "messages": user(FINDINGS), **change}
    got = await client().post("/v1/chat/completions", json=body)
    assert got.status_code == (404 if field == "model" else 400)
    assert got.json()["error"]["param"] == field


async def test_a_json_message_that_is_broken_is_not_taken_for_findings(client: Client) -> None:
    body = {"model": "coarse2fine-brief", "messages": user('{"findings": "Clear."')}
    got = await client().post("/v1/chat/completions", json=body)
    assert got.status_code == 400
    assert "JSON" in got.json()["error"]["message"]


def test_errors_are_those_of_the_client(serving: Callable[..., Any]) -> None:
    with serving(keys=(KEY,), rate=3) as served:
        base = f"{served.url}/v1"
        with (
            openai.OpenAI(base_url=base, api_key="wrong-key", max_retries=0) as wrong,
            pytest.raises(openai.AuthenticationError) as refused,
        ):
            wrong.models.list()
        assert refused.value.code == "unauthorized"
        with openai.OpenAI(base_url=base, api_key=KEY, max_retries=0) as right:
            with pytest.raises(openai.NotFoundError) as unknown:
                right.chat.completions.create(model="gpt-4o", messages=user(FINDINGS))
            assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
            with pytest.raises(openai.BadRequestError):
                right.chat.completions.create(model="coarse2fine", messages=user(""))
            right.models.list()
            with pytest.raises(openai.RateLimitError):
                right.models.list()


def test_a_stream_that_breaks_is_an_error_of_the_client(serving: Callable[..., Any]) -> None:
    def breaks(_: Any) -> str:
        raise ModelError("the model is out")

    with (
        serving(replies=breaks) as served,
        openai.OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0) as client,
    ):
        stream = client.chat.completions.create(model="coarse2fine", messages=user(FINDINGS), stream=True)
        with pytest.raises(openai.APIError, match="the model is out"):
            list(stream)
