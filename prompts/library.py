"""Prompt templates: one Jinja file a task, in named sets, each a short conversation.

A file holds one or more turns; a line `=== system ===`, `=== user ===` or `=== assistant ===` begins each. Turns are
cut apart before rendering, so that report text can never open a turn of its own. A file whose name begins with "_" is a
part that others include.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import jinja2
import yaml
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, ConfigDict

from coarse2fine.reports import PromptError

__all__ = ["PromptSet", "Settings", "fence", "items", "prompt_set", "prompt_sets"]

_TURN = re.compile(r"^=== (system|user|assistant) ===\n", re.MULTILINE)
_TAG = re.compile(
    r"<(/?)(findings|clinical_information|comparison|exam|report|draft|text|critique|case|example|impression|evidence|claim|style_card)\b",
    re.IGNORECASE,
)
_AT_HAND: Mapping[str, object] = {"cases": (), "card": ""}
"""Variables that every template may use, and what they are when nobody gives them: a radiologist's nearest cases, the
nearest first, each with findings, impression, exam and clinical_information; and the text of their style card."""

_MESSAGE = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


class _Turn(NamedTuple):
    role: str
    template: jinja2.Template


def fence(text: object) -> str:
    """Make report text safe to stand in a prompt: marks that open turns, tags or control tokens are broken."""
    safe = str(text).replace("<|", "< |").replace("|>", "| >")
    return _TAG.sub(r"< \1\2", safe)


_STOPS = re.compile(r"\.(?:\s*\.)+")


def items(text: object) -> str:
    """A list on lines of its own: "1. Effusion.. 2. No fracture." → two lines; doubled stops become one."""
    kept = _STOPS.sub(".", str(text)).strip()
    number, at = 2, 0
    while kept.startswith("1") and (found := re.compile(rf"[ \t]+(?={number}[.)] ?[A-Za-z])").search(kept, at)):
        kept = f"{kept[: found.start()]}\n{kept[found.end() :]}"
        number, at = number + 1, found.start() + 1
    return kept


def _environment(sources: Mapping[str, str]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["fence"] = fence
    environment.filters["items"] = items
    return environment


def _parse(name: str, source: str, sources: Mapping[str, str]) -> tuple[_Turn, ...]:
    pieces = _TURN.split(source)
    if pieces[0].strip() or len(pieces) == 1:
        pieces = ["", "user", source]
    environment = _environment(sources)
    try:
        return tuple(
            _Turn(role, environment.from_string(body.strip()))
            for role, body in zip(pieces[1::2], pieces[2::2], strict=True)
        )
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(f"template {name!r}, line {error.lineno}: {error.message}") from error


class Settings(BaseModel):
    """What a set says of itself in `set.yaml`.

    Args:
        style: the style that is asked for when nobody asks.
        lengths: the lengths in words that its templates know; empty where any number will do.
        max_characters: longest findings for one prompt; None where the set does not say.
        cases: how many of a radiologist's nearest cases its templates show at most; None for as many as there are.
        style_beside_cases: the style that is asked for beside cases when nobody asks; "" for `style`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    style: str = ""
    lengths: tuple[int, ...] = ()
    max_characters: int | None = None
    cases: int | None = None
    style_beside_cases: str = ""

    def style_for(self, wished: str | None, cases: object) -> str:
        """The style to ask for: the wished one, else the default, which may be another beside cases."""
        return wished or (self.style_beside_cases if cases else "") or self.style

    def length(self, words: int | None) -> int | None:
        """The length to ask for: the smallest known one that is not under `words`."""
        if words is None or not self.lengths:
            return words
        return next((bound for bound in self.lengths if words <= bound), self.lengths[-1])


@dataclass(frozen=True)
class PromptSet:
    """The templates of one set, by task ("draft", "revise", "restyle", "judge", ...).

    Args:
        name: what the set is called; a model card names the set that its model was tuned on.
        sources: task → template text.
        settings: its defaults.
    """

    name: str
    sources: Mapping[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)

    @cached_property
    def _turns(self) -> dict[str, tuple[_Turn, ...]]:
        return {}

    def render(self, task: str, **variables: object) -> list[BaseMessage]:
        """Messages of a task; a turn that comes out empty is left out.

        Args:
            variables: the template's. `cases` and `card` need not be given: none and "".

        Raises:
            PromptError: the set has no such task, or a variable is missing (the error names it).
        """
        if task not in self.sources:
            raise PromptError(f"prompt set {self.name!r} has no template for {task!r}; it has {', '.join(self.tasks)}")
        if task not in self._turns:
            self._turns[task] = _parse(f"{self.name}/{task}", self.sources[task], self.sources)
        try:
            given = {**_AT_HAND, **variables}
            made = [_MESSAGE[role](template.render(given).strip()) for role, template in self._turns[task]]
        except jinja2.TemplateError as error:
            raise PromptError(f"template {self.name}/{task}: {error.message or type(error).__name__}") from error
        return [message for message in made if message.content] or made

    @property
    def tasks(self) -> list[str]:
        """What it has templates for."""
        return sorted(task for task in self.sources if not task.startswith("_"))

    def replace(self, task: str, template: str | Path) -> PromptSet:
        """A copy with one template of the user's own, given as text or as a path.

        Raises:
            PromptError: the set has no such task, the file cannot be read, or the text is no template.
        """
        if task not in self.sources:
            raise PromptError(f"prompt set {self.name!r} has no template for {task!r}; it has {', '.join(self.tasks)}")
        text = _read(template) if isinstance(template, Path) else template
        sources = {**self.sources, task: text}
        _parse(f"{self.name}/{task}", text, sources)
        return PromptSet(self.name, sources, self.settings)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"the template {path} cannot be read: {error}") from error


@cache
def prompt_set(name: str) -> PromptSet:
    """A shipped prompt set by name. "default/base" is the default set with its template "base" as the draft's.

    Raises:
        PromptError: there is none of that name; lists those there are.
    """
    folder_name, _, rung = name.partition("/")
    if rung:
        whole = prompt_set(folder_name)
        if rung not in whole.tasks:
            raise PromptError(f"prompt set {folder_name!r} has no template {rung!r}; it has {', '.join(whole.tasks)}")
        return PromptSet(name, {**whole.sources, "draft": whole.sources[rung]}, whole.settings)
    if name not in prompt_sets():
        raise PromptError(f"there is no prompt set {name!r}; there are {', '.join(prompt_sets())}")
    folder = files("coarse2fine.prompts") / "templates" / name
    sources = {
        entry.name.removesuffix(".j2"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".j2")
    }
    settings = folder / "set.yaml"
    known = yaml.safe_load(settings.read_text("utf-8")) if settings.is_file() else {}
    return PromptSet(name, sources, Settings.model_validate(known))


@cache
def prompt_sets() -> tuple[str, ...]:
    """Names of the shipped prompt sets."""
    folder = files("coarse2fine.prompts") / "templates"
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
