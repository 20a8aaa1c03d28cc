"""The critic's layers on invented reports."""

from typing import Any

import pytest

from coarse2fine.agents import ALL_CHECKS, Critic, CritiqueJob, Verdict, factual_consistency, report_warnings
from coarse2fine.reports import Report
from coarse2fine.serving import NLIScores, Pair, ScriptedChatModel, ScriptedNLI

FINDINGS = (
    "The heart is mildly enlarged. Small left pleural effusion. No pneumothorax. There is a 1.2 cm nodule in the right "
    "upper lobe. Two old rib fractures. Moderate disc bulge at L4-L5. The liver is normal."
)


def verdict(claim: str, findings: str = FINDINGS, entails: float = 0.0, **fields: object) -> Verdict:
    """The verdict on one claim; the model proves nothing unless told to."""
    report = Report.model_validate({"findings": findings, **fields})
    (found,) = Critic(ScriptedNLI(entails)).critique(report, claim).verdicts
    return found


@pytest.mark.parametrize(
    "claim", ["Small left pleural effusion.", "small left pleural effusion", "1. No pneumothorax."]
)
def test_the_findings_own_words_are_supported(claim: str) -> None:
    found = verdict(claim)
    assert (found.label, found.layer, found.score) == ("supported", "verbatim", 1.0)
    assert FINDINGS[found.evidence[0].start : found.evidence[0].end] == found.evidence[0].text


def test_words_cut_off_their_negation_are_not_verbatim() -> None:
    found = verdict("Pneumothorax.")
    assert found.label == "contradicted"
    assert "negation" in found.reasons[0]
    assert found.evidence[0].text == "No pneumothorax."


@pytest.mark.parametrize(
    "claim",
    [
        "Mild cardiomegaly.",
        "Left pleural effusion.",
        "Pneumothorax is not seen.",
        "12 mm nodule in the right upper lobe.",
        "Moderate L4-5 disc bulge.",
        "Normal liver.",
        "No evidence of pneumothorax.",
    ],
)
def test_paraphrases_need_no_model(claim: str) -> None:
    assert verdict(claim).passed


@pytest.mark.parametrize(
    ("claim", "check", "label"),
    [
        ("Small right pleural effusion.", "side", "contradicted"),
        ("Bilateral pleural effusions.", "side", "contradicted"),
        ("Large left pleural effusion.", "severity", "contradicted"),
        ("Large right upper lobe nodule.", "severity", "unsupported"),
        ("1.3 cm nodule in the right upper lobe.", "measurement", "contradicted"),
        ("Three old rib fractures.", "count", "contradicted"),
        ("Moderate disc bulge at L3-L4.", "level", "contradicted"),
        ("Right lower lobe nodule.", "place", "contradicted"),
        ("New left pleural effusion.", "change", "unsupported"),
        ("Acute rib fractures.", "acuity", "contradicted"),
        ("No pleural effusion.", "negation", "contradicted"),
        ("Heart size is normal.", "normal", "contradicted"),
        ("No acute cardiopulmonary abnormality.", "normal", "contradicted"),
        ("Normal chest.", "normal", "contradicted"),
        ("Follow 7 of them.", "number", "unsupported"),
        ("Hiatal hernia.", "invention", "unsupported"),
    ],
)
def test_each_check_says_what_is_wrong(claim: str, check: str, label: str) -> None:
    found = verdict(claim, entails=1.0)
    assert (found.layer, found.label) == ("check", label)
    assert any(reason.startswith(f"{check}:") for reason in found.reasons)


KNEE = (
    "Complete tear of the anterior cruciate ligament. PCL, MCL and LCL intact. The lateral meniscus is intact. "
    "Patella is normal in position. Vertical tear of the medial meniscus."
)
BELLY = (
    "Liver, spleen, pancreas and kidneys are unremarkable apart from a 1.1 cm cyst in the left kidney. "
    "The uterus is normal in size with a 3 cm fibroid. The right ovary is normal. Cyst of the left ovary."
)


