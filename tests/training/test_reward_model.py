"""The reward model: it orders pairs that it never saw, it is loaded again, and it is no writer."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from coarse2fine.agents import Critic
from coarse2fine.reports import InputError, ModelError, Report
from coarse2fine.serving import factory, load_chat_model
from coarse2fine.training import preference, reward
from coarse2fine.training.preferences import Asked

pytestmark = [
    pytest.mark.skipif(find_spec("trl") is None, reason="trl is not installed: pip install 'coarse2fine[train]'"),
    pytest.mark.skipif(find_spec("datasets") is None, reason="datasets is not installed: coarse2fine[train]"),
]

Settings = Callable[..., Path]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    factory._load.cache_clear()


def quiet(line: str) -> None:
    pass


def interrupted(line: str) -> None:
    if line.startswith("update 3/"):
        raise KeyboardInterrupt


def test_it_orders_pairs_that_it_never_saw(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    path = settings(tmp_path, "reward", max_updates=20, learning_rate=0.01)
    lines: list[str] = []
    folder = reward.train(reward.load_recipe(path).on(feedback_file, None), critic=critic, report=lines.append)
    assert "10 pairs to learn from, 2 held out" in lines
    assert lines[-1].endswith("100.0% after")
    card = (folder / "README.md").read_text("utf-8")
    assert "100.0% after" in card
    assert not (folder / "checkpoints").exists()
    with pytest.raises(ModelError, match="a reward model writes no text"):
        load_chat_model(f"hf:{folder}").chat.invoke("x")
    model = reward.RewardModel(folder)
    for place in ("right lung, lower lobe", "upper lobe, left lung"):
        asked = Asked(Report(findings=f"There is an opacity in the {place}. No pneumothorax."), "draft")
        wanted, unwanted = model.score(
            asked, [f"- Opacity in the {place}.", f"1. Opacity in the {place}.\n2. No pneumothorax."]
        )
        assert wanted > unwanted
    assert model.score(asked, ["- Opacity."]) == pytest.approx(reward.RewardModel(folder).score(asked, ["- Opacity."]))


def test_a_stopped_run_resumes_to_the_same_model(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    plan = {"max_updates": 4, "save_every": 2, "learning_rate": 0.01}
    whole = reward.load_recipe(settings(tmp_path / "whole", "reward", **plan)).on(feedback_file, None)
    again = reward.load_recipe(settings(tmp_path / "stopped", "reward", **plan)).on(feedback_file, None)
    one = reward.train(whole, critic=critic, report=quiet)
    with pytest.raises(KeyboardInterrupt):
        reward.train(again, critic=critic, report=interrupted)
    lines: list[str] = []
    two = reward.train(again, critic=critic, report=lines.append)
    assert "resumes from checkpoint-2" in lines
    asked = Asked(Report(findings="There is an opacity in the left lung."), "draft")
    texts = ["- Opacity in the left lung.", "1. Opacity."]
    scores = [reward.RewardModel(folder).score(asked, texts) for folder in (one, two)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_an_adapter_that_writes_is_no_reward_model(
    tmp_path: Path, tiny_nano: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    path = settings(tmp_path, "dpo", max_updates=1)
    writer = preference.train(
        preference.load_policy_recipe(path).on(feedback_file, None), critic=critic, report=quiet
    ).folder
    with pytest.raises(ModelError, match="adapter that writes"):
        reward.RewardModel(writer)
    with pytest.raises(ModelError, match="no reward model"):
        reward.RewardModel(tmp_path)
    start = settings(tmp_path / "r", "reward", start=f"hf:{tiny_nano}#{writer}")
    with pytest.raises(InputError, match="starts from a base model"):
        reward.train(reward.load_recipe(start).on(feedback_file, None), critic=critic, report=quiet)
