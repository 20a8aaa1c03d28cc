"""What every metric shares: names, guards, empty candidates, and that nothing loads before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from coarse2fine.evals.metrics import GROUPS, METRICS, Samples, Scores, column, load_metric, means, metric_names
from coarse2fine.reports import InputError, MissingExtra, Report
from coarse2fine.serving import ScriptedNLI

REPORT = Report(findings="Small left pleural effusion. No pneumothorax.")


def samples(*candidates: str) -> Samples:
    return Samples(candidates, ["Small left pleural effusion."] * len(candidates), [REPORT] * len(candidates))


def test_importing_the_metrics_loads_none_of_them() -> None:
    heavy = ["torch", "transformers", "bert_score", "rouge_score", "sacrebleu", "nltk"]
    own = [f"coarse2fine.evals.metrics.{name}" for name in ("rouge", "bleu", "bertscore", "facts", "radeval")]
    imports = "import sys, coarse2fine.evals.metrics, coarse2fine.evals.statistics"
    code = f"{imports}\nassert not set({heavy + own}) & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]


def test_every_name_has_a_class_and_loading_it_loads_no_package() -> None:
    for name in METRICS:
        assert load_metric(name).name == name
    assert set(METRICS) >= {name for group in GROUPS.values() for name in group}


def test_names_are_read_with_groups_and_without_doubles() -> None:
    assert metric_names("bleu, rouge paper") == ["bleu", "rouge", "bertscore", "fc"]
    with pytest.raises(InputError, match=r"no metric is named 'blue'.*bleu"):
        metric_names("rouge blue")
    with pytest.raises(InputError, match="no metric is named 'paper'"):
        load_metric("paper")


# ----------------------------------------------------------------------------------------------------------- guards
@pytest.mark.parametrize(
    ("candidates", "references", "settings", "says"),
    [
        (["a"], ["a", "b"], {}, "candidates and references must be aligned: there are 1 and 2"),
        (["a"], ["a"], {"reports": []}, "candidates and reports must be aligned: there are 1 and 0"),
        (["a"], ["a"], {"ids": ["x", "y"]}, "candidates and ids must be aligned: there are 1 and 2"),
        ([], [], {}, "no sample to score"),
        (["a", "b", "c"], ["a", "b", "c"], {"ids": ["x", "y", "x"]}, "the id 'x' stands 2 times: samples 1, 3"),
        (["a", None], ["a", "b"], {"ids": ["x", "y"]}, r"sample 2 \(id 'y'\): candidate must be text, not NoneType"),
        (["a", "b"], ["a", " "], {}, r"sample 2 \(id '2'\): the reference is empty"),
    ],
)
def test_lists_that_cannot_be_scored_are_told(
    candidates: list[str], references: list[str], settings: dict[str, list[str]], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        Samples(candidates, references, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_told_with_its_sample(score: float) -> None:
    given = Samples(["a", "b"], ["a", "b"], ids=["x", "y"])
    with pytest.raises(InputError, match=rf"sample 2 \(id 'y'\): rouge1 is {score}"):
        means(given, {"rouge1": [0.5, score]})


def test_a_column_of_another_length_is_told() -> None:
    with pytest.raises(InputError, match="rouge1: 2 samples, but scores of shape"):
        Scores(Samples(["a", "b"], ["a", "b"]), {"rouge1": column([1.0])})


@pytest.mark.parametrize("name", GROUPS["facts"])
def test_metrics_on_facts_ask_for_reports(name: str) -> None:
    with pytest.raises(InputError, match=f"'{name}' needs the reports"):
        load_metric(name, critic=ScriptedNLI()).score(Samples(["a"], ["a"]))


@pytest.mark.parametrize("name", ["rouge", "bleu", "fc", "support", "coverage", "errors", "length", "readability"])
@pytest.mark.parametrize("empty", ["", " \n"])
def test_an_empty_candidate_scores_0(name: str, empty: str) -> None:
    pytest.importorskip("sacrebleu")
    settings = {"critic": ScriptedNLI()} if name in GROUPS["facts"] else {}
    scores = load_metric(name, **settings).score(samples(empty, "Small left pleural effusion."))
    assert {found.values[0] for found in scores.columns.values()} == {0.0}
    if name != "errors":
        assert all(found.values[1] != 0.0 for found in scores.columns.values())
    alone = load_metric(name, **settings).score(samples(empty))
    assert all(0.0 <= value <= 1.0 for value in alone.corpus().values())


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("bleu", "sacrebleu", "evals"),
        ("bertscore", "bert_score", "evals"),
        ("radgraph", "radeval", "radeval"),
        ("chexbert", "radeval", "radeval"),
        ("green", "radeval", "radeval"),
    ],
)
def test_a_missing_package_names_its_extra(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [*(m for m in sys.modules if m.split(".")[0] == package), package]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"coarse2fine\[{extra}\]") as caught:
        load_metric(name).score(samples("Effusion."))
    assert caught.value.exit_code == 4
