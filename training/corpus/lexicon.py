"""Makes the critic's list of findings (`agents/lexicon/concepts.yaml`) from the knowledge base.

python -m coarse2fine.training.corpus.lexicon > agents/lexicon/concepts.yaml
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from coarse2fine.training.corpus.compose import mentions
from coarse2fine.training.corpus.grammar import Template
from coarse2fine.training.corpus.knowledge import Exam, knowledge

__all__ = ["concepts", "main"]

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
            key = "_".join(finding.names[0].lower().replace("-", " ").split())
            entry = merged.setdefault(key, {"names": [], "regions": [], "significance": {}})
            entry["names"] += [name for name in names if name not in entry["names"]]
            entry["regions"] += [finding.region] if finding.region not in entry["regions"] else []
            entry["significance"].setdefault(exam.exam, finding.significance)
    return dict(sorted(merged.items()))


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
    """Write the list to standard output."""
    sys.stdout.write(_HEAD + yaml.safe_dump(concepts(knowledge()), sort_keys=False, allow_unicode=True, width=120))


if __name__ == "__main__":
    main()
