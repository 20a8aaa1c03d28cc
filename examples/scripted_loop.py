"""Watch the critic catch an invention: a scripted drafter, so that this runs without any weights.

Round 1 invents a pneumothorax. The critic names the sentence, the drafter mends it, and the trace keeps both rounds.
"""

from __future__ import annotations

from rich.console import Console

from coarse2fine import Critic, Report, build_graph
from coarse2fine.graph.trace_text import trace_text
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

report = Report(
    findings="A 12 mm nodule is seen in the right upper lobe. Small left pleural effusion. No pneumothorax."
)
drafter = ScriptedChatModel(
    replies=[
        "12 mm nodule in the right upper lobe. Small left pleural effusion. Large left pneumothorax.",
        "12 mm nodule in the right upper lobe. Small left pleural effusion.",
    ]
)
graph = build_graph(drafter, Critic(ScriptedNLI(1.0)), audiences=["brief"], trace_store=None)
done = graph.invoke({"report": report})

Console(width=110).print(trace_text(done["trace"]))
