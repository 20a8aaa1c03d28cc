"""The shipped nano: constrained decoding, batches, limits."""

from __future__ import annotations

import re

import pytest

from coarse2fine.prompts import prompt_set
from coarse2fine.reports import ModelError
from coarse2fine.serving import load_chat_model, model_folder
from coarse2fine.serving.codec import split_words
from coarse2fine.serving.nano import NanoChat, NanoEngine


def shipped() -> bool:
    try:
        model_folder("nano")
    except ModelError:
        return False
    return True


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shipped(), reason="this checkout carries no serving/models/nano"),
]

STYLE = prompt_set("nano").settings.style
FINDINGS = (
    "There is a 2.7 cm foozled mass in the right barblic region, with 4 satellite nodules at T7-8. "
    "Small left pleural effusion. No pneumothorax. Heart size is normal."
)


def draft(findings: str) -> list[object]:
    return list(
        prompt_set("nano").render(
            "draft", exam="CT chest", clinical_information="", findings=findings, style=STYLE, words=None
        )
    )


@pytest.fixture(scope="module")
def engine() -> NanoEngine:
    chat = load_chat_model("nano").chat
    assert isinstance(chat, NanoChat)
    return chat.engine


def answer(engine: NanoEngine, *findings: str) -> list[str]:
    prompts = [engine.prompt(draft(text)) for text in findings]  # type: ignore[arg-type]
    return [reply.text for reply in engine.answer(prompts, 120)]


def test_no_figure_and_no_unknown_word_is_invented(engine: NanoEngine) -> None:
    (text,) = answer(engine, FINDINGS)
    known = engine.codec.vocabulary | {word.text.lower() for word in split_words(FINDINGS)}
    for word in split_words(text):
        assert word.text.lower() in known or word.kind in ("marker", "newline")
    body = re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE)
    assert set(re.findall(r"\d+(?:\.\d+)?", body)) <= {"2.7", "4", "7", "8"}


def test_a_side_that_the_findings_lack_is_never_written(engine: NanoEngine) -> None:
    (text,) = answer(engine, "There is a pleural effusion. There is a pneumothorax. There is a rib fracture.")
    assert not re.search(r"\b(left|right)\b", text, re.IGNORECASE)


def test_answers_in_a_batch_are_those_alone(engine: NanoEngine) -> None:
    other = "The lungs are clear. No pleural effusion or pneumothorax."
    assert answer(engine, FINDINGS, other) == [*answer(engine, FINDINGS), *answer(engine, other)]


def test_a_normal_chest_is_called_normal(engine: NanoEngine) -> None:
    (text,) = answer(engine, "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax.")
    assert text.lower().startswith(("no acute", "normal", "no active", "clear"))


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(engine: NanoEngine) -> None:
    with pytest.raises(ModelError, match=f"limit is {engine.limit}"):
        answer(engine, "mass " * engine.limit)
