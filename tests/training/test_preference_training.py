"""DPO, KTO and GRPO on a tiny random nano: what is learnt, what is written, guards, and killed runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.agents import Critic
from coarse2fine.reports import InputError, MissingExtra, ModelError, Report, read_feedback
from coarse2fine.serving import factory, load_chat_model
from coarse2fine.training import preference, trainers
from coarse2fine.training.preference_data import Encoder, find_start, messages_of, pair_rows
from coarse2fine.training.preference_recipe import GrpoRecipe
from coarse2fine.training.preferences import Asked, Pair
from coarse2fine.training.rollout import requests, write

pytestmark = [
    pytest.mark.skipif(find_spec("trl") is None, reason="trl is not installed: pip install 'coarse2fine[train]'"),
    pytest.mark.skipif(find_spec("datasets") is None, reason="datasets is not installed: coarse2fine[train]"),
]

METHODS = ["dpo", "kto", "grpo"]
Settings = Callable[..., Path]
ASKED = Asked(Report(findings="There is a nodule in the left lung. No pneumothorax.", id=""), "draft")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    factory._load.cache_clear()


def load(path: Path, feedback: Path) -> Any:
    return preference.load_policy_recipe(path).on(feedback, None)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "adapter_model.safetensors"))


def quiet(line: str) -> None:
    pass


# -------------------------------------------------------------------------------------------------- what is written
@pytest.mark.parametrize("method", METHODS)
def test_a_recipe_becomes_an_adapter_that_is_served(
    method: str, tmp_path: Path, tiny_nano: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    lines: list[str] = []
    done = preference.train(load(settings(tmp_path, method), feedback_file), critic=critic, report=lines.append)
    assert [line.split()[1] for line in lines if line.startswith("update ")] == ["1/3", "2/3", "3/3"]
    assert any(weight.abs().sum() > 0 for name, weight in weights(done.folder).items() if "lora_B" in name)
    assert sorted(path.name for path in done.folder.iterdir() if path.is_dir()) == []
    tuned = load_chat_model(f"hf:{tiny_nano}#{done.folder}")
    assert (tuned.prompts, tuned.adapter) == ("nano", str(done.folder))
    asked = messages_of(find_start(f"hf:{tiny_nano}").base, ASKED)
    assert tuned.chat.invoke(asked).text == load_chat_model(f"hf:{done.folder}").chat.invoke(asked).text
    card = (done.folder / "README.md").read_text("utf-8")
    for part in (f"train {method}", "| words |", "| support |", "10 records learnt from, 2 held out", "learning_rate"):
        assert part in card
    assert str(feedback_file) not in card


@pytest.mark.parametrize("method", METHODS)
def test_a_chat_model_learns_from_feedback_too(
    method: str, tmp_path: Path, tiny_llama: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    path = settings(tmp_path, method, start=f"hf:{tiny_llama}", max_updates=2, learning_rate=0.01)
    done = preference.train(load(path, feedback_file), critic=critic, report=quiet)
    assert any(weight.abs().sum() > 0 for name, weight in weights(done.folder).items() if "lora_B" in name)
    assert f"hf:{tiny_llama}#{done.folder}" in (done.folder / "README.md").read_text("utf-8")
    loaded = load_chat_model(f"hf:{tiny_llama}#{done.folder}").chat._loaded()  # type: ignore[attr-defined]
    assert any("lora_B" in name and p.abs().sum() > 0 for name, p in loaded.model.named_parameters())


def test_dpo_prefers_what_the_radiologist_made_of_it(
    tmp_path: Path, tiny_nano: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    path = settings(tmp_path, "dpo", max_updates=60, epochs=60, learning_rate=0.01)
    lines: list[str] = []
    done = preference.train(load(path, feedback_file), critic=critic, report=lines.append)
    margins = [float(line.split("margins ")[1].split()[0]) for line in lines if line.startswith("update ")]
    assert margins[0] == pytest.approx(0.0, abs=1e-6)  # the policy is its own reference when it starts
    assert margins[-1] > 1.0
    base, tuned = (load_chat_model(name).chat for name in (f"hf:{tiny_nano}", f"hf:{tiny_nano}#{done.folder}"))
    asked = messages_of(find_start(f"hf:{tiny_nano}").base, ASKED)
    assert tuned.invoke(asked).text.startswith("-")
    assert not base.invoke(asked).text.startswith("-")


def test_grpo_rewards_see_decoded_texts_that_nano_may_write(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coarse2fine.training import preference_trainers

    seen: list[str] = []

    def short(completions: list[str], **known: Any) -> list[float]:
        assert len(known["critiques"]) == len(known["reports"]) == len(known["targets"]) == len(completions)
        seen.extend(completions)
        return [1.0 / (1 + len(text.split())) for text in completions]

    monkeypatch.setitem(preference_trainers.REWARDS, "length", short)
    own = {"grpo": {"rewards": {"length": 1.0}, "temperature": 20.0}}
    path = settings(tmp_path, "grpo", own=own, max_updates=2)
    preference.train(load(path, feedback_file), critic=critic, report=quiet)
    assert len(seen) == 2 * 8
    assert len(set(seen)) > 8  # drawn, not the likeliest
    assert not any("<" in text for text in seen)


def test_a_drawn_text_has_no_side_that_its_prompt_lacks(tiny_nano: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    start = find_start(f"hf:{tiny_nano}")
    model = AutoModelForCausalLM.from_pretrained(tiny_nano)
    asked = requests(start.base, [ASKED] * 8)
    made = write(model, AutoTokenizer.from_pretrained(tiny_nano), asked, 40, temperature=2.0)
    words = {word for written in made for word in written.text.casefold().split()}
    assert "right" not in words
    assert {"left", "lung"} & words
    assert all(written.ids for written in made)


# --------------------------------------------------------------------------------------------------------- going on
@pytest.mark.parametrize("method", ["dpo", "grpo"])
def test_an_adapter_is_trained_further_and_is_its_own_reference(
    method: str, tmp_path: Path, tiny_nano: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    hard = {"max_updates": 10, "learning_rate": 0.01}
    first = preference.train(load(settings(tmp_path / "1", "dpo", **hard), feedback_file), critic=critic, report=quiet)
    start = f"hf:{tiny_nano}#{first.folder}"
    config = first.folder / "adapter_config.json"
    named = {**json.loads(config.read_text("utf-8")), "base_model_name_or_path": "nano"}  # no hub is asked for it
    config.write_text(json.dumps(named), "utf-8")
    lines: list[str] = []
    again = load(settings(tmp_path / "2", method, start=start, max_updates=2, save_every=1), feedback_file)
    second = preference.train(again, critic=critic, report=lines.append)
    assert any(line.startswith("goes on with the adapter") for line in lines)
    one, two = weights(first.folder), weights(second.folder)
    assert one.keys() == two.keys()
    assert any(not weight.equal(two[name]) for name, weight in one.items())
    if method == "dpo":
        assert "margins 0.0000" in next(line for line in lines if line.startswith("update 1/"))
    load_chat_model(f"hf:{second.folder}").chat.invoke("x")


# ----------------------------------------------------------------------------------------------------- killed runs
KILL = """
import os, signal, sys
from pathlib import Path
from coarse2fine.agents import Critic
from coarse2fine.serving import ScriptedNLI
from coarse2fine.training import preference
recipe = preference.load_policy_recipe(Path(sys.argv[1])).on(Path(sys.argv[2]), None)
def report(line):
    if line.startswith("update 3/"):
        os.kill(os.getpid(), signal.SIGKILL)
