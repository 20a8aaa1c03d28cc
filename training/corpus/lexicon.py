"""Makes the critic's list of findings and repair's plain words from the knowledge base.

python -m coarse2fine.training.corpus.lexicon > agents/lexicon/concepts.yaml
python -m coarse2fine.training.corpus.lexicon lay > agents/lexicon/lay.yaml
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from coarse2fine.training.corpus.facts import mentions
from coarse2fine.training.corpus.grammar import Template
from coarse2fine.training.corpus.knowledge import Exam, Finding, knowledge

__all__ = ["concepts", "lay", "main"]

_HEAD = "# Made from the knowledge base by `python -m coarse2fine.training.corpus.lexicon`; do not edit.\n"


def concepts(exams: Iterable[Exam]) -> dict[str, dict[str, Any]]:
    """Findings of all exam types, one entry for those that share their first name.

    A name that stands in a sentence which calls something normal without denying anything ("Great saphenous veins
    patent.") names a part of the body and is left out; a finding without any other name too.

    Returns:
        id → names (the first one is the usual one), regions, and significance by exam type.
    """
    merged: dict[str, dict[str, Any]] = {}
    exams = list(exams)
    normals = " | ".join(text for exam in exams for text in _normal_texts(exam))
    for exam in exams:
        for finding in exam.findings:
            names = [name for name in (*finding.nouns, *finding.deny) if not mentions(normals, name)]
            if not names:
                continue
            key = _key(finding)
            entry = merged.setdefault(key, {"names": [], "regions": [], "significance": {}})
            entry["names"] += [name for name in names if name not in entry["names"]]
            entry["regions"] += [finding.region] if finding.region not in entry["regions"] else []
            entry["significance"].setdefault(exam.exam, finding.significance)
    return dict(sorted(merged.items()))


def _key(finding: Finding) -> str:
    return "_".join(finding.names[0].lower().replace("-", " ").split())


_MOST_LAY = 3
_SIDE = "{side}"


def lay(exams: Iterable[Exam]) -> dict[str, list[str]]:
    """What a patient is told of each finding: its shortest plain sentences that need no attribute but a side.

    Returns:
        id (as in `concepts`) → sentences, those with a side ("{side}") first, the shortest first.
    """
    told: dict[str, dict[str, None]] = {}
    for exam in exams:
        for finding in exam.findings:
            here = told.setdefault(_key(finding), {})
            for text in finding.lay:
                for values in ({"side": _SIDE, "side_lay": _SIDE}, {}):
                    made = Template(text).expand(random.Random(0), values, keep=0.0, always=frozenset({"side"}))
                    if made and made.text:
                        here[made.text] = None
    return {key: _shortest(found) for key, found in sorted(told.items()) if found}


def _shortest(sentences: Iterable[str]) -> list[str]:
    ordered = sorted(sentences, key=len)
    sided = [s for s in ordered if _SIDE in s][:_MOST_LAY]
    return [*sided, *[s for s in ordered if _SIDE not in s][:_MOST_LAY]]


_DENIES = re.compile(r"(?i)\b(no|not|without|nor|none|free|negative|absent|absence|excluded|cannot)\b|\bnon")


def _normal_texts(exam: Exam) -> Iterator[str]:
    """Every wording of the sentences that call a region normal and deny nothing by name."""
    for region in exam.regions.values():
        for source in region.normal:
            for seed in range(6):
                made = Template(source).expand(random.Random(seed))
                if made and not _DENIES.search(made.text):
                    yield made.text.lower()


def main() -> None:
    """Write the list of findings, or with the argument "lay" their plain words, to standard output."""
    made = lay(knowledge()) if sys.argv[1:] == ["lay"] else concepts(knowledge())
    sys.stdout.write(_HEAD + yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=120))


if __name__ == "__main__":
    main()
