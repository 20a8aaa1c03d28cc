"""Supervised fine-tuning on tiny random models: what is learnt, what is written, and what happens to a killed run."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from langchain_core.messages import BaseMessage

from coarse2fine.prompts import prompt_set
from coarse2fine.reports import InputError, MissingExtra, ModelError, Report
from coarse2fine.serving import codec as marks
from coarse2fine.serving import factory, load_chat_model
from coarse2fine.training import sft, trainers
from coarse2fine.training.nano import build_model, save
from coarse2fine.training.nano import load_recipe as load_nano_recipe
from coarse2fine.training.nano_data import IGNORED, Vocabulary, _fixed_tokens
from coarse2fine.training.sft_data import Example, Part, encode, find_base, remembering
from coarse2fine.training.sft_recipe import Recipe

pytestmark = [
    pytest.mark.skipif(find_spec("trl") is None, reason="trl is not installed: pip install 'coarse2fine[train]'"),
    pytest.mark.skipif(find_spec("datasets") is None, reason="datasets is not installed: coarse2fine[train]"),
]

WORDS = ["small", "pleural", "effusion", "no", "pneumothorax", "left", "right", "lung", "clear", ".", "mass", "the"]
REPORTS = [
    {"id": "a", "findings": "Small left pleural effusion. No pneumothorax.", "impression": "Small left effusion."},
    {"id": "b", "findings": "The lung is clear. No mass.", "impression": "Clear lung."},
    {"id": "c", "findings": "Zyxic mass in the right lung.", "impression": "Zyxic mass, quorbed."},
    {"id": "d", "findings": "No pleural effusion. Lung clear.", "impression": "No effusion."},
]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    factory._load.cache_clear()


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nano")
    path = folder / "recipe.yaml"
    shape = {"hidden_size": 32, "layers": 1, "heads": 2, "intermediate_size": 64, "max_positions": 1024}
    data = yaml.safe_load((Path(__file__).parents[2] / "recipes" / "nano.yaml").read_text("utf-8"))
    path.write_text(yaml.safe_dump({**data, "seed": 7, "model": shape}), "utf-8")
    style = prompt_set("nano").settings.style.split()
    vocabulary = Vocabulary([*_fixed_tokens(), *WORDS, *style], {})
    model = build_model(load_nano_recipe(path), vocabulary)
    model.get_input_embeddings().weight.data.mul_(20)  # an adapter leaves words alone: they must be far enough apart
    save(model, vocabulary, folder)
    return folder


def tiny_folder(kind: str, folder: Path) -> Path:
    """A random model of one of the paper's families, and a tokenizer of words with that family's ways."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    words = ["<unk>", "<s>", "</s>", "user", "assistant", "Write", "the", "impression", *WORDS]
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(dict.fromkeys(words))}, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokens, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = (
        "<s> {% for m in messages %}{{ m.role }} {{ m.content }} {{ '</s> ' if m.role == 'assistant' }}{% endfor %}"
        "{% if add_generation_prompt %}assistant {% endif %}"
    )
    tokenizer.save_pretrained(folder)
    small = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 8, "vocab_size": len(tokenizer), "max_position_embeddings": 2048,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **small)).save_pretrained(folder)
    return folder


def reports(path: Path, rows: list[dict[str, Any]] = REPORTS) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def settings(folder: Path, base: Path | str, name: str = "paper-llama-3.1-8b", **training: Any) -> Path:
    """A shipped recipe with another base and folder."""
    data = yaml.safe_load((Path(__file__).parents[2] / "recipes" / f"{name}.yaml").read_text("utf-8"))
    data |= {"base": str(base), "output": str(folder / "out")}
    data["training"] |= {"precision": "float32", "threads": 1, **training}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    return path


def recipe(folder: Path, base: Path | str, **training: Any) -> Recipe:
    made = sft.load_recipe(settings(folder, base, **training))
    return made.on(reports(folder / "train.jsonl"), None)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "adapter_model.safetensors"))


def quiet(line: str) -> None:
    pass


