"""A scripted server that speaks as vLLM does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from coarse2fine.serving import transport


class ScriptedServer:
    """Answers on a free port of this machine.

    `cards` is what /v1/models lists; `statuses` are the statuses of the next requests, 200 where none is left (None
    hangs up); `answer` makes the answer of a body; `seconds` is how long it takes.
    """

    def __init__(self) -> None:
        self.cards: list[dict[str, Any]] = [card("llama", max_model_len=4096)]
        self.statuses: list[int | None] = []
        self.answer: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: chat("Small effusion.")
        self.seconds = 0.0
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.now = self.most = 0
        self.connections = 0
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with server.lock:
                    server.connections += 1

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                with server.lock:
                    server.asked.append((self.path, {}, dict(self.headers)))
                self._send(200, {"object": "list", "data": server.cards})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.asked.append((self.path, body, dict(self.headers)))
                    status = server.statuses.pop(0) if server.statuses else 200
                    server.now += 1
                    server.most = max(server.most, server.now)
                time.sleep(server.seconds)
                with server.lock:
                    server.now -= 1
                if status is None:
                    self.close_connection = True
                    return
                if status == 200 and body["model"] not in {one["id"] for one in server.cards}:
                    status = 404
                self._send(status, server.answer(body) if status == 200 else {"error": {"message": "the patient"}})

            def _send(self, status: int, document: dict[str, Any]) -> None:
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler

    @property
    def posts(self) -> list[dict[str, Any]]:
        return [body for _, body, _ in self.asked if body]


def card(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "vllm", "parent": None, **more}


def chat(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "llama",
        "choices": [choice],
        "usage": usage,
    }


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedServer]:
    clients: dict[tuple[str, str], transport.Clients] = {}
    monkeypatch.setattr(transport, "_CLIENTS", clients)
    running = ScriptedServer()
    yield running
    for one in clients.values():
        one.blocking.close()
        await one.awaiting.aclose()
    running.close()


@pytest.fixture(name="card")
def _card() -> Callable[..., dict[str, Any]]:
    return card