@pytest.mark.parametrize(
    ("claim", "findings", "reason"),
    [
        ("Complete MCL tear.", KNEE, "structure: the findings call normal"),
        ("Tear of the lateral meniscus.", KNEE, "structure"),
        ("A cyst in the pancreas.", BELLY, "structure"),
        ("Right ovarian cyst.", BELLY, "structure"),
        ("Your hip is broken.", KNEE, "place: the report does not speak of the hip"),
        ("Inflammation of the appendix.", BELLY, "place"),
        ("Left parietal bone fracture.", "Scalp hematoma over the left parietal bone. No skull fracture.", "negation"),
    ],
)
def test_what_the_findings_call_normal_is_not_where_a_claim_puts_it(claim: str, findings: str, reason: str) -> None:
    found = verdict(claim, findings, entails=1.0)
    assert not found.passed
    assert any(line.startswith(reason) for line in found.reasons)


NECK = (
    "Right mid pole: 1.9 cm solid nodule, TR5. Left lower pole: 1.2 cm spongiform nodule, TR1. "
    "C5-6: severe left foraminal stenosis. C6-7: moderate right foraminal stenosis."
)


@pytest.mark.parametrize(
    ("claim", "findings", "reason"),
    [
        ("Left TR5 nodule.", NECK, "grade: the findings say tirads 1"),
        ("Severe right foraminal stenosis at C6-7.", NECK, "severity: the findings call"),
        ("Grade 3 anterolisthesis of L4.", "Grade 1 anterolisthesis of L4 on L5.", "grade"),
        ("Laceration of liver segment 4.", "Liver laceration in segment VII.", "grade: the findings say segment 7"),
        ("Calcifications at 10 o'clock.", "A mass at 10 o'clock. Calcifications at 6 o'clock.", "level"),
        ("Partial supraspinatus tear.", "Full-thickness tear of the supraspinatus.", "kind"),
        ("Displaced rib fracture.", "Nondisplaced rib fracture.", "kind"),
        ("Tear of the medial meniscus.", "Tear of the lateral meniscus.", "place"),
        ("Left adrenal metastasis.", "Spiculated lung mass. Left adrenal nodule.", "hedge: the report names no"),
        ("No skull fracture.", "Linear lucency through the left parietal bone.", "negation: the claim denies"),
        ("No left leg DVT.", "Left popliteal vein is noncompressible.", "negation: the claim denies"),
        ("No fracture.", "Odontoid fracture. No fracture at other levels.", "negation"),
    ],
)
def test_grades_kinds_and_neighbours_are_kept_apart(claim: str, findings: str, reason: str) -> None:
    found = verdict(claim, findings, entails=1.0)
    assert (found.layer, found.passed) == ("check", False)
    assert any(line.startswith(reason) for line in found.reasons), found.reasons


@pytest.mark.parametrize(
    ("claim", "findings"),
    [
        ("Right TR5 nodule.", NECK),
        ("Severe left foraminal stenosis at C5-6.", NECK),
        ("Lung mass, suspicious for cancer.", "Spiculated mass in the right lung."),
        ("Acute cerebral haemorrhage in the right putamen.", "Hyperdense focus in the right putamen."),
        ("Cholelithiasis.", "Shadowing echogenic foci in the gallbladder."),
        ("Small renal stone.", "3 mm stone in the right kidney."),
    ],
)
def test_what_a_radiologist_may_conclude_is_left_to_the_model(claim: str, findings: str) -> None:
    assert verdict(claim, findings, entails=1.0).passed


@pytest.mark.parametrize(
    ("claim", "findings"),
    [
        ("ACL tear.", KNEE),
        ("Medial meniscal tear.", KNEE),
        ("Patellar fracture.", KNEE),
        ("Cyst in the left kidney.", BELLY),
        ("Uterine fibroid.", BELLY),
        ("Left ovarian cyst.", BELLY),
    ],
)
def test_a_structure_with_a_finding_of_its_own_is_not_called_normal(claim: str, findings: str) -> None:
    assert not any(reason.startswith("structure") for reason in verdict(claim, findings, entails=1.0).reasons)


@pytest.mark.parametrize("name", [check.name for check in ALL_CHECKS])
def test_every_check_can_be_switched_off(name: str) -> None:
    checks = [check for check in ALL_CHECKS if check.name != name]
    critic = Critic(ScriptedNLI(1.0), checks=checks)
    report = Report(findings=f"{FINDINGS} Grade 1 anterolisthesis.", sex="male", age=70)
    text = (
        "Small right pleural effusion. Large right upper lobe nodule. 1.3 cm nodule in the right upper lobe. "
        "Three old rib fractures. Moderate disc bulge at L3-L4. Right lower lobe nodule. New left pleural effusion. "
        "Acute rib fractures. No pleural effusion. Heart size is normal. Follow 7 of them. A 60-year-old woman. "
        "Hiatal hernia. Odd appendix. Melanoma of the right upper lobe. Grade 3 anterolisthesis. "
        "There is a lump in the windpipe."
    )
    everything = Critic(ScriptedNLI(1.0)).critique(report, text)
    assert len(critic.critique(report, text).faults) < len(everything.faults)


