"""What the OpenAI-compatible API takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from coarse2fine.app.bodies import AudienceName, Wanted

__all__ = ["MODELS", "ChatCompletion", "ChatRequest", "ModelCard", "ModelList", "TextPart", "known"]

_ALL: list[AudienceName] = ["brief", "bullet", "comprehensive"]
MODELS: Mapping[str, list[AudienceName]] = {"coarse2fine": _ALL, **{f"coarse2fine-{one}": [one] for one in _ALL}}
"""Model name → the audiences that it writes for."""

_UNUSED = (
    "temperature", "top_p", "seed", "user", "safety_identifier", "prompt_cache_key", "metadata", "store",
    "service_tier", "presence_penalty", "frequency_penalty", "logit_bias", "stop", "max_tokens",
    "max_completion_tokens", "reasoning_effort", "verbosity", "parallel_tool_calls",
)  # fmt: skip
_EXAMPLE: dict[str, Any] = {
    "model": "coarse2fine-brief",
    "messages": [
        {"role": "user", "content": "EXAM: CT chest\nFINDINGS: Small left pleural effusion. No pneumothorax."},
    ],
}


def known(document: Mapping[str, Any]) -> dict[str, Any]:
    """A request without what is taken and has no use: sampling parameters."""
    return {key: value for key, value in document.items() if key not in _UNUSED}


class TextPart(BaseModel):
    """A part of a message; only text is read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """A message; of all, the last user's is read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream holds."""

    model_config = ConfigDict(strict=True)

    include_usage: bool = False


def _a_truth_value(value: object) -> object:
    if value is not None and not isinstance(value, bool):
        raise ValueError("must be false")  # Literal[False] takes 0
    return value


class ChatRequest(Wanted):
    """What `POST /v1/chat/completions` takes; sampling parameters are taken and have no use."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra=lambda schema: schema.update(
            examples=[_EXAMPLE], properties={**schema["properties"], **{name: {} for name in _UNUSED}}
        ),
    )

    model: str = Field(description=", ".join(MODELS))
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    response_format: dict[str, Any] | None = Field(default=None, description='Only {"type": "text"}.')
    tools: list[Any] | None = Field(default=None, max_length=0, description="There are none.")
    tool_choice: Any = None
    logprobs: Annotated[Literal[False] | None, BeforeValidator(_a_truth_value)] = None


class ModelCard(BaseModel):
    """A model by its name."""

    id: str
    object: Literal["model"] = "model"
    created: int = 1_764_000_000
    owned_by: str = "coarse2fine"


class ModelList(BaseModel):
    """The models that there are."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class Said(BaseModel):
    """The texts, as an assistant's message."""

    role: Literal["assistant"]
    content: str
    refusal: None


class Choice(BaseModel):
    """The one answer."""

    index: int
    message: Said
    finish_reason: Literal["stop"]
    logprobs: None


class Usage(BaseModel):
    """Tokens of all model calls of the run, as far as the models count them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """What `POST /v1/chat/completions` answers where no stream is asked for."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
