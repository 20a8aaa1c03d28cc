"""ROUGE: the paper's equations by hand, and rouge-score's numbers to the last bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coarse2fine.evals.metrics import Samples
from coarse2fine.evals.metrics.rouge import COLUMNS, RougeMetric, f_lcs, lcs_length
from coarse2fine.evals.metrics_bench import made_up
from coarse2fine.reports import InputError

# the reference has 6 words, the candidate 4; common: "small", "left", "effusion", and as a sequence all three
REFERENCE = "small left effusion at the base"
CANDIDATE = "small new left effusion"


def of(candidate: str, reference: str, beta: float = 1.0) -> dict[str, float]:
    return RougeMetric(beta=beta).score(Samples([candidate], [reference])).corpus()


def test_equation_1_is_recall_of_ngrams() -> None:
    found = of(CANDIDATE, REFERENCE)
    assert found["rouge1_recall"] == pytest.approx(3 / 6)
    assert found["rouge2_recall"] == pytest.approx(1 / 5)  # "left effusion" of five pairs


def test_equation_1_counts_an_ngram_as_often_as_both_have_it() -> None:
    assert of("left left left", "left and left effusion")["rouge1_recall"] == pytest.approx(2 / 4)


def test_equations_2_to_4_by_hand() -> None:
    recall, precision = 3 / 6, 3 / 4  # equations 2 and 3
    assert of(CANDIDATE, REFERENCE)["rougeL_f"] == pytest.approx(2 * recall * precision / (recall + precision))
    weighed = (1 + 4) * recall * precision / (recall + 4 * precision)
    assert of(CANDIDATE, REFERENCE, beta=2.0)["rougeL_f"] == pytest.approx(weighed)
    assert f_lcs(precision, recall, 1e6) == pytest.approx(recall)
    assert f_lcs(precision, recall, 1e-6) == pytest.approx(precision)
    assert f_lcs(0.0, 0.0) == 0.0


def test_f1_by_hand() -> None:
    found = of(CANDIDATE, REFERENCE)
    assert found["rouge1"] == found["rougeL"] == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert found["rouge2"] == pytest.approx(2 * (1 / 5) * (1 / 3) / (1 / 5 + 1 / 3))


def test_words_that_are_common_out_of_order_do_not_all_count_for_l() -> None:
    assert of("effusion left", "left effusion") == pytest.approx(
        {"rouge1": 1, "rouge2": 0, "rougeL": 0.5, "rouge1_recall": 1, "rouge2_recall": 0, "rougeL_f": 0.5}
    )


def test_the_set_is_the_mean_of_its_samples() -> None:
    scores = RougeMetric().score(Samples([CANDIDATE, REFERENCE], [REFERENCE, REFERENCE]))
    assert scores.corpus()["rouge1_recall"] == pytest.approx((0.5 + 1.0) / 2)
    assert tuple(scores.columns) == COLUMNS


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan")])
def test_a_weight_that_makes_no_sense_is_refused(beta: float) -> None:
    with pytest.raises(InputError, match="beta"):
        RougeMetric(beta=beta)


# ------------------------------------------------------------------------------------------------------ rouge-score
def same_as_rouge_score(candidates: list[str], references: list[str]) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rouge1", "rouge2", "rougeL"])
    scores = RougeMetric().score(Samples(candidates, references))
    for row, pair in enumerate(zip(references, candidates, strict=True)):
        theirs = scorer.score(*pair)
        for name in ("rouge1", "rouge2", "rougeL"):
            assert scores.columns[name].values[row] == theirs[name].fmeasure
        for name in ("rouge1", "rouge2"):
            assert scores.columns[f"{name}_recall"].values[row] == theirs[name].recall


def test_made_up_reports_score_as_rouge_score_scores_them() -> None:
    given = made_up(600)
    same_as_rouge_score(list(given.candidates), list(given.references))


TEXT = st.lists(
    st.sampled_from(["left", "Right", "2.5", "cm", "L4-5", "é", "İ", "...", "\n", "naïve", "No"]), max_size=90
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_any_texts_score_as_rouge_score_scores_them(pairs: list[tuple[list[str], list[str]]]) -> None:
    same_as_rouge_score([" ".join(c) for c, _ in pairs], ["x " + " ".join(r) for _, r in pairs])


def test_texts_longer_than_a_machine_word_and_exactly_as_long() -> None:
    words = [f"w{i % 17}" for i in range(200)]
    lengths = [63, 64, 65, 130, 200]
    candidates = [" ".join(words[:n]) for n in lengths for _ in lengths]
    references = [" ".join(words[3 : n + 3][::-1] + words[:9]) for _ in lengths for n in lengths]
    same_as_rouge_score(candidates, references)


def test_the_longest_common_subsequence_by_hand() -> None:
    assert lcs_length("abcbdab", "bdcaba") == 4
    assert lcs_length("", "abc") == lcs_length("abc", "") == lcs_length("abc", "xyz") == 0
    assert lcs_length("a" * 100, "a" * 70) == 70