def test_sex_and_age_are_the_reports() -> None:
    assert verdict("A 60-year-old man.", age=70).label == "contradicted"
    assert verdict("A 70-year-old man.", age=70).label == "unsupported"
    assert verdict("Findings in this 70-year-old woman.", sex="male", age=70).label == "contradicted"
    assert verdict("The uterus is enlarged.", sex="male").label == "contradicted"


def test_grades_and_hedged_conclusions_are_left_to_the_model() -> None:
    assert verdict("BI-RADS category 4.", "A mass in the left breast.", entails=0.9).layer == "nli"
    beyond = verdict("12 mm nodule, lung-rads 12.", "A 12 mm nodule in the right upper lobe.", entails=0.9)
    assert (beyond.label, beyond.reasons) == ("unsupported", ("grade: there is no lungrads 12",))
    assert verdict("Liver mass, suspicious for cancer.", "A mass in the liver.", entails=0.9).layer == "nli"


def test_the_other_side_is_refused_only_where_the_findings_do_not_have_it() -> None:
    both = "Small left effusion and right lower lobe consolidation."
    assert verdict("Right lower lobe consolidation.", both).passed
    assert verdict("Left lower lobe consolidation.", both, entails=1.0).label == "contradicted"


@pytest.mark.parametrize(
    ("findings", "claim", "passes"),
    [
        ("The lungs are clear. Heart size is normal.", "No acute cardiopulmonary abnormality.", True),
        ("Calcified granuloma in the left base. Lungs are clear.", "No acute cardiopulmonary disease.", True),
        ("Degenerative changes of the spine. Lungs are clear.", "No acute abnormality.", True),
        ("Old healed rib fracture. Lungs are clear.", "No acute findings.", True),
        ("Low lung volumes with bronchovascular crowding.", "No acute cardiopulmonary abnormality.", True),
        ("Mild cardiomegaly, similar to prior exams. No effusion.", "Mild cardiomegaly without acute disease.", True),
        ("Right lower lobe consolidation.", "No acute cardiopulmonary abnormality.", False),
        ("Large right pneumothorax.", "Normal chest.", False),
        ("Lungs are clear.", "Lungs are not clear.", False),
        ("No acute bony abnormality.", "Acute bony abnormality is seen.", False),
        ("Lungs are clear.", "Right lower lobe pneumonia.", False),
        ("Small left pleural effusion.", "Left pleural effusion. Otherwise no acute abnormality.", True),
        (
            "Small left pleural effusion. Right consolidation.",
            "Left pleural effusion. Otherwise no acute abnormality.",
            False,
        ),
    ],
)
def test_global_statements(findings: str, claim: str, passes: bool) -> None:
    report = Report(findings=findings)
    verdicts = Critic(ScriptedNLI(0.0)).critique(report, claim).verdicts
    assert all(v.passed for v in verdicts) == passes


@pytest.mark.parametrize(
    "claim",
    ["Interval resolution of right pleural effusion.", "Resolved right pleural effusion.", "No right effusion."],
)
def test_what_is_there_has_not_gone(claim: str) -> None:
    found = verdict(claim, "Right pleural effusion is present and unchanged. The left base has cleared.", entails=1.0)
    assert found.label == "contradicted"


@pytest.mark.parametrize("findings", ["No large effusion. Small effusion.", "No acute fracture. Old rib fracture."])
def test_a_narrow_denial_refutes_no_wider_assertion(findings: str) -> None:
    assert report_warnings(Report(findings=findings)) == ()


def test_reports_that_contradict_themselves_are_warned_of() -> None:
    (warning,) = report_warnings(
        Report(findings="Small left pleural effusion. The heart is normal. No pleural effusion.")
    )
    assert "Small left pleural effusion." in warning
    assert "No pleural effusion." in warning
    sides = Report(findings="A 12 mm nodule in the right upper lobe. The 12 mm nodule of the left upper lobe is new.")
    assert len(report_warnings(sides)) == 1


