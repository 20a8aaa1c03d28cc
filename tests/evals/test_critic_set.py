"""Deriving the critic's benchmark, from invented reports."""

from __future__ import annotations

from collections import Counter

from coarse2fine.evals.critic_set import KINDS, derive
from coarse2fine.reports import Report

FINDINGS = [
    "There is mild cardiomegaly. Small left pleural effusion. No pneumothorax. A 12 mm nodule in the right apex.",
    "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax.",
    "Healed fracture of the right 4th rib. The aorta is tortuous. No focal consolidation.",
    "There is a large hiatal hernia. Wedging of T12 is present. The lungs are hyperexpanded.",
    "Scarring at the left base. Scarring at the right base. No effusion.",
]
REPORTS = [Report(findings=findings) for findings in FINDINGS]


def test_every_kind_is_derived() -> None:
    claims = derive(REPORTS)
    assert {claim.kind for claim in claims} == set(KINDS)


def test_only_verbatim_and_paraphrase_are_supported() -> None:
    for claim in derive(REPORTS):
        assert claim.supported == (claim.kind in ("verbatim", "paraphrase"))


def test_the_same_seed_gives_the_same_rows() -> None:
    assert derive(REPORTS, seed=3) == derive(REPORTS, seed=3)
    assert any(derive(REPORTS, seed=3) != derive(REPORTS, seed=seed) for seed in range(4, 8))


def test_a_report_gives_one_claim_of_a_kind_at_most() -> None:
    counts = Counter((claim.findings, claim.kind) for claim in derive(REPORTS))
    assert max(counts.values()) == 1


def test_per_kind_is_a_limit() -> None:
    assert max(Counter(claim.kind for claim in derive(REPORTS, per_kind=2)).values()) == 2


def test_a_side_that_is_true_elsewhere_is_not_flipped() -> None:
    sides = [claim for claim in derive(REPORTS) if claim.kind == "side"]
    assert sides
    assert all("Scarring" not in claim.claim for claim in sides)


def test_an_invention_speaks_of_nothing_in_the_findings() -> None:
    for seed in range(20):
        for claim in (claim for claim in derive(REPORTS, seed=seed) if claim.kind == "invention"):
            assert claim.claim not in claim.findings
            if "heart" in claim.findings.lower():
                assert "cardiomegaly" not in claim.claim.lower()


def test_a_finding_that_is_named_twice_is_not_negated() -> None:
    report = Report(findings="There is a small effusion. The effusion is loculated.")
    assert all(claim.kind != "negation" for seed in range(10) for claim in derive([report], seed=seed))


def test_masked_sentences_are_left_out() -> None:
    report = Report(findings="XXXX opacity in the left base. XXXX XXXX are intact.")
    assert derive([report]) == []
