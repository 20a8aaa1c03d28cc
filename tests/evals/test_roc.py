"""ROC, AUC and calibration, against figures worked out by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from coarse2fine.agents import Critic
from coarse2fine.evals.critic_benchmark import ClaimRow, Judged, judge
from coarse2fine.evals.pages import html, markdown
from coarse2fine.evals.roc import area, reached, roc, roc_of
from coarse2fine.evals.roc_page import roc_page
from coarse2fine.reports import InputError
from coarse2fine.serving import ScriptedNLI


def judged(score: float, supported: bool, kind: str = "k", layer: str = "nli") -> Judged:
    row = ClaimRow(findings="Clear lungs.", claim="Clear.", supported=supported, kind=kind)
    return Judged(row, score >= 0.5, layer, score, ())


SIX = [judged(0.9, True, "a"), judged(0.8, True, "a"), judged(0.35, True, "b"), judged(0.6, False, "c"),
       judged(0.35, False, "c"), judged(0.1, False, "d")]  # fmt: skip


def test_the_area_is_how_often_a_supported_claim_scores_higher() -> None:
    (found,) = roc({"m": SIX}).models
    assert found.auc.value == pytest.approx((3 + 3 + 1.5) / 9)
    assert found.auc.low <= found.auc.value <= found.auc.high


def test_area_and_curve_agree_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    labels = rng.random(300) < 0.4
    scores = np.round(np.clip(0.3 * labels + 0.7 * rng.random(300), 0, 1), 2)
    assert area(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores))
    curve, thresholds = roc_of(scores, labels)
    x, y, cuts = metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert np.allclose(np.array(curve), np.stack([x, y], 1))
    assert np.allclose(thresholds[1:], cuts[1:])


def test_calibration_is_exact_where_scores_are_shares() -> None:
    claims = [judged(0.75, n < 3) for n in range(4)] + [judged(0.25, n < 1) for n in range(4)]
    (found,) = roc({"m": claims}).models
    assert found.ece == pytest.approx(0)
    assert found.brier == pytest.approx(0.1875)
    assert [(b.claims, b.score, b.supported) for b in found.bins] == [(4, 0.25, 0.25), (4, 0.75, 0.75)]
    (sure,) = roc({"m": [judged(0.99, n < 1) for n in range(2)]}).models
    assert sure.ece == pytest.approx(0.49)


def test_a_kind_is_measured_against_the_claims_of_the_other_label() -> None:
    (found,) = roc({"m": SIX}).models
    assert list(found.kinds) == ["a", "b", "c", "d"]
    assert found.kinds["a"].auc == 1
    assert found.kinds["b"].auc == pytest.approx(1.5 / 3)
    assert (found.kinds["d"].auc, found.kinds["c"].claims, found.kinds["c"].supported) == (1, 2, False)


def test_only_claims_that_reach_the_model_count() -> None:
    mixed = [*SIX, judged(1.0, False, layer="verbatim"), judged(0.0, True, layer="check")]
    found = roc({"m": mixed})
    assert (found.claims, found.reached, found.supported) == (8, 6, 3)
    assert found.models[0].auc == roc({"m": SIX}).models[0].auc


def test_two_models_are_compared_on_the_same_claims() -> None:
    worse = [j._replace(score=1 - (j.score or 0)) for j in SIX]
    found = roc({"ours": SIX, "theirs": worse})
    gain = found.auc_gain["theirs"]
    assert gain.value > 0
    assert gain.value == pytest.approx(found.models[0].auc.value - found.models[1].auc.value)
    assert 0 < gain.p <= 1
    same = roc({"ours": SIX, "twin": SIX}).auc_gain["twin"]
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    with pytest.raises(InputError, match="different claims"):
        roc({"ours": SIX, "theirs": worse[:5]})


def test_both_labels_must_reach_the_model() -> None:
    with pytest.raises(InputError, match="3 hold"):
        roc({"m": SIX[:3]})


def test_claims_of_a_real_critic_reach_the_model_alike() -> None:
    rows = [
        ClaimRow(findings="Left effusion. Heart is normal.", claim=claim, supported=supported, kind="k")
        for claim, supported in (("Left effusion.", True), ("The picture suggests overload.", False))
    ]
    scores = [reached(judge(rows, Critic(ScriptedNLI(value)))) for value in (0.9, 0.2)]
    assert [[c.place for c in claims] for claims in scores] == [[1], [1]]


def test_the_page_tells_and_shows() -> None:
    page = roc_page(roc({"ours": SIX, "theirs": SIX[::1]}), "invented")
    assert "| ours |" in markdown(page)
    assert "AUC of ours less that of theirs" in markdown(page)
    assert html(page).count("<svg") == 2
