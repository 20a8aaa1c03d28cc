"""Training nano on a tiny setting: it learns, it resumes after a kill, and its output is a loadable model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from langchain_core.messages import HumanMessage
from safetensors.torch import load_file

from coarse2fine.reports import InputError, ModelError
from coarse2fine.serving import load_chat_model
from coarse2fine.training.nano import Recipe, build_model, load_recipe, loss_of, start_from, train
from coarse2fine.training.nano_data import IGNORED, Rows, Vocabulary, batches

TINY = """
seed: 1
output: {output}
data: {{vocabulary_conversations: 60, min_count: 2, tokens: 6000, held_tokens: 1000, longest: 400, workers: 1}}
model: {{hidden_size: 32, layers: 1, heads: 2, intermediate_size: 64, max_positions: 1024}}
training: {{tokens_per_step: 1024, learning_rate: 0.01, muon_learning_rate: 0.02, weight_decay: 0.0, warmup_steps: 2,
  cooldown: 0.5, clip: 1.0, save_every: 2}}
"""


def tiny(folder: Path) -> Recipe:
    path = folder / "tiny.yaml"
    path.write_text(TINY.format(output=folder / "out"), "utf-8")
    return load_recipe(path)


class Killed(BaseException):
    """Stands for a kill signal."""


def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = train(tiny(tmp_path / "a"), report=lambda line: None)

    saved: list[str] = []

    def kill_after_second_save(line: str) -> None:
        if line.startswith("held-out"):
            saved.append(line)
        if len(saved) == 2:
            raise Killed

    recipe = tiny(tmp_path / "b")
    with pytest.raises(Killed):
        train(recipe, report=kill_after_second_save)
    assert (recipe.output / "state.pt").exists()
    train(recipe, report=lambda line: None)
    one, two = (load_file(folder / "model.safetensors") for folder in (whole, recipe.output))
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[key].float(), two[key].float(), atol=2e-2) for key in one)


def test_training_learns_and_its_output_answers_by_name(tmp_path: Path) -> None:
    lines: list[str] = []
    folder = train(tiny(tmp_path), report=lines.append)
    losses = [float(line.split()[-1]) for line in lines if line.startswith("held-out")]
    assert losses[-1] < losses[0]
    assert "Llama" in (folder / "README.md").read_text("utf-8")
    model = load_chat_model(f"hf:{folder}")
    assert model.prompts == "nano"
    reply = model.chat.invoke([HumanMessage("<|findings|> Foozle of the barble. <|draft|>")])
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["input_tokens"] == 9


def test_a_run_starts_from_an_earlier_model_word_by_word(tmp_path: Path) -> None:
    first = tiny(tmp_path)
    folder = train(first, report=lambda line: None)
    earlier = load_file(folder / "model.safetensors")["model.embed_tokens.weight"].float()
    known = load_chat_model(f"hf:{folder}").chat.engine.ids
    words = Vocabulary(["<pad>", "<unk>", "<s>", "</s>", "neverseen", "the"], {})
    model = build_model(first, words)
    assert start_from(model, words, folder) == 5
    rows = model.get_input_embeddings().weight
    assert torch.equal(rows[5], earlier[known["the"]])
    assert not any(torch.equal(rows[4], row) for row in earlier)


def test_a_start_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = train(tiny(tmp_path), report=lambda line: None)
    wider = tiny(tmp_path)
    wider = wider.model_copy(update={"model": wider.model.model_copy(update={"hidden_size": 48})})
    with pytest.raises(ModelError, match="32 wide; the recipe asks for 48"):
        start_from(build_model(wider, Vocabulary(["<pad>", "<unk>", "<s>", "</s>"], {})), Vocabulary([], {}), folder)


def test_prompts_count_by_their_weight_and_padding_never() -> None:
    class Echo:
        """Gives every token the same logits."""

        def model(self, input_ids: torch.Tensor) -> SimpleNamespace:
            return SimpleNamespace(last_hidden_state=torch.zeros(*input_ids.shape, 1))

        def lm_head(self, hidden: torch.Tensor) -> torch.Tensor:
            return torch.tensor([0.0, 1.0, 2.0, 3.0]).expand(len(hidden), 4)

    ids = torch.tensor([[1, 2, 3], [1, 3, 0]])
    labels = torch.tensor([[IGNORED, IGNORED, 3], [IGNORED, 3, IGNORED]])
    logsum = torch.logsumexp(torch.tensor([0.0, 1.0, 2.0, 3.0]), 0)
    assert loss_of(Echo(), ids, labels).item() == pytest.approx((logsum - 3).item())
    assert loss_of(Echo(), ids, labels, 0.5).item() == pytest.approx((logsum - 3 + 0.5 * (logsum - 2)).item())


def test_a_recipe_with_an_unknown_field_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(TINY.format(output=tmp_path) + "\nspeed: 9\n", "utf-8")
    with pytest.raises(InputError, match="speed"):
        load_recipe(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        load_recipe(tmp_path / "none.yaml")


def test_batches_hold_every_conversation_once_within_the_budget() -> None:
    import numpy as np

    lengths = np.random.default_rng(0).integers(5, 90, 500)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    rows = Rows(np.zeros(starts[-1], np.int32), np.zeros(starts[-1], np.int32), starts)
    made = batches(rows, 400, seed=3)
    assert sorted(i for batch in made for i in batch) == list(range(500))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 400 for batch in made)


def test_padding_is_never_learnt() -> None:
    import numpy as np

    rows = Rows(np.array([1, 2, 3], np.int32), np.array([-100, 2, 3], np.int32), np.array([0, 1, 3]))
    ids, labels = rows.batch([0, 1])
    assert ids.tolist() == [[1, 0], [2, 3]]
    assert labels.tolist() == [[IGNORED, IGNORED], [2, 3]]