# --------------------------------------------------------------------------------------------------- what is learnt
def test_nano_learns_the_answer_to_exactly_the_prompt_that_serving_sends(nano: Path) -> None:
    from coarse2fine.serving.nano import NanoChat

    sent: list[list[BaseMessage]] = []
    base = find_base(str(nano))
    assert isinstance(base.loaded.chat, NanoChat)
    engine = base.loaded.chat.engine
    asked = engine.prompt

    def spy(messages: list[BaseMessage]) -> Any:
        sent.append(messages)
        return asked(messages)

    engine.prompt = spy  # type: ignore[method-assign]
    try:
        example = encode(base, [Report(**REPORTS[0])], 500).kept[0]
    finally:
        del engine.prompt
    prompt = asked(sent[0])
    assert example.ids[: len(prompt.ids)] == prompt.ids
    assert set(example.labels[: len(prompt.ids)]) == {IGNORED}
    answer = ["small", "left", "effusion", ".", marks.END]
    assert example.ids[len(prompt.ids) :] == [engine.ids[token] for token in answer]
    assert example.labels[len(prompt.ids) :] == example.ids[len(prompt.ids) :]


def test_what_nano_may_not_write_is_not_learnt(nano: Path) -> None:
    base = find_base(str(nano))
    example = encode(base, [Report(**REPORTS[2])], 500).kept[0]
    ids = base.loaded.chat.engine.ids  # type: ignore[attr-defined]
    words = {i: token for token, i in ids.items()}
    answer = [(words[i], label != IGNORED) for i, label in zip(example.ids, example.labels, strict=True)][-6:]
    learnt = [token for token, learns in answer if learns]
    assert learnt[0] == "<w0>"  # "zyxic" stands in the findings: the first of their unknown words
    assert [learns for _, learns in answer] == [True, True, False, False, True, True]  # ", quorbed" does not


def test_a_chat_model_learns_the_answer_and_to_stop(tmp_path: Path) -> None:
    from coarse2fine.serving.huggingface import encode_messages, load_tokenizer

    base = find_base(str(tiny_folder("llama", tmp_path)))
    example = encode(base, [Report(**REPORTS[0])], 4096).kept[0]
    tokenizer = load_tokenizer(str(tmp_path))
    learnt = [i for i in example.labels if i != IGNORED]
    assert example.labels[-len(learnt) :] == learnt
    assert learnt[-1] == tokenizer.eos_token_id
    assert learnt == tokenizer("Small left effusion. </s>")["input_ids"]
    assert example.ids[: -len(learnt)] == encode_messages(tokenizer, _messages(base, Report(**REPORTS[0])))


def test_reports_that_are_too_long_are_left_out_and_counted(nano: Path) -> None:
    made = encode(find_base(str(nano)), [Report(**row) for row in REPORTS], 26)
    assert (len(made.kept), made.too_long) != (4, 0)
    assert len(made.kept) + made.too_long == 4
    assert all(len(example.ids) <= 26 for example in made.kept)


