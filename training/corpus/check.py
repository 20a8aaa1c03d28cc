"""Check knowledge files and print sample reports: `python -m coarse2fine.training.corpus.check FILE...`."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import yaml

from coarse2fine.reports import InputError
from coarse2fine.training.corpus.compose import compose
from coarse2fine.training.corpus.facts import say
from coarse2fine.training.corpus.grammar import Template
from coarse2fine.training.corpus.knowledge import Exam, load_exams

__all__ = ["check", "main"]


def check(exam: Exam) -> list[str]:
    """Faults of an exam file that the schema cannot see."""
    faults = []
    for finding in exam.findings:
        given = {
            "side": finding.sides, "side_lay": finding.sides, "sev": finding.severities, "site": finding.sites,
            "broad": finding.sites, "level": finding.levels, "count": finding.counts, "size": finding.size,
            "change": finding.changes,
        }  # fmt: skip
        for kind in ("findings", "impression", "lay"):
            for source in getattr(finding, kind):
                faults += [
                    f"{finding.id}: {kind}: {{{slot}}} has no values: {source}"
                    for slot in Template(source).slots & set(given)
                    if not given[slot]
                ]
        if not any(Template(t).required <= {k for k, v in given.items() if v} for t in finding.findings):
            faults.append(f"{finding.id}: no findings template can be used")
        if finding.deny and not finding.deny_lay:
            faults.append(f"{finding.id}: deny without deny_lay")
    return faults


def _print_samples(exam: Exam, number: int) -> None:
    rng = random.Random(1)
    for _ in range(number):
        made = compose(exam, rng)
        print(f"--- {made.report.exam} | {made.report.clinical_information}\n{made.report.findings}")
        for fact in made.facts:
            print("   =>", say(rng, fact, fact.finding.impression), "|", say(rng, fact, fact.finding.lay))


def main(paths: list[str]) -> int:
    """Check the named files together with files of the same exam beside them; 1 where anything is wrong."""
    sources = []
    wanted = {yaml.safe_load(Path(p).read_text("utf-8"))["exam"] for p in paths}
    for path in sorted(Path(paths[0]).parent.glob("*.yaml")):
        text = path.read_text("utf-8")
        if any(f"exam: {exam}\n" in text for exam in wanted):
            sources.append((path.name, text))
    try:
        exams = load_exams(sources)
    except InputError as error:
        print(error)
        return 1
    faults = [fault for exam in exams for fault in check(exam)]
    for exam in exams:
        _print_samples(exam, 20)
        print(f"{exam.exam}: {len(exam.findings)} findings")
    print("\n".join(faults) or "no faults")
    return bool(faults)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
