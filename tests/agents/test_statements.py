"""What sentences state: findings, polarity, attributes, normal organs."""

import pytest

from coarse2fine.agents.statements import parse, split_parts


def polarity(text: str, name: str) -> str:
    """The polarity of the finding whose name holds `name`."""
    return next(s.polarity for s in parse(text) if name in " ".join(s.name))


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("No pleural effusion.", "effusion", "denied"),
        ("The lungs are free of focal consolidation.", "consolidation", "denied"),
        ("Negative for pneumothorax or effusion.", "effusion", "denied"),
        ("Pneumothorax is not seen.", "pneumothorax", "denied"),
        ("The effusion has resolved.", "effusion", "denied"),
        ("No effusion but mild edema.", "edema", "asserted"),
        ("No effusion, small right pneumothorax.", "pneumothorax", "asserted"),
        ("No consolidation, effusion, or pneumothorax.", "pneumothorax", "denied"),
        ("Pneumothorax cannot be excluded.", "pneumothorax", "possible"),
        ("Opacity concerning for pneumonia.", "pneumonia", "possible"),
        ("No interval change in cardiomegaly.", "cardiomegaly", "asserted"),
        ("The heart is not enlarged.", "enlarged", "denied"),
        ("Atelectasis rather than pneumonia.", "pneumonia", "denied"),
        ("Recommend CT to evaluate the nodule.", "nodule", "hypothetical"),
        ("No pleural line to suggest pneumothorax.", "pneumothorax", "denied"),
        ("Lungs are expanded and clear airspace disease.", "airspace", "denied"),
        ("The lungs are clear, nodule in the apex.", "nodule", "asserted"),
        ("There is a clear nodule.", "nodule", "asserted"),
    ],
)
def test_negation_has_a_scope(text: str, name: str, expected: str) -> None:
    assert polarity(text, name) == expected


def test_attributes_belong_to_their_own_finding() -> None:
    effusion, consolidation = parse("Small left effusion and right lower lobe consolidation.")
    assert effusion.own.sides == {"left"}
    assert effusion.own.severity == {1}
    assert consolidation.own.sides == {"right"}
    assert consolidation.own.zones == {"lower"}
    assert not consolidation.own.severity


def test_what_is_denied_behind_a_finding_does_not_describe_it() -> None:
    heart = next(s for s in parse("Mild cardiomegaly without acute disease.") if s.name)
    assert (heart.own.severity, heart.own.acuity) == (frozenset({1}), frozenset())


def test_a_side_after_two_findings_is_in_the_clause_of_both() -> None:
    first, second = parse("Effusion and consolidation on the right.")
    assert not first.own.sides
    assert first.clause.sides == second.clause.sides == {"right"}


def test_measures_share_a_unit_and_centimetres_are_millimetres() -> None:
    (mass,) = parse("Mass of 3.2 x 2.1 cm.")
    assert [m.value for m in mass.own.measures] == [32.0, 21.0]


@pytest.mark.parametrize(
    "text", ["Disc bulge at L4-5.", "Disc bulge at L4-L5.", "Disc bulge at L4/5.", "Disc bulge at L4/L5."]
)
def test_levels_have_one_form(text: str) -> None:
    assert {level for s in parse(text) for level in s.clause.levels} == {"L4", "L5"}


def test_ribs_are_levels_however_they_are_counted() -> None:
    for text in ("Fracture of the 8th rib.", "Fracture of the eighth rib."):
        assert parse(text)[0].own.levels == {"#8"}


def test_normal_statements_name_their_organs() -> None:
    (heart,) = [s for s in parse("The heart size is within normal limits.") if s.normal]
    assert heart.organs == {"heart"}
    (chest,) = parse("No acute cardiopulmonary abnormality.")
    assert chest.normal
    assert chest.acute_only
    assert {"lung", "pleura", "heart"} <= chest.organs
    (whole,) = parse("Normal chest.")
    assert whole.organs == {"*"}
    assert not whole.acute_only


def test_not_normal_is_abnormal() -> None:
    (lungs,) = parse("The lungs are not clear.")
    assert lungs.abnormal
    assert not lungs.normal


def test_a_label_is_no_finding() -> None:
    assert [s.polarity for s in parse("Effusion: No joint effusion.")] == ["denied"]


def test_parts_are_coordinated_findings() -> None:
    assert split_parts("Small effusion and mild edema; no fracture.") == [
        "Small effusion",
        "and mild edema",
        "no fracture",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Longitudinal tear of the posterior horn, with no displaced fragment.", {"tear", "posterior", "horn"}),
        ("There is thickening of the fold without obstruction.", {"thickened", "fold"}),
    ],
)
def test_what_stands_before_a_denial_is_asserted_under_no_name(text: str, words: set[str]) -> None:
    (found,) = [s for s in parse(text) if s.polarity == "asserted"]
    assert words <= found.words
    assert not found.words & {"obstruction", "fragment"}


def test_since_the_prior_study_calls_nothing_old() -> None:
    assert not any(s.old for s in parse("Foci of uptake in the ribs, new since the prior study."))
    assert any(s.old for s in parse("Prior rib fracture."))


def test_a_clause_calls_only_its_last_structures_normal() -> None:
    torn, intact = parse("ACL torn, PCL and MCL intact.")
    assert (torn.polarity, torn.parts) == ("asserted", {"acl"})
    assert (intact.normal, intact.parts) == (True, {"pcl", "mcl"})


@pytest.mark.parametrize("text", ["② nodules in the left lung.", "The ²nd rib is broken.", "Lesion at ³ o'clock."])
def test_figures_that_are_no_decimals_count_nothing(text: str) -> None:
    assert parse(text)
    assert not any(s.own.counts or s.own.levels for s in parse(text))