def test_findings_in_spanish_are_warned_of() -> None:
    spanish = Report(
        findings="Los pulmones están claros. No hay derrame pleural. El corazón es de tamaño normal en la placa."
    )
    assert "English" in report_warnings(spanish)[0]
    assert report_warnings(Report(findings="Heart size normal. Lungs clear. XXXX XXXX intact. No effusion.")) == ()


def test_what_no_check_decides_goes_to_the_model_in_one_call() -> None:
    calls: list[int] = []

    class Counting(ScriptedNLI):
        def score(self, pairs):  # type: ignore[no-untyped-def]
            calls.append(len(pairs))
            return super().score(pairs)

    report = Report(findings="Ill-defined haze beside the fissure. Lungs are clear.")
    critic = Critic(Counting(0.9))
    jobs = [
        CritiqueJob(report, "Zebra stripes in the fissure."),
        CritiqueJob(report, "Odd veil at the fissure.", "brief"),
    ]
    found = [v for critique in critic.critique_many(jobs) for v in critique.verdicts]
    assert len(calls) == 1
    assert [(v.layer, v.label, v.score) for v in found] == [("nli", "supported", 0.9)] * 2


class Fixed:
    """An NLI model that always gives the same scores."""

    name = "fixed"

    def __init__(self, scores: NLIScores) -> None:
        self.scores = scores

    def score(self, pairs: list[Pair]) -> list[NLIScores]:
        """The same scores for each pair."""
        return [self.scores] * len(pairs)


@pytest.mark.parametrize(
    ("scores", "threshold", "label"),
    [
        (NLIScores(0.6, 0.3, 0.1), 0.5, "supported"),
        (NLIScores(0.6, 0.3, 0.1), 0.7, "unsupported"),
        (NLIScores(0.2, 0.3, 0.5), 0.5, "contradicted"),
    ],
)
def test_thresholds_and_labels(scores: NLIScores, threshold: float, label: str) -> None:
    report = Report(findings="Ill-defined haze beside the fissure.")
    critic = Critic(Fixed(scores), thresholds={"default": 0.99, "conclusion": threshold})
    (found,) = critic.critique(report, "Zebra stripes in the fissure.").verdicts
    assert (found.label, found.threshold, found.score) == (label, threshold, scores.entailment)


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ('{"label": "supported", "reason": "it says so"}', "supported"),
        ('Sure: {"label": "contradicted", "reason": "it does not"}', "contradicted"),
        ("I think that it is fine.", "undecided"),
        ('{"label": "maybe"}', "undecided"),
        ("{label: supported}", "undecided"),
    ],
)
def test_a_chat_model_as_judge(reply: str, label: str) -> None:
    model = ScriptedChatModel(replies=[reply])
    critic = Critic(ScriptedNLI(1.0), judge=model)
    (found,) = critic.critique(Report(findings="Ill-defined haze."), "Zebra stripes.").verdicts
    assert (found.layer, found.label, found.score) == ("judge", label, None)
    assert label != "undecided" or "UnparsableReply" in found.reasons[0]
    assert "Zebra stripes." in str(model.asked[0][-1].content)


def test_omitted_findings_are_named_by_significance() -> None:
    report = Report(
        findings="Large right pneumothorax. Left pleural effusion. Degenerative changes of the spine. Lungs are clear."
    )
    critique = Critic(ScriptedNLI(0.0)).critique(report, "Left pleural effusion.", "brief")
    assert [(o.text, o.significance) for o in critique.omissions] == [("Large right pneumothorax.", "critical")]
    assert not critique.passed
    complete = Critic(ScriptedNLI(0.0)).critique(
        report, "Large right pneumothorax. Effusion on the left.", "comprehensive"
    )
    assert complete.passed


def test_incidental_findings_are_omissions_only_where_asked_for() -> None:
    report = Report(findings="Degenerative changes of the spine. Lungs are clear.")
    text = "Lungs are clear."
    assert not Critic(ScriptedNLI(0.0)).critique(report, text, "comprehensive").omissions
    asked = Critic(ScriptedNLI(0.0), incidental=True)
    assert [o.significance for o in asked.critique(report, text, "comprehensive").omissions] == ["incidental"]
    assert not asked.critique(report, text, "brief").omissions


