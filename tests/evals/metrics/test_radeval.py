"""What is asked of radeval and what is made of its answers, with a stand-in of its public class."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from coarse2fine.evals.metrics import Samples, load_metric
from coarse2fine.reports import InputError, MissingExtra, ModelError

GIVEN = Samples(["Effusion.", "", "Mass."], ["Left effusion.", "Normal.", "Mass."], ids=["a", "b", "c"])
SINGLE: dict[str, dict[str, list[float | None]]] = {
    "radgraph": {"radgraph_simple": [0.2, 1.0], "radgraph_partial": [0.4, 1.0], "radgraph_complete": [0.0, 1.0]},
    "f1chexbert": {"f1chexbert_sample_acc_5": [0.5, 1.0], "f1chexbert_sample_acc_all": [0.9, 1.0]},
    "green": {"green": [0.25, None]},
}


class RadEval:
    """As radeval's, with answers from a table."""

    asked: list[tuple[list[str], list[str]]] = []  # noqa: RUF012
    broken = False

    def __init__(self, metrics: list[str], per_sample: bool = False, show_progress: bool = True) -> None:
        if self.broken:
            raise OSError("no hub")
        (self.metric,), self.per_sample = metrics, per_sample

    def __call__(self, refs: list[str], hyps: list[str]) -> dict[str, Any]:
        self.asked.append((refs, hyps))
        if self.per_sample:
            return dict(SINGLE[self.metric])
        return {"f1chexbert_5_micro_f1": 0.7, "f1chexbert_all_micro_f1": 0.8}


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("radeval")
    module.RadEval = RadEval  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "radeval", module)
    monkeypatch.setattr(RadEval, "asked", [])


def test_empty_candidates_score_0_and_are_not_asked_about() -> None:
    scores = load_metric("radgraph").score(GIVEN)
    assert RadEval.asked == [(["Left effusion.", "Mass."], ["Effusion.", "Mass."])]
    assert scores.columns["radgraph_partial"].values.tolist() == [0.4, 0.0, 1.0]
    assert scores.corpus()["radgraph_simple"] == pytest.approx(0.4)


def test_chexbert_tells_the_f1_of_the_whole_set_too() -> None:
    found = load_metric("chexbert").score(GIVEN).corpus()
    assert found["f1chexbert_all_micro_f1"] == 0.8
    assert found["f1chexbert_sample_acc_5"] == pytest.approx(0.5)


def test_a_sample_that_green_cannot_score_is_named() -> None:
    with pytest.raises(InputError, match=r"sample 3 \(id 'c'\): green is nan"):
        load_metric("green").score(GIVEN)


def test_a_model_that_does_not_load_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RadEval, "broken", True)
    with pytest.raises(ModelError, match="radeval cannot work out radgraph: no hub"):
        load_metric("radgraph").score(GIVEN)


def test_a_package_that_radeval_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'dotmap'", name="dotmap")

    monkeypatch.setattr(RadEval, "__init__", lacking)
    with pytest.raises(MissingExtra, match=r"'dotmap'.*coarse2fine\[radeval\]"):
        load_metric("radgraph").score(GIVEN)


def test_a_set_of_empty_candidates_scores_0() -> None:
    found = load_metric("chexbert").score(Samples([""], ["Normal."])).corpus()
    assert set(found.values()) == {0.0}
    assert RadEval.asked == []
