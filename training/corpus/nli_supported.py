"""Hypotheses that a composed report proves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from coarse2fine.agents.evidence import stems
from coarse2fine.training.corpus.facts import Fact, denial, mentions
from coarse2fine.training.corpus.grammar import Template, tidy
from coarse2fine.training.corpus.nli_case import ATTRIBUTES, GENERAL, Case, Said, Worded, first_sentence, word

__all__ = ["ACUTE", "SUPPORTED", "concluded", "joined_text", "left_out"]

HEDGED = re.compile(
    r"(?i)\b(possibl[ey]|probabl[ey]|likely|may|might|could|suggest\w*|suspicious|suspected|suspicion|compatible|consistent"
    r"|favou?r\w*|cannot|questionable|concern\w*|represent\w*|presum\w*)\b"
)
ACUTE = re.compile(r"(?i)\b(acute|active)\b")
SWEEPING = re.compile(r"(?i)\b(acute|active|normal|negative|unremarkable|abnormalit)")
MOST_NEW_STEMS = 2
"""How many content words a dictated paraphrase may bring that neither the sentence nor the finding's names have."""


def _kind(fact: Fact, made: Worded, plain: str) -> str:
    if {a for a in ATTRIBUTES if fact.values.get(a)} - made.said:
        return f"{plain} dropped"
    if HEDGED.search(made.text) and HEDGED.search(fact.text):
        return "hedged"
    return plain


def _verbatim(case: Case) -> Said | None:
    facts = [f.text for f in case.facts]
    text = case.rng.choice(facts) if facts and case.rng.random() < 0.7 else case.rng.choice(case.sentences).text
    return Said(tidy(first_sentence(text)), "verbatim", (text,))


def _paraphrase(case: Case) -> Said | None:
    fact = case.any_fact()
    if fact is None or (made := word(case.rng, fact, fact.finding.findings, case.some(fact.values))) is None:
        return None
    known = set(stems(" ".join([fact.text, *fact.finding.names])))
    if len(set(stems(made.text)) - known) > MOST_NEW_STEMS:
        return None
    return Said(made.text, _kind(fact, made, "paraphrase"), (fact.text,))


def concluded(case: Case, fact: Fact, *, lay: bool = False) -> Worded | None:
    """A fact as an impression concludes it, or as a patient is told."""
    return word(case.rng, fact, fact.finding.lay if lay else fact.finding.impression, case.some(fact.values), keep=0.25)


def _impression(case: Case) -> Said | None:
    fact = case.any_fact()
    made = concluded(case, fact) if fact else None
    return Said(made.text, _kind(fact, made, "impression"), (fact.text,)) if fact and made else None


def _lay(case: Case) -> Said | None:
    fact = case.any_fact()
    made = concluded(case, fact, lay=True) if fact else None
    return Said(made.text, "lay", (fact.text,)) if fact and made else None


def _denial(case: Case) -> Said | None:
    if not case.denied:
        return None
    finding, phrase, where = case.rng.choice(case.denied)
    if case.rng.random() < 0.15 and finding.deny_lay and phrase in finding.names:
        lead = case.rng.choice(["There is no", "We saw no", "No"])
        return Said(tidy(f"{lead} {case.rng.choice(finding.deny_lay)}"), "denial lay", (where,))
    same = [n for n in finding.deny if n in finding.names] if phrase in finding.names else []
    name = case.rng.choice(same) if same and case.rng.random() < 0.4 else phrase
    return Said(denial(case.rng, [name]), "denial", (where,))


def _denials(case: Case) -> Said | None:
    if len(case.denied) < 2:
        return None
    chosen = case.rng.sample(case.denied, 2)
    phrases = list(dict.fromkeys(phrase for _, phrase, _ in chosen))
    return Said(denial(case.rng, phrases), "denial", tuple(where for _, _, where in chosen))


_IMPLIES = (
    (r"lungs?\b.*\bclear\b|^clear lungs", r"consolidation|infiltrate|airspace|pneumonia|opacit"),
    (
        r"(heart|cardiac|cardiomediastinal).*\b(normal|unremarkable|within)|normal (heart|cardiac)",
        r"cardiomegaly|heart enlargement|enlarged heart",
    ),
    (r"(bones|bony (?!trabec)|osseous|ribs).*(intact|unremarkable|normal)", r"^(acute |displaced |rib )*fracture$"),
    (r"(costophrenic|pleural).*(clear|sharp|normal)", r"^(pleural )?effusion$"),
    (r"(ventricles|ventricular).*normal", r"hydrocephalus"),
    (r"(aorta|aortic).*normal", r"aneurysm"),
    (r"gallbladder.*(normal|unremarkable)", r"gallstones?|cholelithiasis|cholecystitis"),
    (r"(appendix).*normal", r"appendicitis"),
    (r"kidneys?.*(normal|unremarkable)", r"hydronephrosis"),
    (r"spleen.*(normal in size|normal size)", r"splenomegaly"),
)
"""What a normal sentence denies without naming it: (the sentence, the noun phrase)."""


