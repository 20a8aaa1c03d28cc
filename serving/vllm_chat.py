"""A chat model of a vLLM server: langchain-openai over our own connections, which retry and bound what is in flight."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_function
from langchain_openai import ChatOpenAI
from openai import NotFoundError
from pydantic import BaseModel

from coarse2fine.serving.vllm import find, server_clients

__all__ = ["VLLMChat", "vllm_chat"]


class VLLMChat(ChatOpenAI):
    """A model of a vLLM server.

    Args:
        wanted: what is asked for: where the server no longer knows the name, it is looked up again.
    """

    wanted: str = ""

    def held_to(self, form: type[BaseModel]) -> Runnable[LanguageModelInput, AIMessage]:
        """This model, with replies that a grammar on the server holds to the JSON schema of a form, all fields given.

        A reply may still be cut at the model's window. So `response_format` goes into the body beside what
        langchain-openai knows, which else raises for all replies of a batch where one was cut.
        """
        function = convert_to_openai_function(form, strict=True)
        schema = {"name": function["name"], "strict": True, "schema": function["parameters"]}
        return self.bind(extra_body={"response_format": {"type": "json_schema", "json_schema": schema}})

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        sent = self.model_name
        try:
            return super()._generate(*args, **kwargs)
        except NotFoundError:
            if not self._found_anew(sent):
                raise
            return super()._generate(*args, **kwargs)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        sent = self.model_name
        try:
            return await super()._agenerate(*args, **kwargs)
        except NotFoundError:
            if not await asyncio.to_thread(self._found_anew, sent):
                raise
            return await super()._agenerate(*args, **kwargs)

    def _found_anew(self, sent: str) -> bool:
        """Look the name up again, which the server may know by other weights now; whether it differs from that sent."""
        if self.model_name == sent:
            self.model_name = find(str(self.openai_api_base), self.wanted).name
        return self.model_name != sent


def vllm_chat(url: str, name: str, wanted: str) -> VLLMChat:
    """The chat model of a server's model.

    Args:
        url: the server's base URL.
        name: as the server knows it; wanted: as it was asked for.
    """
    clients = server_clients(url)
    key = clients.awaiting.headers.get("Authorization", "Bearer unused").partition(" ")[2]
    return VLLMChat(
        base_url=url,
        api_key=key,
        model=name,
        wanted=wanted,
        temperature=0,
        max_retries=0,  # the transport retries
        timeout=clients.awaiting.timeout.read,
        http_client=clients.blocking,
        http_async_client=clients.awaiting,
    )
