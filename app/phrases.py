"""The ways of asking in `intents.yaml`, compiled once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

__all__ = ["Phrases", "phrases"]


class Phrases(NamedTuple):
    """The compiled ways of asking.

    Args:
        words: limits on the length; a group holds the number, in digits or as a key of `numbers`.
        audiences, questions: by name, in the order in which they are tried.
        talk: matches at the beginning of a sentence that asks or tells someone to do something.
    """

    words: tuple[re.Pattern[str], ...]
    numbers: Mapping[str, int]
    shorter: re.Pattern[str]
    audiences: Mapping[str, re.Pattern[str]]
    impressions: re.Pattern[str]
    questions: Mapping[str, re.Pattern[str]]
    yes: re.Pattern[str]
    talk: re.Pattern[str]
    personal: frozenset[str]
    asks: frozenset[str]
    instruction: frozenset[str]
    no_topic: frozenset[str]
    leaving: frozenset[str]


_BEFORE_TALK = r"\W*(?:(?:and|but|so|also|ok|okay)\W+)?"
_BEFORE_WHY = r"^\W*(?:(?:so|but|and|ok|okay|hm+|please|tell me|explain)\W+)*"


@cache
def phrases() -> Phrases:
    """The ways of asking that ship with the package."""
    found: Mapping[str, Any] = yaml.safe_load((files("coarse2fine.app") / "intents.yaml").read_text("utf-8"))
    parts: Mapping[str, str] = found["parts"]
    questions = {name: _any_of(ways, parts) for name, ways in found["questions"].items()}
    questions["why_first"] = _compiled(_BEFORE_WHY + _any_of(found["questions"]["why_first"], parts).pattern)
    return Phrases(
        words=tuple(_any_of([way], parts) for way in found["words"]),
        numbers=found["numbers"],
        shorter=_any_of(found["shorter"], parts),
        audiences={name: _any_of(ways, parts) for name, ways in found["audiences"].items()},
        impressions=_any_of(found["impressions"], parts),
        questions=questions,
        yes=_compiled(found["agreed"]),
        talk=_compiled(_BEFORE_TALK + _any_of(found["talk"], parts).pattern),
        personal=frozenset(found["personal"].split()),
        asks=frozenset(found["asks"].split()),
        instruction=frozenset(found["instruction"].split()),
        no_topic=frozenset(found["no_topic"].split()),
        leaving=frozenset(found["leaving"].split()),
    )


def _any_of(ways: Iterable[str], parts: Mapping[str, str]) -> re.Pattern[str]:
    """Any of these ways between word boundaries; none matches nothing."""
    pattern = "|".join(ways) or r"(?!)"
    for name, part in parts.items():
        pattern = pattern.replace(f"{{{name}}}", part)
    return _compiled(rf"(?<!\w)(?:{pattern})(?!\w)")


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