preference.train(recipe, critic=Critic(ScriptedNLI(1.0)), report=report)
"""


PLAN: dict[str, Any] = {"max_updates": 4, "save_every": 2, "learning_rate": 0.01}


def interrupted(line: str) -> None:
    if line.startswith("update 3/"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("method", "further"), [("dpo", False), ("dpo", True), ("kto", False), ("grpo", False)], ids=lambda v: str(v)
)
def test_a_stopped_run_resumes_to_the_same_adapter(
    method: str,
    further: bool,
    tmp_path: Path,
    tiny_nano: Path,
    feedback_file: Path,
    critic: Critic,
    settings: Settings,
) -> None:
    start = None
    if further:
        first = load(settings(tmp_path / "first", "dpo", max_updates=2), feedback_file)
        start = f"hf:{tiny_nano}#{preference.train(first, critic=critic, report=quiet).folder}"
    whole = load(settings(tmp_path / "whole", method, start=start, **PLAN), feedback_file)
    one = weights(preference.train(whole, critic=critic, report=quiet).folder)
    made = load(settings(tmp_path / "stopped", method, start=start, **PLAN), feedback_file)
    with pytest.raises(KeyboardInterrupt):
        preference.train(made, critic=critic, report=interrupted)
    lines: list[str] = []
    two = weights(preference.train(made, critic=critic, report=lines.append).folder)
    assert "resumes from checkpoint-2" in lines
    assert [line.split()[1] for line in lines if line.startswith("update ")] == ["3/4", "4/4"]
    assert one.keys() == two.keys()
    assert all((one[key] - two[key]).abs().max() < 1e-5 for key in one)


def test_a_killed_run_resumes(tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings) -> None:
    path = settings(tmp_path, "dpo", **PLAN)
    done = subprocess.run([sys.executable, "-c", KILL, path, feedback_file], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    lines: list[str] = []
    preference.train(load(path, feedback_file), critic=critic, report=lines.append)
    assert "resumes from checkpoint-2" in lines


def test_an_unfinished_run_of_other_feedback_is_not_gone_on_with(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    made = load(settings(tmp_path, "dpo"), feedback_file)
    folder = made.output / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}", "utf-8")
    with pytest.raises(InputError, match="unfinished run of another recipe"):
        preference.train(made, critic=critic, report=quiet)


# ----------------------------------------------------------------------------------------------------------- guards
def test_a_run_that_fails_its_guards_keeps_its_adapter_and_says_so(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    strict = {"guards": {"longest_answer": 24, "prompts": 3, "limits": {"copied_rise": 0.0}}}
    path = settings(tmp_path, "dpo", own=strict, max_updates=30, epochs=30, learning_rate=0.01)
    lines: list[str] = []
    done = preference.train(load(path, feedback_file), critic=critic, report=lines.append)
    assert any("copying" in failure for failure in done.failures)
    assert any(line.startswith("FAILED: copying") for line in lines)
    card = (done.folder / "README.md").read_text("utf-8")
    assert "FAILED its guards" in card
    assert "FAILED: copying" in card
    assert weights(done.folder)


def test_without_held_out_feedback_the_guards_fail(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    path = settings(tmp_path, "dpo", own={"data": {"held_out": 0.0}}, max_updates=1)
    done = preference.train(load(path, feedback_file), critic=critic, report=quiet)
    assert "nothing was held out" in done.failures[0]


# -------------------------------------------------------------------------------------------------------- refusals
def test_what_nano_may_not_write_is_left_out_and_counted(tiny_nano: Path) -> None:
    encode = Encoder(find_start(f"hf:{tiny_nano}").base, 500)
    pairs = [
        Pair("f1", ASKED, "- Nodule in the left lung.", "1. Nodule in the left lung.", "edit"),
        Pair("f2", ASKED, "- Zyxic nodule.", "1. Nodule in the left lung.", "edit"),
        Pair("f3", ASKED, "- Nodule in the right lung.", "1. Nodule in the left lung.", "edit"),
    ]
    (row,) = pair_rows(encode, pairs)
    assert row.chosen_ids[-1] == row.rejected_ids[-1]  # both end
    assert encode.left_out.total() == 2
    assert len(pair_rows(encode, pairs, written=False)) == 3
    short = Encoder(encode.base, 10)
    assert pair_rows(short, pairs) == []
    assert short.left_out == {"longer than 10 tokens": 3}


def test_feedback_without_a_pair_is_refused_with_the_reasons(
    tmp_path: Path, feedback_rows: list[dict[str, Any]], critic: Critic, settings: Settings
) -> None:
    path = tmp_path / "facts.jsonl"
    rows = [{**row, "edited": row["text"].replace("No", "Small")} for row in feedback_rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(InputError, match="an edit of facts trains no style 10"):
        preference.train(load(settings(tmp_path, "dpo"), path), critic=critic, report=quiet)


def test_a_bad_line_is_named(tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings) -> None:
    with feedback_file.open("a", encoding="utf-8") as file:
        file.write('{"text": "x"}\n')
    with pytest.raises(InputError, match=r"feedback\.jsonl, row 13, field 'report'"):
        preference.train(load(settings(tmp_path, "dpo"), feedback_file), critic=critic, report=quiet)


def test_a_radiologist_who_said_nothing(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings
) -> None:
    made = load(settings(tmp_path, "dpo"), feedback_file).on(None, "r2")
    with pytest.raises(InputError, match="no feedback of r2"):
        preference.train(made, critic=critic, report=quiet)


@pytest.mark.parametrize(
    ("name", "error"), [("openai:gpt-4o", InputError), ("nano#nowhere", ModelError), ("hf:", InputError)]
)
def test_no_policy_starts_from_these(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        find_start(name)


def test_too_few_prompts_for_an_update(tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings) -> None:
    made = load(settings(tmp_path, "grpo", batch_size=80), feedback_file)
    assert isinstance(made, GrpoRecipe)
    assert made.prompts_per_update == 20
    with pytest.raises(InputError, match="takes 20 prompts, and there are 10"):
        preference.train(made, critic=critic, report=quiet)


def test_without_trl_the_extra_is_named(
    tmp_path: Path, feedback_file: Path, critic: Critic, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainers, "find_spec", lambda name: None if name == "trl" else find_spec(name))
    with pytest.raises(MissingExtra, match=r"`train kto` needs trl"):
        preference.train(load(settings(tmp_path, "kto"), feedback_file), critic=critic, report=quiet)


def test_the_shipped_example_is_feedback() -> None:
    found = list(read_feedback(Path(__file__).parents[2] / "examples" / "feedback.jsonl"))
    assert not [one for one in found if isinstance(one, Exception)]
