"""Floors that need no language model."""

from __future__ import annotations

import pytest

from coarse2fine.evals.external import FLOORS
from coarse2fine.evals.floors import Nearest, medoid, textrank
from coarse2fine.evals.layouts import Case
from coarse2fine.reports import Report


def case(findings: str, said: str, name: str = "x") -> Case:
    return Case(Report(findings=findings, id=name), said)


PAST = [
    case("Small left pleural effusion. Heart is normal.", "Left effusion.", "0"),
    case("Large right pneumothorax. Heart is normal.", "Right pneumothorax.", "1"),
    case("The heart is normal. The lungs are normal.", "Normal.", "2"),
]


def test_the_nearest_report_shares_the_rare_words() -> None:
    near = Nearest(PAST)
    assert near.impressions(case("A small pleural effusion. The heart is normal.", "?"))[0] == "Left effusion."
    assert near.impressions(case("Pneumothorax.", "?")) == ["Right pneumothorax."]
    assert near.impressions(case("Zzz.", "?")) == []


def test_a_report_is_not_its_own_neighbour_but_another_one_with_its_id_is() -> None:
    near = Nearest(PAST)
    assert "Left effusion." not in near.impressions(PAST[0])
    assert "Left effusion." in near.impressions(PAST[0]._replace(report=Report(findings=PAST[0].report.findings)))
    asked = case("Small left pleural effusion.", "?", "0")
    assert near.impressions(asked) == ["Left effusion."]


def test_the_medoid_is_most_like_the_others() -> None:
    said = ["Left effusion, small.", "Small left effusion.", "Rib fracture.", "Small left effusion."]
    assert medoid(said) == "Small left effusion."
    assert medoid([]) == ""
    floors = Nearest(PAST).floors()
    assert list(floors) == ["TF-IDF, nearest report", "TF-IDF, medoid of 10"]
    assert floors["TF-IDF, nearest report"](case("Zzz.", "?")) == ""


def test_textrank_takes_the_sentence_that_others_speak_of() -> None:
    text = "Ribs are intact. The left lung has a nodule. The nodule in the left lung is new. A port projects."
    assert textrank(text, 2) == "The left lung has a nodule. The nodule in the left lung is new."
    assert textrank("One sentence only.", 3) == "One sentence only."
    assert textrank("Clear lungs. Normal heart.", 1) == "Clear lungs."
    assert FLOORS["TextRank, 1 sentence"](case(text, "?")) in text


def test_textrank_agrees_with_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    from coarse2fine.evals.floors import _shared, _words

    texts = ["The left lung has a nodule.", "The nodule in the left lung is new.", "The heart is normal in size.",
             "No effusion is seen in the left chest."]  # fmt: skip
    graph = networkx.Graph()
    graph.add_nodes_from(range(4))
    sets = [frozenset(_words(t)) for t in texts]
    for i in range(4):
        for j in range(i):
            graph.add_edge(i, j, weight=_shared(sets[i], sets[j]))
    ranks = networkx.pagerank(graph, alpha=0.85)
    best = sorted(sorted(range(4), key=lambda n: -ranks[n])[:2])
    assert textrank(" ".join(texts), 2) == " ".join(texts[n] for n in best)
