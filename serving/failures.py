"""What a model's client may raise when it cannot be loaded, reached or run."""

from __future__ import annotations

import sys

__all__ = ["model_failures"]

_CLIENTS = (
    ("httpx", "HTTPError"),
    ("openai", "OpenAIError"),
    ("anthropic", "AnthropicError"),
    ("google.api_core.exceptions", "GoogleAPIError"),
    ("google.genai.errors", "APIError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("langchain_core.exceptions", "LangChainException"),
)


def model_failures() -> tuple[type[Exception], ...]:
    """The exceptions that mean "the model failed" rather than "the program is wrong".

    Files and sockets (OSError), torch (RuntimeError), refused arguments (ValueError), and the base errors of those
    client libraries that are loaded.
    """
    loaded = ((sys.modules.get(module), name) for module, name in _CLIENTS)
    found = [getattr(module, name, None) for module, name in loaded if module is not None]
    return (OSError, RuntimeError, ValueError, *(error for error in found if isinstance(error, type)))
