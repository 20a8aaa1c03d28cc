from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from coarse2fine.agents import Critique, Omission, Verdict
from coarse2fine.agents.calls import CallRecord, busy_seconds
from coarse2fine.agents.drafter import Drafter, Hand
from coarse2fine.agents.feedback import feedback
from coarse2fine.agents.memory import Case
from coarse2fine.agents.stylist import Stylist
from coarse2fine.agents.writer import Wish, excerpt
from coarse2fine.prompts import PromptSet, prompt_set
from coarse2fine.reports import ModelError, Report, UnparsableReply, split_sentences
from coarse2fine.serving import LoadedModel, ScriptedChatModel

PROMPTS = PromptSet(
    "test",
    {
        "draft": "DRAFT {{ findings }}",
        "restyle": "RESTYLE {{ findings }} | {{ draft }}",
        "revise": "REVISE {{ findings }} | {{ text }} | {{ wrong | join(';') }} | {{ missing | join(';') }}",
    },
)
REPORT = Report(findings="There is a small left pleural effusion. The heart is mildly enlarged. The spleen is normal.")


def limited(most: int) -> Callable[[Sequence[BaseMessage]], bool]:
    return lambda messages: sum(len(str(m.content)) for m in messages) <= most


def model(replies: Any, most: int | None = None, name: str = "scripted#cxr") -> LoadedModel:
    return LoadedModel(name, ScriptedChatModel(replies=replies), "test", None if most is None else limited(most))


def asked(loaded: LoadedModel) -> list[str]:
    assert isinstance(loaded.chat, ScriptedChatModel)
    return [str(messages[-1].content) for messages in loaded.chat.asked]


def wrong(text: str, *claims: str, missing: tuple[str, ...] = ()) -> Critique:
    verdicts = tuple(
        Verdict(
            text=s.text, start=s.start, end=s.end, label="unsupported" if s.text in claims else "supported", layer="nli"
        )
        for s in split_sentences(text)
    )
    omissions = tuple(Omission(text=m, start=0, end=len(m), significance="critical") for m in missing)
    return Critique(verdicts=verdicts, omissions=omissions)


async def test_a_draft_and_its_record() -> None:
    loaded = model([" Small effusion. "])
    made = await Drafter(loaded, PROMPTS).draft(REPORT)
    assert made.text == "Small effusion."
    (call,) = made.calls
    assert (call.agent, call.task, call.model, call.adapter, call.prompts) == (
        "drafter",
        "draft",
        "scripted#cxr",
        "cxr",
        "test",
    )
    again = (await Drafter(loaded, PROMPTS).draft(REPORT)).calls[0]
    other = (await Drafter(loaded, PROMPTS).draft(Report(findings="Else."))).calls[0]
    assert call.prompt_sha256 == again.prompt_sha256 != other.prompt_sha256


async def test_tokens_and_cut_answers_are_told() -> None:
    class Counting(ScriptedChatModel):
        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            usage: Any = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
            message = AIMessage("Cut", usage_metadata=usage, response_metadata={"finish_reason": "length"})
            return ChatResult(generations=[ChatGeneration(message=message)])

    made = await Drafter(LoadedModel("m", Counting(replies=["x"]), "test"), PROMPTS).draft(REPORT)
    assert (made.calls[0].input_tokens, made.calls[0].output_tokens) == (7, 2)
    assert made.notes == ("the answer was cut at the model's length limit",)


async def test_an_empty_answer_and_a_broken_client_have_names() -> None:
    with pytest.raises(UnparsableReply, match=r"scripted#cxr answered nothing when asked to restyle"):
        await Stylist(model(["\n"]), PROMPTS).restyle(REPORT, "Draft.", "brief")

    def broken(messages: list[BaseMessage]) -> str:
        raise TimeoutError("no answer in 60 s")

    with pytest.raises(ModelError, match="failed to draft: TimeoutError: no answer in 60 s"):
        await Drafter(model(broken), PROMPTS).draft(REPORT)


async def test_a_revision_names_what_is_wrong_and_missing() -> None:
    loaded = model(["Mended."])
    text = "Small effusion. A mass."
    await Drafter(loaded, PROMPTS).revise(REPORT, text, wrong(text, "A mass.", missing=("Edema.",)))
    assert asked(loaded) == [f"REVISE {REPORT.findings} | {text} | A mass. | Edema."]


async def test_style_and_words_reach_nano_as_it_knows_them() -> None:
    loaded = model(["x"])
    await Drafter(loaded, prompt_set("nano")).draft(REPORT, Wish(words=25))
    assert "<|style|> numbered detailed importance" in asked(loaded)[0]
    assert asked(loaded)[0].endswith("<|words|> <|40|>")


async def test_findings_that_do_not_fit_are_drafted_in_parts() -> None:
    loaded = model(lambda messages: str(messages[0].content).removeprefix("DRAFT "), most=70)
    made = await Drafter(loaded, PROMPTS).draft(REPORT)
    assert made.text == REPORT.findings
    assert len(made.calls) == len(asked(loaded)) == 2
    assert made.notes == ("the findings are long: drafted in 2 parts",)