def left_out(case: Case, normal: str) -> list[str]:
    """What a normal sentence denies without naming it, in the exam's own phrases."""
    denied = [d for s, d in _IMPLIES if re.search(s, normal, re.I)]
    return sorted({p for f in case.exam.findings for p in f.deny if any(re.search(d, p, re.I) for d in denied)})


def _implied(case: Case) -> Said | None:
    """Denies what a normal sentence leaves no room for."""
    if not case.normal_regions:
        return None
    _, sentence = case.rng.choice(case.normal_regions)
    phrases = left_out(case, sentence)
    return Said(denial(case.rng, [case.rng.choice(phrases)]), "implied denial", (sentence,)) if phrases else None


def _normal(case: Case) -> Said | None:
    """Another wording of the template that called a region normal."""
    if not case.normal_regions:
        return None
    region, sentence = case.rng.choice(case.normal_regions)
    words = set(stems(sentence))
    sources = [s for s in case.exam.regions[region].normal if words <= set(stems(s))]
    if case.rng.random() < 0.5 and (reframed := _reframed(case, sentence)):
        return Said(reframed, "normal", (sentence,))
    made = Template(case.rng.choice(sources)).expand(case.rng) if sources else None
    if made is None or not _same_normal(sentence, made.text):
        return None
    return Said(first_sentence(made.text), "normal", (sentence,))


def _same_normal(sentence: str, other: str) -> bool:
    """Whether two expansions of a template say the same: alternatives are synonyms, but not of what is denied."""
    new = set(stems(other)) - set(stems(sentence))
    denies = re.search(r"(?i)\b(no|not|without|negative|free)\b", sentence + other)
    return not any(s[0].isdigit() for s in new) and not (denies and new)


_NORMAL = re.compile(
    r"(?i)^(?:the )?(?P<what>[a-z ,]+?) (?P<is>is|are|appears?) (?:normal|unremarkable|within normal limits)\.$"
)


def _reframed(case: Case, sentence: str) -> str | None:
    """ "The heart is normal." as "Unremarkable heart."."""
    found = _NORMAL.match(sentence)
    if not found:
        return None
    frames = ["Normal {what}.", "Unremarkable {what}.", "{what} unremarkable.", "The {what} {is} within normal limits.",
              "The {what} {is} normal.", "{what} {is} unremarkable.", "No abnormality of the {what}."]  # fmt: skip
    what = found["what"][0].lower() + found["what"][1:] if found["what"][:2].istitle() else found["what"]
    return tidy(case.rng.choice(frames).format(what=what, **{"is": found["is"]}))


def _sweeping(case: Case) -> Said | None:
    """A normal impression, where nothing of significance is found."""
    if case.serious:
        return None
    lay = case.rng.random() < 0.15 and not case.facts
    source = case.exam.normal_lay if lay else case.exam.normal_impression
    made = Template(source[0] if case.rng.random() < 0.3 else case.rng.choice(source)).expand(case.rng)
    if made is None or not (lay or SWEEPING.search(made.text)) or (case.facts and not ACUTE.search(made.text)):
        return None
    if any(mentions(made.text, n) for f in case.exam.findings for n in (*f.names, *f.deny)) and not lay:
        return None
    calm = tuple(text for _, text in case.normal_regions if GENERAL.search(text))[:2]
    return Said(first_sentence(made.text), "sweeping", calm)


def joined_text(case: Case, one: str, two: str) -> str:
    """Two sentences as one: "A and b."."""
    lowered = two if re.match(r"[A-Z][A-Z0-9]|[A-Z]-|I\b", two) else two[:1].lower() + two[1:]
    return tidy(f"{one.rstrip('.')}{case.rng.choice([' and ', ' and ', ', ', ' with ', '; '])}{lowered}")


def _joined(case: Case) -> Said | None:
    if len(case.facts) < 2:
        return None
    facts = case.rng.sample(case.facts, 2)
    made = [concluded(case, fact) for fact in facts]
    if not made[0] or not made[1]:
        return None
    return Said(joined_text(case, made[0].text, made[1].text), "joined", tuple(f.text for f in facts))


def _converted(case: Case) -> Said | None:
    """The same measurement in the other unit."""
    fact = case.any_fact("size")
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(cm|mm)", fact.values["size"]) if fact else None
    if fact is None or found is None or (made := concluded(case, fact)) is None:
        return None
    number = float(found[1])
    other = f"{number * 10:g} mm" if found[2] == "cm" else f"{number / 10:g} cm"
    text = made.text.replace(fact.values["size"], other)
    return Said(text, "converted", (fact.text,)) if text != made.text else None


SUPPORTED: Mapping[Callable[[Case], Said | None], float] = {
    _verbatim: 8, _paraphrase: 28, _impression: 30, _lay: 9, _denial: 8, _denials: 3, _implied: 6, _normal: 7,
    _sweeping: 14, _joined: 7, _converted: 12,
}  # fmt: skip
"""Each maker and how often it is asked."""
