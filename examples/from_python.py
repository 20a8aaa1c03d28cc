"""The shipped models on a report of your own, from Python."""

from __future__ import annotations

from pathlib import Path

from coarse2fine import impress
from coarse2fine.reports import read_text

report = read_text((Path(__file__).parent / "figure1.txt").read_text("utf-8"))
print(report.sex, report.age, report.clinical_information[:40])

result = impress(report, audiences=["brief", "bullet"])
print("draft:", result.draft.status, result.draft.text)
for audience, text in result.impressions.items():
    print(f"{audience}: {text.status} after {text.rounds} round(s)\n{text.text}")
    for claim in text.claims:
        start, end = (claim.evidence.start, claim.evidence.end) if claim.evidence else (0, 0)
        print(f"  {claim.label}: {claim.text!r} <- findings[{start}:{end}]")