async def test_one_endless_sentence_is_cut_between_words() -> None:
    endless = " ".join(f"word{n}" for n in range(100))
    loaded = model(lambda messages: str(messages[0].content).removeprefix("DRAFT "), most=150)
    await Drafter(loaded, PROMPTS).draft(Report(findings=endless))
    assert " ".join(text.removeprefix("DRAFT ") for text in asked(loaded)) == endless


async def test_what_cannot_be_cut_is_sent_as_it_is() -> None:
    loaded = model(["x"], most=50)
    await Drafter(loaded, PROMPTS).draft(Report(findings="y" * 100))
    assert asked(loaded) == ["DRAFT " + "y" * 100]


async def test_a_stylist_sees_the_sentences_that_matter_when_all_do_not_fit() -> None:
    loaded = model(["Fluid."], most=100)
    padding = " ".join(f"The {organ} is normal." for organ in ("liver", "spleen", "pancreas", "stomach", "bladder"))
    report = Report(findings=f"{padding} There is a small left pleural effusion.")
    made = await Stylist(loaded, PROMPTS).restyle(report, "Small pleural effusion.", "brief")
    assert asked(loaded) == ["RESTYLE There is a small left pleural effusion. | Small pleural effusion."]
    assert made.notes == ("the findings are long: the model saw the 1 sentences nearest to the text",)


async def test_a_long_draft_is_restyled_part_by_part() -> None:
    loaded = model(lambda messages: str(messages[0].content).split(" | ")[1].upper(), most=75)
    made = await Stylist(loaded, PROMPTS).restyle(REPORT, "Small pleural effusion. Heart enlarged.", "brief")
    assert made.text == "SMALL PLEURAL EFFUSION. HEART ENLARGED."
    assert len(made.calls) == 2


async def test_a_long_text_is_revised_where_it_is_wrong() -> None:
    loaded = model(["Heart mildly enlarged."], most=95)
    text = "Small pleural effusion. Heart severely enlarged."
    made = await Stylist(loaded, PROMPTS).revise(REPORT, text, wrong(text, "Heart severely enlarged."))
    assert made.text == "Small pleural effusion. Heart mildly enlarged."
    (prompt,) = asked(loaded)
    assert prompt == "REVISE The heart is mildly enlarged. | Heart severely enlarged. | Heart severely enlarged. |"


async def test_what_never_fits_is_a_named_failure() -> None:
    with pytest.raises(ModelError, match="longer than the model"):
        await Stylist(model(["x"], most=10), PROMPTS).restyle(REPORT, "One long sentence without an end", "brief")


def test_an_excerpt_keeps_order_and_offsets_of_its_own() -> None:
    assert excerpt(REPORT, "Enlarged heart. Effusion.").findings == (
        "There is a small left pleural effusion. The heart is mildly enlarged."
    )


def test_feedback_names_sentences_and_reasons() -> None:
    verdict = Verdict(
        text="A mass.", start=0, end=7, label="contradicted", layer="check", reasons=("no mass", "wrong side")
    )
    omission = Omission(text="Edema.", start=0, end=6, significance="critical")
    assert feedback(Critique(verdicts=(verdict,), omissions=(omission,))) == (
        'contradicted: "A mass.": no mass; wrong side',
        'not addressed, critical: "Edema."',
    )
    assert feedback(Critique(verdicts=())) == ("the text makes no claim",)


def test_calls_side_by_side_count_once() -> None:
    def call(started: float, seconds: float) -> CallRecord:
        return CallRecord(agent="critic", task="critique", model="m", started=started, milliseconds=seconds * 1000)

    assert busy_seconds([]) == 0
    assert busy_seconds([call(10, 2), call(11, 3), call(20, 1)]) == pytest.approx(5)
    assert busy_seconds([call(10, 5), call(11, 1)]) == pytest.approx(5)


def cases(count: int) -> tuple[Case, ...]:
    return tuple(Case(f"k{n}", "Findings.", f"Impression {n}.") for n in range(count))


async def test_cases_give_way_to_the_findings() -> None:
    shown = PROMPTS.replace("draft", "DRAFT {{ findings }}{% for c in cases %}{{ c.impression }}{% endfor %}{{ card }}")
    room = len(f"DRAFT {REPORT.findings}")
    for most, kept in ((room + 100, 4), (room + 30, 2), (room + 14, 1), (room, 0)):
        made = await Drafter(model(["x"], most), shown).draft(REPORT, hand=Hand(cases(4)))
        assert made.cases == tuple(f"k{n}" for n in range(kept))
        assert made.notes == (f"the prompt showed {kept} of the radiologist's 4 nearest reports",)
    made = await Drafter(model(["x"], room), shown).draft(REPORT, hand=Hand(card="A card."))
    assert made.notes == ()
    loaded = model(["x"], 70)
    made = await Drafter(loaded, shown).draft(REPORT, hand=Hand(cases(2), "A card that is far too long to be read."))
    assert made.cases == ()
    assert "drafted in 2 parts" in made.notes[0]
    assert all("card" not in prompt and "Impression" not in prompt for prompt in asked(loaded))
