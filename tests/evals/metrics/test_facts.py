"""FC, support, coverage and errors: figures of scripted critics, and that a set is judged in one go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import coarse2fine.agents
from coarse2fine.agents import Critic, factual_consistency
from coarse2fine.evals.metrics import GROUPS, Samples, load_metric
from coarse2fine.evals.metrics.facts import ERROR_KINDS
from coarse2fine.reports import Report
from coarse2fine.serving import NLIScores, Pair, ScriptedNLI

SICK = Report(
    findings="There is a small left pleural effusion. There is a fracture of the right fifth rib. No pneumothorax."
)
WELL = Report(findings="The lungs are clear. The heart is normal.")


def of(*texts: tuple[Report, str]) -> Samples:
    return Samples([text for _, text in texts], ["x"] * len(texts), [report for report, _ in texts])


class Counting(ScriptedNLI):
    """Tells how often it was asked."""

    calls = 0

    def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
        """As scripted."""
        self.calls += 1
        return super().score(pairs)


def test_fc_is_the_papers_for_each_text_in_one_call() -> None:
    nli = Counting(lambda premise, hypothesis: (len(premise) + len(hypothesis)) % 97 / 97)
    given = of((SICK, "Small left pleural effusion."), (WELL, ""), (WELL, "Clear lungs. Normal heart."))
    found = load_metric("fc", critic=nli).score(given)
    assert nli.calls == 1
    assert given.reports is not None
    alone = [factual_consistency(r.findings, t, nli) for r, t in zip(given.reports, given.candidates, strict=True)]
    assert found.columns["fc"].values.tolist() == [alone[0], 0.0, alone[2]]
    assert found.corpus()["fc"] == pytest.approx((alone[0] + alone[2]) / 3)
    assert "scripted" in found.note


def test_support_is_the_share_of_accepted_claims() -> None:
    given = of(
        (SICK, "Small left pleural effusion. Small right pleural effusion. No pneumothorax."), (WELL, ""),
        (WELL, "The lungs are clear."),
    )  # fmt: skip
    found = load_metric("support", critic=ScriptedNLI(1.0)).score(given)
    assert found.columns["support"].values == pytest.approx([2 / 3, 0.0, 1.0])
    assert found.corpus()["support"] == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_coverage_counts_findings_of_all_reports_alike() -> None:
    given = of(
        (SICK, "Small left pleural effusion."), (SICK, ""), (WELL, "Normal chest."), (WELL, ""),
        (SICK, "Small left pleural effusion. Fracture of the right fifth rib."),
    )  # fmt: skip
    found = load_metric("coverage", critic=ScriptedNLI(0.0)).score(given)
    assert found.columns["coverage"].values.tolist() == [0.5, 0.0, 1.0, 0.0, 1.0]
    assert found.corpus()["coverage"] == pytest.approx(3 / 6)
    assert "6 findings to name, in 3 of 5 reports" in found.note


def test_errors_are_counted_by_what_the_critic_says_is_wrong() -> None:
    given = of((SICK, "Small right pleural effusion. Pneumothorax. Left rib fracture."), (WELL, "The lungs are clear."))
    found = load_metric("errors", critic=ScriptedNLI(0.0)).score(given)
    values = {name: column.values.tolist() for name, column in found.columns.items() if column.values.any()}
    critique = Critic(ScriptedNLI(0.0)).critique(SICK, given.candidates[0])
    assert values["errors"][0] == sum(len(verdict.reasons) for verdict in critique.faults)
    assert values["errors_side"][0] >= 1
    assert values["errors_negation"] == [1.0, 0.0]
    assert sum(row[0] for name, row in values.items() if name != "errors") == values["errors"][0]


def test_what_the_model_does_not_prove_and_refutes_are_kinds_of_their_own() -> None:
    class Refuting(ScriptedNLI):
        def score(self, pairs: Sequence[Pair]) -> list[NLIScores]:
            """Refutes what speaks of flowers."""
            return [NLIScores(0.1, 0.2, 0.7) if "flower" in p.hypothesis else NLIScores(0.1, 0.8, 0.1) for p in pairs]

    critic = Critic(Refuting(), checks=(), agree=False)
    found = load_metric("errors", critic=critic).score(of((WELL, "Many flowers here. Many birds here."))).corpus()
    assert (found["errors"], found["errors_refuted"], found["errors_unproven"]) == (2, 1, 1)


def test_every_kind_of_fault_that_checks_name_is_known() -> None:
    folder = Path(coarse2fine.agents.__path__[0])
    source = "".join((folder / f"{name}.py").read_text("utf-8") for name in ("checks", "attribute_checks"))
    named = set(re.findall(r"\bf\"([a-z]+): ", source))
    assert {"negation", "side", "measurement"} <= named
    assert named | {"sex", "age"} <= set(ERROR_KINDS)


def test_a_set_is_critiqued_once_for_all_metrics_and_asked_in_one_batch() -> None:
    nli = Counting(0.9)
    texts = [(SICK, f"Effusion has {n} flowers."[: 20 + n]) for n in range(6)]
    given, other = of(*texts), of(*texts[::-1])
    for name in ("support", "coverage", "errors"):
        for one in (given, other):
            load_metric(name, critic=nli).score(one)
    assert nli.calls == 2


def test_batches_give_what_single_calls_give() -> None:
    texts = [
        (SICK, "Left effusion."),
        (WELL, "Normal chest."),
        (SICK, "Right effusion. Rib fracture."),
        (WELL, "Mass."),
    ]
    nli = ScriptedNLI(lambda premise, hypothesis: len(hypothesis) % 10 / 10)
    for name in GROUPS["facts"]:
        together = load_metric(name, critic=nli).score(of(*texts)).columns
        for row, text in enumerate(texts):
            alone = load_metric(name, critic=nli).score(of(text)).columns
            assert {c: v.values[0] for c, v in alone.items()} == {c: v.values[row] for c, v in together.items()}


@pytest.mark.slow
def test_the_shipped_critic_gives_the_same_fc_in_batches() -> None:
    from coarse2fine.reports import ModelError
    from coarse2fine.serving import load_nli

    given = of((SICK, "Small left pleural effusion."), (WELL, "Normal."), (SICK, "No effusion. No fracture."))
    try:
        found = load_metric("fc").score(given).columns["fc"].values
    except ModelError as error:
        pytest.skip(str(error))
    nli = load_nli("nano-critic")
    alone = [
        factual_consistency(r.findings, t, nli) for r, t in zip(given.reports or (), given.candidates, strict=True)
    ]
    assert found == pytest.approx(np.array(alone), abs=1e-5)
