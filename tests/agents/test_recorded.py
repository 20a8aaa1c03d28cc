from __future__ import annotations

import asyncio
import json

import pytest

from coarse2fine.agents import Critic
from coarse2fine.agents.recorded import RecordedCritic, load_critic
from coarse2fine.reports import ModelError, Report
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

REPORT = Report(findings="There is a small left pleural effusion. The heart is mildly enlarged.")
LOOSE = "Some fluid lies beside the left lung. The heart looks a bit big."


async def test_nli_calls_are_recorded_by_text() -> None:
    critic = load_critic(ScriptedNLI(0.9))
    loose, verbatim = await asyncio.gather(
        critic.assess(REPORT, LOOSE, "brief"), critic.assess(REPORT, REPORT.findings, "draft")
    )
    (call,) = loose.calls
    assert (call.agent, call.task, call.model) == ("critic", "critique", "scripted")
    assert call.questions >= 1
    assert verbatim.calls == ()
    assert loose.critique == Critic(ScriptedNLI(0.9)).critique(REPORT, LOOSE, "brief")


async def test_the_critic_itself_is_left_alone() -> None:
    nli = ScriptedNLI(0.9)
    mine = Critic(nli)
    assert load_critic(mine).name == "scripted"
    assert mine.nli is nli
    assert mine.critique(REPORT, LOOSE).passed


async def test_a_judge_is_recorded_too() -> None:
    judge = ScriptedChatModel(replies=[json.dumps({"label": "supported"})])
    made = await RecordedCritic(Critic(ScriptedNLI(0.9), judge=judge, agree=False)).assess(REPORT, LOOSE, "brief")
    assert {call.model for call in made.calls} >= {"ScriptedChatModel"}


async def test_a_broken_nli_model_has_a_name() -> None:
    def broken(premise: str, claim: str) -> float:
        raise RuntimeError("out of memory")

    with pytest.raises(ModelError, match="scripted failed to critique: RuntimeError: out of memory"):
        await load_critic(ScriptedNLI(broken)).assess(REPORT, LOOSE, "brief")


def test_unknown_names() -> None:
    with pytest.raises(ModelError, match="no NLI model is named 'best'"):
        load_critic("best")
