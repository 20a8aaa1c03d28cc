"""nano behind a vLLM server, as a LangChain chat model: codec here, decoding there.

Token ids go to `/v1/completions` with the ids that the answer may use, so that decoding is as constrained as in this
process; the answer ends where it would end here (`NanoText.ended`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from coarse2fine.reports import ModelError
from coarse2fine.serving.nano_text import NanoText, Prompt, chat_result
from coarse2fine.serving.vllm import find, server_clients

__all__ = ["NanoVLLMChat"]


class NanoVLLMChat(BaseChatModel):
    """nano, or an adapter of it, on a vLLM server.

    Args:
        url: the server's base URL, ending in /v1.
        model: as the server knows it.
        wanted: as it was asked for: where the server no longer knows the model, this is looked up again.
        folder: the model's folder on this machine, for its codec and tokenizer.
        max_tokens: longest answer, in nano's word-level tokens.
        extra_body: what else goes with each request.
    """

    url: str
    model: str
    wanted: str = ""
    folder: Path
    max_tokens: int = 320
    extra_body: Mapping[str, Any] = {}

    @property
    def _llm_type(self) -> str:
        return "coarse2fine-nano-vllm"

    @property
    def engine(self) -> NanoText:
        """Codec and tokenizer."""
        return _text(self.folder)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt, client, sent = self.engine.prompt(messages), server_clients(self.url).blocking, self.model
        response = client.post("completions", json=self._body(prompt))
        if response.status_code == 404 and self._found_anew(sent):
            response = client.post("completions", json=self._body(prompt))
        return self._result(prompt, response)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt, client, sent = self.engine.prompt(messages), server_clients(self.url).awaiting, self.model
        response = await client.post("completions", json=self._body(prompt))
        if response.status_code == 404 and await asyncio.to_thread(self._found_anew, sent):
            response = await client.post("completions", json=self._body(prompt))
        return self._result(prompt, response)

    def _found_anew(self, sent: str) -> bool:
        """Look the name up again, which the server may know by other weights now; whether it differs from that sent."""
        if self.model == sent:
            self.model = find(self.url, self.wanted).name
        return self.model != sent

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        limit = self.engine.limit
        if len(prompt.ids) + self.max_tokens > limit:
            raise ModelError(
                f"the prompt has {len(prompt.ids)} tokens; with {self.max_tokens} for the answer the limit is {limit}"
            )
        return {
            "model": self.model,
            "prompt": prompt.ids,
            "max_tokens": self.max_tokens,
            "temperature": 0,
            "allowed_token_ids": prompt.allowed,
            "stop_token_ids": [self.engine.ends.end],
            "return_token_ids": True,
            **self.extra_body,
        }

    def _result(self, prompt: Prompt, response: httpx.Response) -> ChatResult:
        if response.is_error:  # its text may be a report's
            raise ModelError(f"the server {self.url} answered {response.status_code} to a request for {self.model}")
        try:
            ids = [int(token) for token in response.json()["choices"][0]["token_ids"]]
            reply = self.engine.reply(prompt, self.engine.ended(ids))
        except (ValueError, LookupError, TypeError) as error:
            raise ModelError(
                f"the server {self.url} answered without usable token ids ({type(error).__name__}): "
                "nano needs vLLM 0.11 or newer"
            ) from error
        return chat_result(reply, self.model)


@cache
def _text(folder: Path) -> NanoText:
    return NanoText(folder)
