"""Makes the critic's list of findings (`agents/lexicon/concepts.yaml`) from the knowledge base.

python -m coarse2fine.training.corpus.lexicon > agents/lexicon/concepts.yaml
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import yaml

from coarse2fine.training.corpus.knowledge import Exam, knowledge

__all__ = ["concepts", "main"]

_HEAD = "# Made from the knowledge base by `python -m coarse2fine.training.corpus.lexicon`; do not edit.\n"


def concepts(exams: Iterable[Exam]) -> dict[str, dict[str, Any]]:
    """Findings of all exam types, one entry for those that share their first name.

    Returns:
        id → names (the first one is the usual one), regions, and significance by exam type.
    """
    merged: dict[str, dict[str, Any]] = {}
    for exam in exams:
        for finding in exam.findings:
            key = "_".join(finding.names[0].lower().replace("-", " ").split())
            entry = merged.setdefault(key, {"names": [], "regions": [], "significance": {}})
            entry["names"] += [name for name in (*finding.nouns, *finding.deny) if name not in entry["names"]]
            entry["regions"] += [finding.region] if finding.region not in entry["regions"] else []
            entry["significance"].setdefault(exam.exam, finding.significance)
    return dict(sorted(merged.items()))


def main() -> None:
    """Write the list to standard output."""
    sys.stdout.write(_HEAD + yaml.safe_dump(concepts(knowledge()), sort_keys=False, allow_unicode=True, width=120))


if __name__ == "__main__":
    main()