@pytest.mark.parametrize(
    ("findings", "named"),
    [
        ("Right acute infarct. These lesions demonstrate T2 hyperintensity.", ["Right acute infarct."]),
        ("Adequate opacification of the pulmonary arteries.", []),
        ("Incidental 4 mm calculus in the right kidney.", []),
        (
            "Numerous foci of intense uptake in the ribs, new since the prior study.",
            ["Numerous foci of intense uptake in the ribs, new since the prior study."],
        ),
        (
            "Tear of the posterior horn of the medial meniscus, with no displaced fragment.",
            ["Tear of the posterior horn of the medial meniscus, with no displaced fragment."],
        ),
    ],
)
def test_what_counts_as_a_finding_of_its_own(findings: str, named: list[str]) -> None:
    found = Critic(ScriptedNLI(0.0)).critique(Report(findings=findings), "Nothing else.")
    assert [omission.text for omission in found.omissions] == named


@pytest.mark.parametrize(
    "text",
    [
        "Chronic right cerebellar infarct. Otherwise no acute intracranial abnormality.",
        "Left frontal infarct.",
    ],
)
def test_another_one_of_the_kind_does_not_address_a_finding(text: str) -> None:
    findings = "Restricted diffusion in the right occipital lobe. Small chronic right cerebellar infarct."
    found = Critic(ScriptedNLI(0.0)).critique(Report(findings=findings), text)
    assert "Restricted diffusion in the right occipital lobe." in [o.text for o in found.omissions]


def test_a_model_can_find_a_finding_addressed() -> None:
    report = Report(findings="Right lower lobe consolidation.")

    def entails(premise: str, hypothesis: str) -> float:
        return 1.0 if hypothesis == "Right lower lobe consolidation." else 0.0

    critique = Critic(ScriptedNLI(entails)).critique(report, "The bottom of the right lung is full of pus.")
    assert critique.omissions == ()


def test_an_empty_text_passes_nothing() -> None:
    assert not Critic(ScriptedNLI(1.0)).critique(Report(findings="Lungs are clear."), "").passed


async def test_acritique_says_the_same() -> None:
    critic, report = Critic(ScriptedNLI(0.0)), Report(findings=FINDINGS)
    assert await critic.acritique(report, "Mild cardiomegaly.") == critic.critique(report, "Mild cardiomegaly.")


def test_factual_consistency_is_the_entailment_of_the_whole() -> None:
    def entails(premise: str, hypothesis: str) -> float:
        return 0.25 if (premise, hypothesis) == ("a b", "b.") else 0.0

    assert factual_consistency("a b", "b.", ScriptedNLI(entails)) == 0.25


@pytest.mark.parametrize(
    "claim", ["Bilateral effusions, left large, right moderate.", "Large calcified left hilar granulomas."]
)
def test_every_word_of_a_claim_must_be_accounted_for(claim: str) -> None:
    findings = "Bilateral effusions, left small, right moderate. Large calcified right hilar granulomas."
    assert not verdict(claim, findings, entails=0.0).passed


def test_what_has_cleared_is_not_proven_by_its_absence() -> None:
    assert not verdict("The left base opacities have cleared.", "The lungs are clear. No opacity.", entails=0.0).passed
    assert verdict("The left base opacities have cleared.", "Left base opacities have cleared.", entails=0.0).passed


def test_a_sentence_that_leans_on_the_one_before_is_judged_with_it() -> None:
    def entails(premise: str, hypothesis: str) -> float:
        return float(hypothesis == "A stroke was seen. It is not new.")

    report = Report(findings="Chronic infarct in the left cerebellum.")
    text = "A stroke was seen. It is not new."
    verdicts = Critic(ScriptedNLI(entails), checks=(), agree=False).critique(report, text).verdicts
    assert [v.label for v in verdicts] == ["unsupported", "supported"]


def test_plural_possessives_are_read() -> None:
    report = Report(findings="The other fingers' tendon sheaths are normal. Graves' disease is likely.")
    assert Critic(ScriptedNLI(1.0)).critique(report, "The fingers' tendons are normal.").verdicts


