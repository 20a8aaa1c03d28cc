"""BLEU: the paper's equations 5 and 6 by hand, and sacrebleu's numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coarse2fine.evals.metrics import Samples
from coarse2fine.evals.metrics.bleu import BleuMetric, bleu_of, brevity_penalty, corpus_bleu
from coarse2fine.evals.metrics_bench import made_up
from coarse2fine.evals.statistics import intervals
from coarse2fine.reports import InputError

sacrebleu = pytest.importorskip("sacrebleu")

# six and five tokens; in common: 5 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 runs of four
REFERENCE = "the small left effusion is stable"
CANDIDATE = "the small left effusion stable"


def of(candidate: str, reference: str) -> dict[str, float]:
    return BleuMetric().score(Samples([candidate], [reference])).corpus()


def test_equation_5_by_hand() -> None:
    assert brevity_penalty(7, 6) == 1.0
    assert brevity_penalty(6, 6) == 1.0  # exp(1 - 6/6)
    assert brevity_penalty(5, 6) == pytest.approx(math.exp(-0.2))
    assert brevity_penalty(0, 6) == 0.0


def test_equation_6_by_hand() -> None:
    wanted = math.exp(-0.2) * (1 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert of(CANDIDATE, REFERENCE)["bleu_paper"] == pytest.approx(wanted)
    pairs_only = BleuMetric(weights=(0.25, 0.75)).score(Samples([CANDIDATE], [REFERENCE])).corpus()
    assert pairs_only["bleu_paper"] == pytest.approx(math.exp(-0.2) * 0.75**0.75)
    assert bleu_of([0.5, 0.0], [0.5, 0.5], 4, 4) == 0.0


def test_equation_6_smooths_nothing_where_sacrebleu_does() -> None:
    found = of("no acute disease", "no acute disease")
    assert found["bleu_paper"] == 0.0  # three words have no run of four
    assert found["bleu_sentence"] == pytest.approx(1.0)
    found = of("a left effusion is seen", "a small effusion is seen")
    assert found["bleu_paper"] == 0.0
    assert found["bleu_sentence"] > 0.0


@pytest.mark.parametrize("weights", [(), (0.5, 0.6), (1.5, -0.5), (0.2,) * 5])
def test_weights_that_make_no_sense_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="weights"):
        BleuMetric(weights=weights)


# -------------------------------------------------------------------------------------------------------- sacrebleu
def test_sacrebleu_gives_the_same() -> None:
    given = made_up(200)
    scores = BleuMetric().score(given)
    theirs = sacrebleu.corpus_bleu(list(given.candidates), [list(given.references)])
    assert scores.corpus()["bleu"] == pytest.approx(theirs.score / 100, abs=1e-8)
    alone = [sacrebleu.sentence_bleu(c, [r]).score for c, r in zip(given.candidates, given.references, strict=True)]
    assert scores.columns["bleu_sentence"].values == pytest.approx(np.array(alone) / 100, abs=1e-8)
    assert scores.columns["bleu"].values == pytest.approx(np.array(alone) / 100, abs=1e-8)
    assert scores.corpus()["bleu_sentence"] == pytest.approx(np.mean(alone) / 100, abs=1e-8)
    assert f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}" in scores.note


@pytest.mark.parametrize("size", [1, 2, 5])
def test_corpus_bleu_from_sums_is_sacrebleus_also_where_it_smooths(size: int) -> None:
    rng = np.random.default_rng(size)
    words = np.array(["left", "right", "effusion", "small", "no", "lung"])
    for _ in range(60):
        texts = [[" ".join(rng.choice(words, rng.integers(0, 7))) for _ in range(size)] for _ in range(2)]
        texts[1] = [text or "x" for text in texts[1]]
        found = BleuMetric().score(Samples(*texts)).corpus()["bleu"]
        assert found == pytest.approx(sacrebleu.corpus_bleu(texts[0], [texts[1]]).score / 100, abs=1e-8)


def test_the_interval_is_of_corpus_bleu_and_not_of_the_mean() -> None:
    given = made_up(120)
    columns = BleuMetric().score(given).columns
    corpus, mean = intervals([columns["bleu"].corpus, columns["bleu_sentence"].corpus], resamples=500)
    assert corpus.low < corpus.value < corpus.high
    assert corpus.value != pytest.approx(mean.value, abs=1e-3)
    assert corpus_bleu(columns["bleu"].corpus.rows.sum(0, keepdims=True))[0] == corpus.value
