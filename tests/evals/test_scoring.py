"""The table of `eval score`: one system, two systems, scores sample by sample."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from coarse2fine.evals.layouts import Case
from coarse2fine.evals.metrics import Samples, Scores, column, load_metric
from coarse2fine.evals.metrics_bench import Bench, bench, made_up, real
from coarse2fine.evals.scoring import score_all, score_csv, score_table
from coarse2fine.evals.statistics import holm
from coarse2fine.reports import InputError, Report
from coarse2fine.serving import ScriptedNLI

FIRST = Samples(["left effusion", "no mass", "x", ""], ["left effusion", "mass", "y", "z"], ids=list("abcd"))
SECOND = Samples(["effusion", "mass", "y", "z"], FIRST.references, ids=FIRST.ids)


class Fixed:
    """A metric with given scores and one figure of the whole set."""

    name = "fixed"

    def score(self, samples: Samples) -> Scores:
        return Scores(samples, {"long": column([len(text) for text in samples.candidates])}, "a note", {"all": 0.25})


def test_one_system_has_values_and_intervals() -> None:
    done: list[str] = []
    found = score_table(score_all([load_metric("rouge"), Fixed()], FIRST, done=done.append), resamples=300, seed=5)
    assert done == ["rouge", "fixed"]
    figures = {figure.column: figure for figure in found.figures}
    assert figures["rouge1"].value == pytest.approx((1 + 2 / 3) / 4)
    assert figures["rouge1"].low < figures["rouge1"].value < figures["rouge1"].high
    assert figures["rouge1"].against is None
    assert (figures["rouge1"].metric, figures["long"].value) == ("rouge", (13 + 7 + 1 + 0) / 4)
    assert found.notes["fixed"] == "a note"
    assert found.totals == {"all": (0.25,)}
    assert (found.samples, found.resamples, found.seed) == (4, 300, 5)


def test_two_systems_have_differences_and_p_values_over_all_scores() -> None:
    found = score_table(score_all([load_metric("rouge"), Fixed()], FIRST, SECOND), resamples=300)
    against = [figure.against for figure in found.figures]
    for figure, other in zip(found.figures, against, strict=True):
        assert other is not None
        assert other.difference == pytest.approx(figure.value - other.value)
        assert other.difference_low <= other.difference <= other.difference_high
    p_values = [other.p for other in against if other]
    assert [other.p_holm for other in against if other] == holm(p_values)
    assert found.totals == {"all": (0.25, 0.25)}


def test_the_same_system_twice_differs_in_nothing() -> None:
    found = score_table(score_all([load_metric("rouge")], FIRST, FIRST), resamples=200)
    assert {(f.against.difference, f.against.p, f.against.p_holm) for f in found.figures if f.against} == {(0, 1, 1)}
    assert found.tests == 0


def test_columns_that_cannot_differ_cost_the_others_nothing() -> None:
    class Zero:
        name = "zero"

        def score(self, samples: Samples) -> Scores:
            return Scores(samples, {f"none{i}": column([0.0] * len(samples)) for i in range(30)})

    alone = score_table(score_all([Fixed()], FIRST, SECOND), resamples=200)
    found = score_table(score_all([Zero(), Fixed()], FIRST, SECOND), resamples=200)
    assert (alone.tests, found.tests) == (1, 1)
    assert found.figures[-1].against == alone.figures[0].against
    assert found.figures[0].against is not None
    assert found.figures[0].against.p_holm == 1.0


def test_nothing_asked_is_told() -> None:
    with pytest.raises(InputError, match="no sample"):
        score_table(score_all([], FIRST))


def test_scores_are_written_sample_by_sample_without_text() -> None:
    text = score_csv(score_all([load_metric("rouge"), Fixed()], FIRST, SECOND))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == list("abcd")
    assert [float(row["rouge1"]) for row in rows] == pytest.approx([1, 2 / 3, 0, 0])
    assert [float(row["rouge1 (against)"]) for row in rows] == pytest.approx([2 / 3, 1, 1, 1])
    assert "effusion" not in text


def test_the_benchmark_compares_equal_numbers() -> None:
    pytest.importorskip("rouge_score")
    (found,) = bench(pairs=40, texts=0)
    assert isinstance(found, Bench)
    assert (found.what, found.texts, found.difference) == ("rouge", 40, 0.0)
    assert found.seconds > 0
    assert made_up(3).candidates == made_up(5).candidates[:3]


def test_single_calls_give_what_batches_give(bert_folder: Path) -> None:
    pytest.importorskip("rouge_score")
    given = real([Case(Report(findings=f"{text} Clear."), "Left effusion.") for text in ("Left.", "Right.", "Left.")])
    found = bench(
        texts=2, critic=ScriptedNLI(lambda premise, _: len(premise) / 100), encoder=str(bert_folder), data=given
    )
    assert [(row.what, row.texts, row.timed) for row in found] == [
        ("rouge", 3, 3), ("bertscore", 2, 2), ("bertscore", 2, 2), ("fc", 2, 2)
    ]  # fmt: skip
    assert max(row.difference for row in found) < 1e-6
    assert "model loaded once" in found[1].plain
    assert "loaded each time" in found[2].plain
