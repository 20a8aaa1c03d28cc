"""Rewards against examples worked out by hand."""

from __future__ import annotations

import pytest

from coarse2fine.agents import Critic, CritiqueJob
from coarse2fine.agents.critique import Critique
from coarse2fine.reports import Report
from coarse2fine.serving import ScriptedNLI
from coarse2fine.training.rewards import (
    REWARDS,
    StyleTarget,
    coverage,
    layout_of,
    length,
    style,
    style_target,
    support,
)

REPORT = Report(
    exam="CT chest",
    findings="There is a small right pneumothorax. A 12 mm nodule in the left upper lobe. No rib fracture.",
)


def critiques(*texts: str) -> list[Critique]:
    return Critic(ScriptedNLI(0.0)).critique_many([CritiqueJob(REPORT, text) for text in texts])


def test_support_is_the_share_of_proven_claims() -> None:
    texts = [
        "Small right pneumothorax. No rib fracture.",
        "Small right pneumothorax. Small left pneumothorax.",
        "Large left pneumothorax.",
        "",
    ]
    assert support(texts, critiques=critiques(*texts), trainer_state=None) == [1.0, 0.5, 0.0, 0.0]


def test_coverage_is_the_share_of_significant_findings() -> None:
    texts = [
        "Small right pneumothorax. 12 mm nodule in the left upper lobe.",
        "Small right pneumothorax.",
        "No rib fracture.",
        "",
    ]
    assert coverage(texts, critiques=critiques(*texts), reports=[REPORT] * 4) == [1.0, 0.5, 0.0, 0.0]


def test_a_report_without_a_significant_finding_is_covered_by_any_text() -> None:
    normal = Report(findings="The lungs are clear. No pleural effusion.")
    assert coverage(["Clear lungs."], critiques=[Critique(verdicts=())], reports=[normal]) == [1.0]


@pytest.mark.parametrize(("words", "reward"), [(10, 1.0), (5, 0.5), (15, 0.5), (20, 0.0), (40, 0.0), (0, 0.0)])
def test_length_falls_on_both_sides_of_the_target(words: int, reward: float) -> None:
    assert length([" ".join(["word"] * words)], targets=[StyleTarget(length=10.0)]) == [reward]


def test_length_without_a_target() -> None:
    assert length(["a b c"], targets=[StyleTarget()]) == [1.0]


def test_style_is_layout_and_usual_words() -> None:
    target = StyleTarget("bulleted", frozenset(["small", "right", "pneumothorax"]))
    texts = [
        "- Small right pneumothorax.",  # as wanted
        "Small right pneumothorax.",  # another layout
        "- Tiny right pneumothorax.",  # one of three words is neither the radiologist's nor the report's
        "",
    ]
    found = style(texts, targets=[target] * 4, reports=[REPORT] * 4)
    assert found == pytest.approx([1.0, 0.5, 0.5 + 0.5 * 2 / 3, 0.0])


def test_without_a_target_every_style_will_do() -> None:
    assert style(["Anything."], targets=[StyleTarget()], reports=[REPORT]) == [1.0]


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("1. Mass.\n2. Effusion.", "numbered"),
        ("- Mass.\n- Effusion.", "bulleted"),
        ("Mass.\nEffusion.", "lines"),
        ("Mass. Effusion.", "prose"),
        ("Mass.\n- Effusion.", "lines"),
    ],
)
def test_layouts(text: str, layout: str) -> None:
    assert layout_of(text) == layout


def test_a_target_is_what_wanted_texts_have_in_common() -> None:
    target = style_target(["- Small mass.", "- Effusion.\n- No mass.", "Mass.", ""])
    assert target.layout == "bulleted"
    assert target.words == {"small", "mass", "effusion", "no"}
    assert target.length == pytest.approx((3 + 5 + 1) / 3)
    assert style_target([]) == StyleTarget()


def test_all_rewards_are_between_0_and_1() -> None:
    texts = ["- Small right pneumothorax.", "", "Large left mass."]
    known = {"critiques": critiques(*texts), "reports": [REPORT] * 3, "targets": [style_target(texts)] * 3}
    for name, reward in REWARDS.items():
        assert all(0.0 <= value <= 1.0 for value in reward(completions=texts, **known)), name
