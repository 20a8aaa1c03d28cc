"""The agents: plain classes that know no graph."""

from coarse2fine.agents.checks import ALL_CHECKS
from coarse2fine.agents.critic import ClaimKind, Critic, CritiqueJob, factual_consistency
from coarse2fine.agents.critique import Audience, Critique, Evidence, Label, Layer, Omission, Significance, Verdict
from coarse2fine.agents.evidence import select_evidence
from coarse2fine.agents.faults import Check, Fault
from coarse2fine.agents.judge import ChatJudge, Judgement
from coarse2fine.agents.warnings import report_warnings

__all__ = [
    "ALL_CHECKS",
    "Audience",
    "ChatJudge",
    "Check",
    "ClaimKind",
    "Critic",
    "Critique",
    "CritiqueJob",
    "Evidence",
    "Fault",
    "Judgement",
    "Label",
    "Layer",
    "Omission",
    "Significance",
    "Verdict",
    "factual_consistency",
    "report_warnings",
    "select_evidence",
]
