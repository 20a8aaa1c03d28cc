"""The critic's benchmark: reading rows, judging them, summing up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coarse2fine.agents import Critic
from coarse2fine.evals.critic_benchmark import ClaimRow, Judged, figures, judge, read_claims, worst, write_claims
from coarse2fine.reports import InputError, ReportError
from coarse2fine.serving import ScriptedNLI

FINDINGS = "Small left pleural effusion. No pneumothorax."


def row(claim: str, supported: bool, kind: str) -> ClaimRow:
    return ClaimRow(findings=FINDINGS, claim=claim, supported=supported, kind=kind)


def judged(accepted: bool, supported: bool, kind: str, score: float | None = None) -> Judged:
    return Judged(row("Small left pleural effusion.", supported, kind), accepted, "nli", score, ())


def test_rows_survive_writing_and_reading(tmp_path: Path) -> None:
    rows = [row("Effusion.", True, "verbatim"), row("No effusion.", False, "negation")]
    (tmp_path / "claims.jsonl").write_text(write_claims(rows), "utf-8")
    assert read_claims(tmp_path / "claims.jsonl") == rows


def test_a_wrong_row_is_named_with_its_field(tmp_path: Path) -> None:
    good = {"findings": "a", "claim": "b", "supported": True, "kind": "c"}
    lines = [json.dumps(good), json.dumps({**good, "supported": "perhaps"})]
    (tmp_path / "claims.jsonl").write_text("\n".join(lines), "utf-8")
    with pytest.raises(ReportError, match="row 2, field 'supported'"):
        read_claims(tmp_path / "claims.jsonl")


@pytest.mark.parametrize("content", [None, ""])
def test_a_missing_or_empty_file_is_an_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "claims.jsonl").write_text(content, "utf-8")
    with pytest.raises(InputError, match=r"claims\.jsonl"):
        read_claims(tmp_path / "claims.jsonl")


def test_the_critic_is_asked_about_each_claim() -> None:
    rows = [
        row("Small left pleural effusion.", True, "verbatim"),
        row("Small right pleural effusion.", False, "side"),
        row("Large pneumothorax.", False, "negation"),
    ]
    counted: list[int] = []
    found = judge(rows, Critic(ScriptedNLI(1.0)), counted.append)
    assert [one.accepted for one in found] == [True, False, False]
    assert [one.row for one in found] == rows
    assert counted == [3]
    assert found[1].reasons


def test_an_omission_does_not_fail_a_claim() -> None:
    (found,) = judge([row("No pneumothorax.", True, "verbatim")], Critic(ScriptedNLI(0.0)))
    assert found.accepted


def test_balanced_accuracy_weighs_both_sides_alike() -> None:
    found = figures([judged(True, True, "verbatim")] * 8 + [judged(True, False, "side"), judged(False, False, "side")])
    assert (found.accepted, found.caught, found.balanced_accuracy) == (1.0, 0.5, 0.75)
    assert found.by_kind["side"] == (2, False, 0.5)
    assert found.by_kind["verbatim"] == (8, True, 1.0)


def test_a_kind_with_both_labels_stands_twice() -> None:
    found = figures([judged(True, True, "other"), judged(True, False, "other")])
    assert found.by_kind == {"other": (1, True, 1.0), "other (unsupported)": (1, False, 0.0)}


def test_one_label_alone_has_no_balanced_accuracy() -> None:
    with pytest.raises(InputError, match="both"):
        figures([judged(True, True, "verbatim")])


def test_the_overlap_oracle_takes_its_best_threshold() -> None:
    rows = [
        row("Small left effusion.", True, "a"),
        row("Large right mass.", False, "b"),
        row("No effusion mass.", False, "b"),
    ]
    found = figures([Judged(one, False, "nli", None, ()) for one in rows])
    assert found.overlap_oracle == 1.0
    assert found.overlap_threshold == 1.0


def test_the_worst_mistakes_take_kinds_in_turn() -> None:
    found = worst(
        [
            judged(True, False, "side", 0.9),
            judged(True, False, "side", 0.6),
            judged(True, False, "level", 0.7),
            judged(False, True, "verbatim", 0.1),
            judged(True, True, "verbatim", 0.9),
        ],
        3,
    )
    assert [(one.row.kind, one.score) for one in found] == [("side", 0.9), ("level", 0.7), ("verbatim", 0.1)]
