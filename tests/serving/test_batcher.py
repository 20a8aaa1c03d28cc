"""Calls of nano that wait together."""

from __future__ import annotations

import threading
import time
from typing import Any

from coarse2fine.serving.codec import Session
from coarse2fine.serving.nano import _Batcher
from coarse2fine.serving.nano_text import Prompt, Reply


class _Slow:
    """An engine that answers when it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.go = threading.Event()

    def answer(self, prompts: list[Prompt], longest: int) -> list[Reply]:
        self.asked.append(len(prompts))
        assert self.go.wait(10)
        return [Reply("done", 1, 1, True) for _ in prompts]


def test_a_cancelled_call_costs_no_other_call_its_answer() -> None:
    slow: Any = _Slow()
    batcher = _Batcher(slow)
    prompt = Prompt([1], Session(), [1])
    first = batcher.submit(prompt, 4)
    while not slow.asked:
        time.sleep(0.001)
    cancelled = [batcher.submit(prompt, 4) for _ in range(2)]
    assert all(future.cancel() for future in cancelled)
    later = batcher.submit(prompt, 4)
    slow.go.set()
    assert first.result(10).text == "done"
    assert later.result(10).text == "done"
    assert slow.asked == [1, 1]
