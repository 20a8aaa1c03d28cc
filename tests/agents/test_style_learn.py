"""Cards learnt from reports of made-up radiologists whose habits are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from coarse2fine.agents.style_learn import learn_style
from coarse2fine.reports import InputError, Report

# findings, impression and significance, in the order in which reports name them: the gravest in the middle
FINDINGS = [
    ("Mild degenerative changes are present in the thoracic spine.", "Degenerative spine.", 0),
    ("There is a large right pneumothorax.", "Large right pneumothorax.", 2),
    ("There is a small left pleural effusion.", "Small left effusion.", 1),
    ("A 6 mm nodule is seen in the left upper lobe.", "6 mm left upper lobe nodule.", 1),
]
CHOICES = [list(chosen) for size in (2, 3, 4) for chosen in itertools.combinations(FINDINGS, size)]
NORMAL = "The lungs are clear. The heart is normal in size. No pleural effusion."

Layout = Callable[[Sequence[str]], str]
Chosen = list[tuple[str, str, int]]


def numbered(sentences: Sequence[str]) -> str:
    return "\n".join(f"{n}. {sentence}" for n, sentence in enumerate(sentences, 1))


def dashed(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def prose(sentences: Sequence[str]) -> str:
    return " ".join(sentences)


def gravest_first(chosen: Chosen) -> list[str]:
    return [said for _, said, _ in sorted(chosen, key=lambda one: -one[2])]


def as_read(chosen: Chosen) -> list[str]:
    return [said for _, said, _ in chosen]


def quoting(chosen: Chosen) -> list[str]:
    return [found for found, _, _ in chosen]


def reports(say: Callable[[Chosen], list[str]], layout: Layout, normal: str = "Normal chest.") -> list[Report]:
    made = []
    for n, chosen in enumerate(CHOICES * 3):
        findings = " ".join([*(found for found, _, _ in chosen), "No free air under the diaphragm."])
        made.append(Report(id=f"a{n}", exam="Chest radiograph", findings=findings, impression=layout(say(chosen))))
        made.append(Report(id=f"n{n}", exam="Chest radiograph", findings=NORMAL, impression=layout([normal])))
    return made


@pytest.mark.parametrize(("layout", "name"), [(numbered, "numbered"), (dashed, "dashes"), (prose, "prose")])
def test_layout(layout: Layout, name: str) -> None:
    assert learn_style(reports(gravest_first, layout)).layout == name


def test_order() -> None:
    assert learn_style(reports(gravest_first, numbered)).order == "importance"
    assert learn_style(reports(as_read, numbered)).order == "report"


@pytest.mark.parametrize(
    ("say", "where"),
    [
        (gravest_first, "none"),
        (lambda chosen: ["No free air.", *gravest_first(chosen)], "first"),
        (lambda chosen: [*gravest_first(chosen), "No free air."], "last"),
    ],
)
def test_negatives(say: Callable[[Chosen], list[str]], where: str) -> None:
    assert learn_style(reports(say, prose)).negatives == where


def test_incidentals() -> None:
    def dropping(chosen: Chosen) -> list[str]:
        return [said for _, said, level in chosen if level] or ["Degenerative spine."]

    assert learn_style(reports(dropping, prose)).incidentals == "drop"
    assert learn_style(reports(as_read, prose)).incidentals == "all"


def test_detail_and_sentences_taken_over() -> None:
    def terse(chosen: Chosen) -> list[str]:
        return [said.replace("6 mm left", "Left") for _, said, _ in chosen]

    assert learn_style(reports(terse, prose)).detail == "terse"
    assert learn_style(reports(as_read, prose)).detail == "detailed"
    assert (learn_style(reports(quoting, prose)).verbatim, learn_style(reports(as_read, prose)).verbatim) == (
        True,
        False,
    )


def test_a_usual_closing_and_the_usual_normal_phrase() -> None:
    card = learn_style(reports(lambda chosen: [*as_read(chosen), "Otherwise normal chest."], numbered))
    assert card.closing == "Otherwise normal chest."
    assert card.words().endswith("closing")
    assert (card.normal["Chest radiograph"].text, card.normal["Chest radiograph"].share) == ("Normal chest.", 1.0)
    assert learn_style(reports(as_read, numbered)).closing == ""


def test_wording_that_varies() -> None:
    phrases = [f"No acute {what} disease." for what in ("chest", "lung", "cardiac", "pleural", "bony", "heart", "rib")]
    varied = [Report(findings=NORMAL, impression=phrase, exam="CXR") for phrase in phrases * 3]
    assert learn_style(varied).wording == "varied"
    assert learn_style(reports(as_read, prose)).wording == "usual"


def test_letters_stops_and_lengths() -> None:
    shouting = [
        report.model_copy(update={"impression": (report.impression or "").upper().replace(".", "")})
        for report in reports(as_read, prose)
    ]
    card = learn_style(shouting)
    assert (card.capitals, card.full_stops) == ("all", False)
    calm = learn_style(reports(as_read, prose))
    assert (calm.capitals, calm.full_stops) == ("sentence", True)
    low = [r.model_copy(update={"impression": (r.impression or "").lower()}) for r in reports(as_read, prose)]
    assert learn_style(low).capitals == "none"
    four = Report(findings=NORMAL, impression="One two three. Four five six.")
    assert (learn_style([four] * 3).typical_words, learn_style([four] * 3).typical_sentences) == (6, 2)


def test_phrasings_are_what_is_renamed() -> None:
    seen = [
        Report(
            id=str(n), findings=f"The heart is markedly enlarged. The {organ} is normal.", impression="Cardiomegaly."
        )
        for n, organ in enumerate(["liver", "spleen", "aorta", "stomach", "thyroid"])
    ]
    (first, *_) = learn_style(seen).phrasings
    assert (first.impression, first.reports) == ("cardiomegaly", 5)
    assert "enlarged" in first.findings


def test_what_one_report_says_stands_on_no_card() -> None:
    rare = Report(findings="There is a bullet in the left scapula.", impression="1. Zeppelin in the left scapula.")
    card = learn_style([*reports(as_read, numbered), rare, rare.model_copy(update={"id": "again"})])
    assert "Zeppelin" not in card.to_yaml()
    assert "bullet" not in card.to_yaml()


def test_the_same_reports_give_the_same_card() -> None:
    made = reports(gravest_first, numbered)
    assert learn_style(made) == learn_style(list(made)) == learn_style(iter(made))
    assert learn_style(made).learnt_from == len(made)


def test_too_few_reports() -> None:
    made = [Report(findings=NORMAL, impression=text) for text in ("Normal.", "Normal.", " ", None)]
    with pytest.raises(InputError, match="at least 3 reports with an impression, not from 2"):
        learn_style(made)
