"""An NLI classifier in batches: the numbers of single calls, in the order asked, each question answered once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coarse2fine.reports import ModelError
from coarse2fine.serving import Pair
from coarse2fine.serving.batches import by_length
from coarse2fine.serving.nli import SequenceClassifierNLI

WORDS = ["left", "right", "effusion", "small", "no", "rib", "lung", "."]


def classifier(folder: Path, labels: dict[int, str]) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]), "utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS) + 5, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        id2label=labels, label2id={name: i for i, name in labels.items()}, initializer_range=0.5,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classifier(tmp_path_factory.mktemp("nli") / "three", {0: "neutral", 1: "entailment", 2: "contradiction"})


PAIRS = [Pair("left effusion . " * (1 + n % 5), "no small rib . " * (1 + n % 3)) for n in range(40)]


def test_batches_give_what_single_calls_give_in_the_order_asked(folder: Path) -> None:
    nli = SequenceClassifierNLI(folder)
    alone = [nli.score([pair])[0] for pair in PAIRS]
    assert len({round(scores.entailment, 6) for scores in alone}) > 5
    for pair, together in zip(alone, nli.score(PAIRS), strict=True):
        assert tuple(together) == pytest.approx(tuple(pair), abs=1e-6)
        assert sum(together) == pytest.approx(1.0)
    assert nli.score([]) == []


def test_probabilities_are_those_of_the_model(folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        coded = tokenizer(PAIRS[3].premise, PAIRS[3].hypothesis, return_tensors="pt")
        neutral, entailment, contradiction = model(**coded).logits[0].softmax(-1).tolist()
    found = SequenceClassifierNLI(folder).score(PAIRS)[3]
    assert tuple(found) == pytest.approx((entailment, neutral, contradiction), abs=1e-6)


def test_a_question_that_is_asked_twice_is_answered_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nli = SequenceClassifierNLI(folder, batch_size=8)
    model = nli._loaded[1]
    rows: list[int] = []
    run = model.forward

    def counted(**batch: Any) -> Any:
        rows.append(len(batch["input_ids"]))
        return run(**batch)

    monkeypatch.setattr(model, "forward", counted)
    nli.score(PAIRS * 3)
    assert sum(rows) == len(set(PAIRS)) == 15
    assert max(rows) == 8


def test_texts_past_256_tokens_are_cut(folder: Path) -> None:
    nli = SequenceClassifierNLI(folder)
    (long,), (longer,) = (nli.score([Pair("left " * n, "effusion")]) for n in (400, 500))
    assert long == longer


def test_labels_that_say_nothing_of_entailment_are_refused(tmp_path: Path) -> None:
    strange = classifier(tmp_path / "strange", {0: "good", 1: "bad"})
    with pytest.raises(ModelError, match="none says entailment"):
        SequenceClassifierNLI(strange).score(PAIRS[:1])


@given(st.lists(st.integers(1, 600), max_size=60), st.integers(1, 9))
def test_every_text_is_in_one_batch_and_no_batch_is_too_large(lengths: list[int], most: int) -> None:
    batches = list(by_length(lengths, most, tokens=512))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= most
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 512
    longest = [lengths[batch[-1]] for batch in batches]
    assert longest == sorted(longest)
