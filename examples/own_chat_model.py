"""Any LangChain chat model drafts and restyles; the critic stays the embedded one, or is any NLI model.

Here the chat model is a scripted one. In its place stands `ChatOpenAI(base_url=..., model="my-adapter")`, or just a
name: `impress(report, model="vllm:http://localhost:8000/v1#my-adapter")`.
"""

from __future__ import annotations

from coarse2fine import Critic, Report, impress
from coarse2fine.serving import NLIScores, Pair, ScriptedChatModel


class EverythingIsNeutral:
    """The smallest NLI model: proves nothing, so that only what stands in the findings passes."""

    name = "neutral"

    def score(self, pairs: list[Pair]) -> list[NLIScores]:
        """One verdict a pair."""
        return [NLIScores(entailment=0.0, neutral=1.0, contradiction=0.0) for _ in pairs]


report = Report(exam="CT head", findings="No acute intracranial hemorrhage. Old lacunar infarct in the left thalamus.")
model = ScriptedChatModel(replies=["Old lacunar infarct in the left thalamus. No acute intracranial hemorrhage."])
result = impress(report, model=model, critic=Critic(EverythingIsNeutral()), audiences=["brief"], trace_store=None)

for claim in result.impressions["brief"].claims:
    print(claim.label, "|", claim.text, "|", claim.evidence.text if claim.evidence else "no evidence")