def test_a_line_without_an_impression_is_refused_by_its_number(tmp_path: Path, nano: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(f'{json.dumps(REPORTS[0])}\n\n{{"findings": "Clear lung."}}\n', "utf-8")
    with pytest.raises(InputError, match=r"train\.jsonl, row 3, field 'impression'"):
        sft.train(sft.load_recipe(settings(tmp_path, nano)).on(path, None), report=quiet)
    assert not (tmp_path / "out").exists()


def test_packed_reports_do_not_see_each_other(nano: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from coarse2fine.training.sft_trainer import packs

    model = AutoModelForCausalLM.from_pretrained(nano, dtype=torch.float32)
    assert packs(model)

    class Mixing(torch.nn.Module):
        """Reads everything before, whatever the positions say."""

        device, dtype = torch.device("cpu"), torch.float32

        def forward(self, input_ids: Any, position_ids: Any = None, use_cache: bool = False) -> Any:
            return model(input_ids=input_ids, use_cache=use_cache)

    assert not packs(Mixing())


# -------------------------------------------------------------------------------------------------- what is written
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it
@pytest.mark.parametrize("kind", ["llama", "gemma2", "mistral"])
def test_the_papers_families_train_and_their_adapter_is_served(kind: str, tmp_path: Path) -> None:
    base = tiny_folder(kind, tmp_path)
    lines: list[str] = []
    out = sft.train(recipe(tmp_path, base, max_updates=3), report=lines.append)
    assert sum(line.startswith("update ") for line in lines) == 3
    assert any("lacks" in line and "8-bit" in line for line in lines)
    assert any(weight.abs().sum() > 0 for name, weight in weights(out).items() if "lora_B" in name)
    assert json.loads((out / "adapter_config.json").read_text("utf-8"))["base_model_name_or_path"] == str(base)
    for name in (f"hf:{base}#{out}", f"hf:{out}"):
        loaded = load_chat_model(name).chat._loaded()  # type: ignore[attr-defined]
        assert any("lora_B" in name and p.abs().sum() > 0 for name, p in loaded.model.named_parameters())


def test_nanos_adapter_is_named_and_changes_what_is_written(nano: Path, tmp_path: Path) -> None:
    hard = {"max_updates": 60, "epochs": 60, "learning_rate": 0.01, "save_every": 100}
    made = recipe(tmp_path, nano, **hard)
    same = reports(tmp_path / "same.jsonl", [REPORTS[1]] * 4)
    out = sft.train(made.on(same, reports(tmp_path / "held.jsonl", [REPORTS[1]])), report=quiet)
    before, after = (float(text) for text in _figures(out, "validation"))
    assert after < 0.5 < before
    base, tuned = (load_chat_model(name) for name in (f"hf:{nano}", f"hf:{nano}#{out}"))
    assert (tuned.prompts, tuned.adapter) == ("nano", str(out))
    messages = _messages(find_base(str(nano)), Report(**REPORTS[1]))
    assert base.chat.invoke(messages).text != "Clear lung."
    assert tuned.chat.invoke(messages).text == "Clear lung."
    assert load_chat_model(f"hf:{out}").chat.invoke(messages).text == tuned.chat.invoke(messages).text
    assert not (out / "checkpoints").exists()


def _figures(out: Path, what: str) -> list[str]:
    lines = (out / "README.md").read_text("utf-8").splitlines()
    return [line.split("|")[2].strip() for line in lines if line.startswith(f"| {what}")]


def _messages(base: Any, report: Report) -> list[BaseMessage]:
    from coarse2fine.agents.drafter import Drafter
    from coarse2fine.agents.writer import AS_USUAL

    return Drafter(base.loaded, prompt_set(base.loaded.prompts)).render("draft", report, AS_USUAL)


def test_the_card_names_base_data_recipe_and_loss(nano: Path, tmp_path: Path) -> None:
    out = sft.train(recipe(tmp_path, nano, max_updates=2), report=quiet)
    card = (out / "README.md").read_text("utf-8")
    digest = hashlib.sha256((tmp_path / "train.jsonl").read_bytes()).hexdigest()
    for part in (digest, "`train.jsonl`, 4 reports", "learning_rate: 0.0001", "last update", f"hf:{nano}#{out}"):
        assert part in card
    assert str(tmp_path / "train.jsonl") not in card


def test_nothing_is_told_to_anybody(nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trl.trainer import base_trainer

    told: list[Any] = []
    monkeypatch.setattr(base_trainer, "send_telemetry", lambda *args, **_: told.append(args))
    sft.train(recipe(tmp_path, nano, max_updates=1), report=quiet)
    assert told == []


# ------------------------------------------------------------------------------------------------------- killed runs
KILL = """
import os, signal, sys
from pathlib import Path
from coarse2fine.training import sft
recipe = sft.load_recipe(Path(sys.argv[1])).on(Path(sys.argv[2]), None)
def report(line):
    if line.startswith("update 3/"):
        os.kill(os.getpid(), signal.SIGKILL)
sft.train(recipe, report=report)
"""


def test_a_killed_run_resumes_to_the_same_adapter(nano: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    plan = {"max_updates": 5, "save_every": 2, "learning_rate": 0.01}
    one = weights(sft.train(recipe(whole, nano, **plan), report=quiet))
    again = recipe(killed, nano, **plan)
    done = subprocess.run(
        [sys.executable, "-c", KILL, killed / "recipe.yaml", killed / "train.jsonl"], capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr.decode()
    (again.output / "checkpoints" / "checkpoint-4").mkdir()  # as a kill within writing would leave it
    lines: list[str] = []
    two = weights(sft.train(again, report=lines.append))
    assert "resumes from checkpoint-2" in lines
    assert [line.split()[1] for line in lines if line.startswith("update ")] == ["3/5", "4/5", "5/5"]
    assert one.keys() == two.keys()
    assert all((one[key] - two[key]).abs().max() < 1e-6 for key in one)


def test_a_run_killed_after_its_last_update_only_writes(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(tmp_path, nano, max_updates=3, save_every=2)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sft, "save_adapter", killed)
        with pytest.raises(KeyboardInterrupt):
            sft.train(made, report=quiet)
    trained = weights(made.output / "checkpoints" / "checkpoint-3")
    lines: list[str] = []
    out = sft.train(made, report=lines.append)
    assert "resumes from checkpoint-3" in lines
    assert all(weight.equal(trained[key]) for key, weight in weights(out).items())
    assert not [line for line in lines if line.startswith("update ")]
    assert "3 updates over 4 rows" in (out / "README.md").read_text("utf-8")


def test_an_unfinished_run_of_other_data_is_not_gone_on_with(nano: Path, tmp_path: Path) -> None:
    made = recipe(tmp_path, nano, max_updates=1)
    folder = made.output / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}", "utf-8")
    with pytest.raises(InputError, match="unfinished run of another recipe"):
        sft.train(made, report=quiet)


# ---------------------------------------------------------------------------------------------------------- refusals
def test_an_adapter_of_another_nano_is_refused(nano: Path, tmp_path: Path) -> None:
    out = sft.train(recipe(tmp_path, nano, max_updates=1), report=quiet)
    record = json.loads((out / "base.json").read_text("utf-8"))
    (out / "base.json").write_text(json.dumps({**record, "sha256": "0" * 64}), "utf-8")
    with pytest.raises(ModelError, match="trained on other weights"):
        load_chat_model(f"hf:{nano}#{out}").chat.invoke("x")


def test_an_adapter_is_no_base(nano: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(InputError, match="is an adapter"):
        find_base(str(tmp_path))


def test_without_trl_the_extra_is_named(nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainers, "find_spec", lambda name: None if name == "trl" else find_spec(name))
    with pytest.raises(MissingExtra, match=r"needs trl: pip install 'coarse2fine\[train\]'"):
        sft.train(recipe(tmp_path, nano), report=quiet)


def test_an_example_has_a_label_for_each_token(nano: Path) -> None:
    made: list[Example] = encode(find_base(str(nano)), [Report(**row) for row in REPORTS], 500).kept
    assert all(len(example.ids) == len(example.labels) for example in made)


def test_the_nearest_other_reports_stand_in_the_prompt_as_the_memory_puts_them_there(nano: Path) -> None:
    reports = [Report(**row) for row in REPORTS]
    base = find_base(str(nano))
    with remembering(Part("train", reports, ""), 2) as recall:
        assert [case.report_id for case in recall(reports[0])] == ["d", "b"]
        shown = encode(base, reports[:1], 500, recall).kept[0]
    alone = encode(base, reports[:1], 500).kept[0]
    ids = base.loaded.chat.engine.ids  # type: ignore[attr-defined]
    assert shown.ids.count(ids[marks.CASE]) == 2
    assert alone.ids.count(ids[marks.CASE]) == 0
    assert [i for i in shown.labels if i != IGNORED] == [i for i in alone.labels if i != IGNORED]


def test_no_cases_are_no_memory() -> None:
    with remembering(Part("train", [Report(**row) for row in REPORTS], ""), 0) as recall:
        assert recall(Report(**REPORTS[0])) == ()


def test_a_run_that_is_shorter_than_one_log_still_has_its_card(nano: Path, tmp_path: Path) -> None:
    folder = sft.train(recipe(tmp_path, nano, log_every=1000), report=quiet)
    assert "loss" in (folder / "README.md").read_text("utf-8")