@pytest.mark.parametrize(
    ("findings", "refused"),
    [
        ("Filling defects in the right main pulmonary artery, and in the left lower lobe segmental arteries.", False),
        ("Filling defects in the right main pulmonary artery. The left arteries opacify normally.", True),
        ("Filling defects in the right main pulmonary artery with left basilar atelectasis.", True),
    ],
)
def test_two_sides_in_parts_of_one_sentence_are_both_sides(findings: str, refused: bool) -> None:
    (found,) = Critic(ScriptedNLI(0.9)).critique(Report(findings=findings), "Bilateral filling defects.").verdicts
    assert (found.label == "contradicted") is refused


@pytest.mark.parametrize("claim", ["Right lung apex airspace disease.", "Left chest wall port."])
def test_a_side_taken_from_another_finding_is_refused(claim: str) -> None:
    report = Report(
        findings="Suture material projects over the right lung apex. There is left lower lobe airspace disease. "
        "Left axillary clips. Right internal jugular central catheter."
    )
    (found,) = Critic(ScriptedNLI(0.9)).critique(report, claim).verdicts
    assert found.label == "contradicted"


@pytest.mark.parametrize(("audience", "label"), [("draft", "supported"), ("brief", "unsupported")])
def test_what_is_asserted_to_a_patient_needs_more(audience: Any, label: str) -> None:
    report = Report(findings="Patchy opacity in the right lower lobe.")
    claim = "There may be an infection in the right lung."
    critic = Critic(ScriptedNLI(0.7), thresholds={"default": 0.5, "brief": 0.75}, checks=(), agree=False)
    (found,) = critic.critique(report, claim, audience).verdicts
    assert found.label == label
    assert Critic(ScriptedNLI(0.7), thresholds=0.6, checks=(), agree=False).critique(report, claim, audience).passed


@pytest.mark.parametrize(
    ("text", "omitted"),
    [("No new pneumonia.", 1), ("No pneumothorax. The heart is normal.", 1), ("Persisting opacity at both bases.", 0)],
)
def test_a_denial_never_names_a_finding_whatever_the_model_says(text: str, omitted: int) -> None:
    report = Report(findings="Consolidation persists in both lower lobes. No pneumothorax. The heart is normal.")
    critique = Critic(ScriptedNLI(1.0), checks=()).critique(report, text)
    assert len(critique.omissions) == omitted


STROKES = (
    "Patchy restricted diffusion in the right centrum semiovale and right occipital lobe. Small chronic infarct in the "
    "left basal ganglia. Scattered T2 hyperintense lesions in the cerebral hemispheres."
)


@pytest.mark.parametrize(
    ("claim", "label"),
    [
        ("Patchy acute infarcts in the right cerebral hemisphere.", "supported"),  # a lobe lies in its hemisphere
        ("Acute infarcts in the cerebral hemispheres.", "contradicted"),
        ("Acute infarcts in the cerebral hemispheres and the brainstem.", "contradicted"),
        ("Acute infarcts in both hemispheres.", "contradicted"),  # the chronic one on the left is none
        ("Acute infarct in the left cerebral hemisphere.", "contradicted"),
        ("Acute infarct in the basal ganglia.", "unsupported"),
        ("Chronic infarct in the left basal ganglia.", "supported"),
    ],
)
def test_an_acute_finding_is_told_from_an_old_one_of_its_name(claim: str, label: str) -> None:
    assert verdict(claim, STROKES).label == label


@pytest.mark.parametrize(
    ("claim", "findings"),
    [
        ("Normal heart size.", "Heart mildly enlarged. Lungs are underinflated but clear."),
        ("Acute scaphoid fracture.", "Non-united fracture through the scaphoid waist. No acute fracture."),
        ("Small right hydropneumothorax.", "Small right apical pneumothorax."),
        ("Left popliteal thrombus.", "The earlier left popliteal thrombus is gone and the vein compresses."),
    ],
)
def test_what_only_sounds_alike_is_no_proof(claim: str, findings: str) -> None:
    assert not verdict(claim, findings).passed


def test_a_critical_finding_must_be_named_whatever_the_model_says() -> None:
    report = Report(findings="Filling defects are present in the right main pulmonary artery. 5 mm nodule.")
    critic = Critic(ScriptedNLI(1.0))
    assert [o.significance for o in critic.critique(report, "5 mm nodule.").omissions] == ["critical"]
    assert not critic.critique(report, "Acute pulmonary embolism. 5 mm nodule.").omissions
    assert not critic.critique(report, "Blood clot in the lung. 5 mm nodule.").omissions
