from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage

from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Report
from coarse2fine.serving import ScriptedChatModel

Replies = Sequence[str] | Callable[[str], str]

PROMPTS = PromptSet(
    "test",
    {
        "draft": "DRAFT {{ findings | fence }}",
        "restyle": "RESTYLE {{ audience }} {{ draft | fence }}",
        "revise": "REVISE {{ audience }} {{ text | fence }}\n{{ critique | join('\n') }}",
    },
)


class Script:
    """Answers each task, and each audience, from a list of its own; remembers what it was asked, in words."""

    def __init__(self, answers: dict[str, Replies]) -> None:
        self.answers, self.asked, self._lock = answers, [], threading.Lock()
        self._count: Counter[str] = Counter()

    def __call__(self, messages: list[BaseMessage]) -> str:
        prompt = str(messages[-1].content)
        task, rest = prompt.split(" ", 1)
        audience = "draft" if task == "DRAFT" else rest.split()[0]
        with self._lock:
            self.asked.append(prompt)
            key = f"{audience} revised" if task == "REVISE" else audience
            answers = self.answers.get(key, self.answers.get("draft", [""]))
            index = self._count[key]
            self._count[key] += 1
        return answers(prompt) if callable(answers) else answers[min(index, len(answers) - 1)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def prompts() -> PromptSet:
    return PROMPTS


@pytest.fixture
def scripted() -> Callable[..., tuple[ScriptedChatModel, Script]]:
    def make(**answers: Replies) -> tuple[ScriptedChatModel, Script]:
        script = Script({key.replace("_", " "): value for key, value in answers.items()})
        return ScriptedChatModel(replies=script), script

    return make


@pytest.fixture
def effusion() -> Report:
    return Report(
        exam="Chest radiograph",
        findings="There is a small left pleural effusion. The heart is normal in size. No pneumothorax.",
        id="r1",
    )


@pytest.fixture
def normal() -> Report:
    return Report(
        exam="Chest radiograph", findings="The heart is normal in size. The lungs are clear. No pneumothorax."
    )
