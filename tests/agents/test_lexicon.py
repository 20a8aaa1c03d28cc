"""The lexicon: canonical words, names of findings, and its making from the knowledge base."""

from importlib.resources import files

import pytest
import yaml

from coarse2fine.agents.lexicon import Phrases, lexicon


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pulmonary opacities", "lung opacity"),
        ("cardiac silhouette", "heart contour"),
        ("oedema", "edema"),
        ("haemorrhage", "bleeding"),
        ("pneumothoraces", "pneumothorax"),
        ("granulomas", "granuloma"),
        ("non-displaced fractures", "nondisplaced fracture"),
    ],
)
def test_words_that_mean_the_same_are_the_same(one: str, other: str) -> None:
    assert lexicon().phrase(one) == lexicon().phrase(other)


def test_the_longest_phrase_wins() -> None:
    phrases = Phrases([(("lung",), 1), (("lung", "mass"), 2)])
    assert [m.value for m in phrases.find(["lung", "mass", "lung"])] == [2, 1]


@pytest.mark.parametrize(
    ("name", "concept"), [("enlarged heart", "cardiomegaly"), ("fluid around the lung", "effusion")]
)
def test_lay_and_expert_names_are_one_finding(name: str, concept: str) -> None:
    found = next(lexicon().names.find(lexicon().phrase(name)))
    assert concept in found.value


def test_organs_and_generic_words_name_no_finding() -> None:
    for name in ("aorta", "acute osseous abnormality", "finding"):
        assert next(lexicon().names.find(lexicon().phrase(name)), None) is None


def test_organs_and_parents_name_known_findings() -> None:
    lex = lexicon()
    known = set(lex.concepts)
    assert {c for organ in lex.organs.values() for c in organ.denies} <= known
    assert {p for concept in lex.concepts.values() for p in concept.parents} <= known


def test_significance_follows_the_exam() -> None:
    lex = lexicon()
    assert lex.significance(["pneumothorax"]) == "critical"
    assert lex.significance(["scoliosis"]) == "incidental"
    assert lex.significance([]) == "significant"


def test_the_list_of_findings_is_made_from_the_knowledge_base() -> None:
    corpus = pytest.importorskip("coarse2fine.training.corpus.lexicon")
    knowledge = pytest.importorskip("coarse2fine.training.corpus.knowledge").knowledge()
    made = corpus.concepts(knowledge)
    assert made["pneumothorax"]["significance"]["xr-chest"] == "critical"
    shipped = yaml.safe_load((files("coarse2fine.agents") / "lexicon" / "concepts.yaml").read_text("utf-8"))
    assert shipped.keys() == made.keys(), (
        "run: python -m coarse2fine.training.corpus.lexicon > agents/lexicon/concepts.yaml"
    )


def test_an_apostrophe_of_its_own_is_a_mark_like_any_other() -> None:
    assert all(token.word for token in lexicon().tokens("The other fingers' sheaths are normal, in Graves' disease."))
