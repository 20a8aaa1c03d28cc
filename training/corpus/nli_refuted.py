"""Hypotheses that a composed report refutes: one thing is turned round or changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from coarse2fine.agents.evidence import stems
from coarse2fine.training.corpus.facts import Fact, denial, mentions
from coarse2fine.training.corpus.grammar import Template, tidy
from coarse2fine.training.corpus.nli_case import ALSO, GENERAL, Case, Said, first_sentence, word
from coarse2fine.training.corpus.nli_supported import ACUTE, concluded, joined_text, left_out

__all__ = ["CHANGES", "CONTRADICTED", "SEVERITIES", "class_of", "with_value"]

SEVERITIES: tuple[frozenset[str], ...] = (
    frozenset(
        ["tiny", "trace", "minimal", "small", "mild", "slight", "subtle", "minor", "faint", "low-grade", "minute"]
    ),
    frozenset(["moderate", "medium", "moderate-sized", "moderate sized"]),
    frozenset(["large", "severe", "marked", "massive", "extensive", "advanced", "gross", "high-grade", "huge"]),
)
CHANGES: tuple[frozenset[str], ...] = (
    frozenset(["new", "newly apparent", "interval"]),
    frozenset(["unchanged", "stable", "similar", "persistent"]),
    frozenset(["increased", "enlarging", "increasing", "progressive", "worsened", "worsening", "larger", "growing"]),
    frozenset(["decreased", "improved", "improving", "resolving", "smaller", "decreasing", "reduced", "diminished"]),
)
PLAIN_SEVERITIES = ("small", "mild", "minimal", "tiny", "moderate", "large", "severe", "marked", "extensive")
PLAIN_CHANGES = ("new", "unchanged", "stable", "increased", "decreased", "improved", "worsening")
ACUITY = {"acute": ("chronic", "old"), "chronic": ("acute",), "old": ("acute", "new"), "healed": ("acute",),
          "remote": ("acute", "recent"), "subacute": ("chronic",), "recent": ("old",)}  # fmt: skip


def class_of(value: str, classes: tuple[frozenset[str], ...]) -> int | None:
    """The index of the class that a word belongs to."""
    return next((i for i, words in enumerate(classes) if value.lower() in words), None)


def with_value(case: Case, fact: Fact, attribute: str, value: str, broad: str = "") -> str | None:
    """A wording of a fact that says `value` for an attribute; None where the words at hand cannot."""
    values = {**fact.values, attribute: value}
    if attribute in ALSO:
        values[ALSO[attribute]] = broad or value
    plural = value == "bilateral" if attribute == "side" and "count" not in values else fact.plural
    changed = replace(fact, values=values, plural=plural)
    made = word(case.rng, changed, case.templates(fact.finding), {attribute, *case.some(fact.values)})
    return made.text if made and attribute in made.said else None


def _negated(case: Case) -> Said | None:
    fact = case.any_fact()
    if fact is None:
        return None
    finding = fact.finding
    names = [n for n in finding.names if n in finding.deny] or [finding.names[0]]
    named = [n for n in names if mentions(fact.text, n)]
    name = case.rng.choice(named if named and case.rng.random() < 0.6 else names)
    if finding.deny_lay and case.rng.random() < 0.12:
        return Said(tidy(f"There is no {case.rng.choice(finding.deny_lay)}"), "negated", (fact.text,))
    side = fact.values.get("side", "")
    sided = f"{side} {name}" if side in ("left", "right") and case.rng.random() < 0.25 else name
    return Said(denial(case.rng, [sided]), "negated", (fact.text,))


_POSITIVE = re.compile(
    r"^(?:There (?:is|are) (?:an? )?)?(?P<what>.+?)(?: (?:is|are) (?:seen|noted|present|identified|demonstrated))?\.$"
)


def _negated_words(case: Case) -> Said | None:
    """The report's own sentence with a "no" before it."""
    fact = case.any_fact()
    found = _POSITIVE.match(first_sentence(fact.text)) if fact else None
    if fact is None or found is None or re.search(r"(?i)\b(no|not|without|is|are|has|have)\b|[:,;]", found["what"]):
        return None
    what = found["what"] if found["what"][:2].isupper() else found["what"][0].lower() + found["what"][1:]
    return Said(tidy(f"{case.rng.choice(['There is no', 'No', 'No evidence of'])} {what}"), "negated", (fact.text,))


def _negated_among(case: Case) -> Said | None:
    """A true denial and a false one in one sentence."""
    fact = case.any_fact()
    if fact is None or not case.denied:
        return None
    _, phrase, where = case.rng.choice(case.denied)
    names = [n for n in fact.finding.names if n in fact.finding.deny]
    if not names:
        return None
    phrases = [phrase, case.rng.choice(names)]
    case.rng.shuffle(phrases)
    return Said(denial(case.rng, phrases), "negated", (where, fact.text))


_ASSERTIONS = (
    "{x}.", "There is {x}.", "{x} is present.", "{x} is seen.", "Possible {x}.", "Evidence of {x}.", "Findings of {x}.",
)  # fmt: skip


def _asserted(case: Case) -> Said | None:
    """Asserts what the report denies."""
    if not case.denied:
        return None
    finding, phrase, where = case.rng.choice(case.denied)
    other = case.other_fact(finding) if phrase in finding.names else None
    if other and case.rng.random() < 0.7:
        made = word(case.rng, other, case.templates(finding), case.some(other.values, 0.5))
        return Said(made.text, "asserted", (where,)) if made else None
    text = case.rng.choice(_ASSERTIONS).format(x=phrase)
    if phrase.endswith("s") and not phrase.endswith(("sis", "ss", "us")):
        text = text.replace(" is ", " are ")
    return Said(tidy(text), "asserted", (where,))


def _side(case: Case) -> Said | None:
    """Puts a fact on the other side, by preference one where the report names something else."""
    sided = [f for f in case.facts if f.values.get("side") in ("left", "right")]
    if not sided:
        return None
    fact = case.rng.choice(sided)
    other = "right" if fact.values["side"] == "left" else "left"
    text = with_value(case, fact, "side", other)
    beside = [f.text for f in sided if f.values["side"] == other]
    return Said(text, "side", (fact.text, *case.rng.sample(beside, min(1, len(beside))))) if text else None


def _against_normal(case: Case) -> Said | None:
    """Asserts what a normal sentence leaves no room for."""
    if not case.normal_regions:
        return None
    _, sentence = case.rng.choice(case.normal_regions)
    phrases = left_out(case, sentence)
    if not phrases:
        return None
    text = case.rng.choice(_ASSERTIONS).format(x=case.rng.choice(phrases))
    return Said(tidy(text), "against normal", (sentence,))


def _side_word(case: Case) -> Said | None:
    """Swaps the side in the report's own sentence."""
    sentences = [s.text for s in case.sentences if re.search(r"(?i)\b(left|right)\b", s.text)]
    if not sentences:
        return None
    source = case.rng.choice(sentences)
    if len(set(re.findall(r"\b(?:left|right|bilateral|both)\b", source.lower()))) != 1:
        return None
    flip = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    text = re.sub(r"\b(?:left|right|Left|Right)\b", lambda m: flip[m.group()], source)
    return Said(tidy(text), "side", (source,)) if text != source else None


def _severity(case: Case) -> Said | None:
    fact = case.any_fact("sev")
    if fact is None or (own := class_of(fact.values["sev"], SEVERITIES)) is None:
        return None
    others = [v for v in fact.finding.severities if class_of(v, SEVERITIES) not in (None, own)]
    if not others:
        return None
    text = with_value(case, fact, "sev", case.rng.choice(others))
    return Said(text, "severity", (fact.text,)) if text else None


def _reworded(
    words: re.Pattern[str], classes: tuple[frozenset[str], ...], plain: tuple[str, ...], kind: str
) -> Callable[[Case], Said | None]:
    """A maker that exchanges one word of a true claim for a word of another class."""

    def maker(case: Case) -> Said | None:
        facts = [f for f in case.facts if words.search(f.text)]
        if not facts:
            return None
        fact = case.rng.choice(facts)
        made = concluded(case, fact) if case.rng.random() < 0.6 else None
        text = made.text if made and words.search(made.text) else first_sentence(fact.text)
        found = words.search(text)
        if found is None or not re.search(rf"(?i)\b{found.group()}\b", fact.text):
            return None
        own = class_of(found.group(), classes)
        other = case.rng.choice([w for w in plain if class_of(w, classes) != own])
        return Said(tidy(text[: found.start()] + other + text[found.end() :]), kind, (fact.text,))

    return maker


_SEVERITY = re.compile(
    r"(?i)(?<!to )(?<!-)\b(tiny|trace|minimal|small|mild|slight|moderate|large|severe|marked|massive|extensive)\b"
    r"(?! (bowel|vessel|airway|intestin|fissure|to|or)|-)"
)
_CHANGED = re.compile(
    r"(?i)\b(new|stable|unchanged|improved|improving|worsening|worsened|enlarging|resolving)\b(?! bone)"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _other_number(case: Case, value: str) -> str:
    """Another measurement that looks like `value`: a digit, the point, the unit, or a number from elsewhere."""
    rng, numbers = case.rng, list(_NUMBER.finditer(value))
    way = rng.random()
    if way < 0.12 and "." in value:
        return value.replace(".", "", 1)
    if way < 0.24 and re.search(r"\b(cm|mm)\b", value):
        return re.sub(r"\b(cm|mm)\b", lambda m: "mm" if m.group() == "cm" else "cm", value)
    elsewhere: list[str] = sorted(set(_NUMBER.findall(case.text)) - set(_NUMBER.findall(value)))
    found = rng.choice(numbers)
    if way < 0.45 and elsewhere:
        new = rng.choice(elsewhere)
    else:
        places = len(found.group().partition(".")[2])
        step = rng.choice([-3, -2, -1, 1, 2, 3]) * 0.1 ** rng.choice([0, places])
        new = f"{max(0.1, float(found.group()) + step):.{places}f}"
    return value[: found.start()] + new + value[found.end() :]


def _number(case: Case) -> Said | None:
    fact = case.any_fact("size")
    if fact is None or (new := _other_number(case, fact.values["size"])) == fact.values["size"] or new in fact.text:
        return None
    text = with_value(case, fact, "size", new)
    return Said(text, "number", (fact.text,)) if text else None


def _listed(attribute: str, kind: str) -> Callable[[Case], Said | None]:
    """A maker that takes another value of the finding's own list."""

    def maker(case: Case) -> Said | None:
        fact = case.any_fact(attribute)
        if fact is None:
            return None
        values = fact.finding.levels if attribute == "level" else fact.finding.counts
        others = [v for v in values if v.lower() not in fact.text.lower() and fact.values[attribute] not in v]
        text = with_value(case, fact, attribute, case.rng.choice(others)) if others else None
        return Said(text, kind, (fact.text,)) if text else None

    return maker


def _swapped(case: Case) -> Said | None:
    """Gives a fact what the report says of another one: its size, level, severity or change."""
    for attribute in case.rng.sample(("size", "level", "sev", "change"), 4):
        told = [f for f in case.facts if f.values.get(attribute)]
        if len(told) < 2:
            continue
        fact, other = case.rng.sample(told, 2)
        own, value = fact.values[attribute], other.values[attribute]
        classes = {"sev": SEVERITIES, "change": CHANGES}.get(attribute)
        if value.lower() in fact.text.lower() or value == own or fact.values.get("level", "") in other.text:
            continue
        if classes and (class_of(own, classes) is None or class_of(own, classes) == class_of(value, classes)):
            continue
        if text := with_value(case, fact, attribute, value):
            return Said(text, "swapped", (fact.text, other.text))
    return None


_STRUCTURES = re.compile(
    r"(?i)\b([apml]cl|cruciate|collateral|menisc(?:us|i)|labrum|supraspinatus|infraspinatus|subscapularis|biceps|quadriceps"
    r"|patellar tendon|rotator cuff|retinacul\w+|appendix|gallbladder|spleen|pancreas|bladder|calvarium|skull|scaphoid"
    r"|(?:medial|lateral|anterior|posterior) (?:meniscus|ligament)|syndesmosis|conus|cord|hardware|prosthesis)\b"
)
_FINE = re.compile(r"(?i)\b(intact|normal|unremarkable|preserved|no (?:tear|abnormality|fracture))\b")
_OF_SIZE = re.compile(r"(?i)\b(size|caliber|calibre|contour|position|thickness|signal|volume|left|right)\b")


def _against_intact(case: Case) -> Said | None:
    """Asserts that a structure is damaged which the report calls intact, often in a list of others."""
    fine = [s.text for s in case.sentences if _FINE.search(s.text) and not _OF_SIZE.search(s.text)]
    for sentence in case.rng.sample(fine, len(fine)):
        named = {m.lower() for m in _STRUCTURES.findall(sentence)}
        hurt = [f for f in case.absent() if named & {m.lower() for n in f.nouns for m in _STRUCTURES.findall(n)}]
        fact = case.other_fact(case.rng.choice(hurt)) if hurt else None
        made = word(case.rng, fact, case.templates(fact.finding), case.some(fact.values, 0.4)) if fact else None
        if made and named & {m.lower() for m in _STRUCTURES.findall(made.text)}:
            return Said(made.text, "against intact", (sentence,))
    return None


def _change(case: Case) -> Said | None:
    fact = case.any_fact("change")
    if fact is None or (own := class_of(fact.values["change"], CHANGES)) is None:
        return None
    others = [v for v in fact.finding.changes if class_of(v, CHANGES) not in (None, own)]
    others = others or [v for v in PLAIN_CHANGES if class_of(v, CHANGES) != own]
    text = with_value(case, fact, "change", case.rng.choice(others))
    return Said(text, "change", (fact.text,)) if text else None


def _acuity(case: Case) -> Said | None:
    facts = [f for f in case.facts if re.search(rf"(?i)\b({'|'.join(ACUITY)})\b", f.text)]
    if not facts:
        return None
    fact = case.rng.choice(facts)
    made = concluded(case, fact)
    text = made.text if made and case.rng.random() < 0.6 else first_sentence(fact.text)
    for old, new in ACUITY.items():
        if re.search(rf"(?i)\b{old}\b", text) and re.search(rf"(?i)\b{old}\b", fact.text):
            changed = re.sub(rf"(?i)\b{old}\b", case.rng.choice(new), text)
            return Said(tidy(changed), "acuity", (fact.text,))
    return None


def _sweeping(case: Case) -> Said | None:
    """A normal impression although something of significance is found."""
    if not case.serious:
        return None
    fact = case.rng.choice(case.serious)
    source = case.exam.normal_lay if case.rng.random() < 0.1 else case.exam.normal_impression
    made = Template(case.rng.choice(source)).expand(case.rng)
    sharp = fact.finding.significance == "critical" or re.search(r"(?i)\bacute\b", fact.text)
    if made is None or (ACUTE.search(made.text) and not sharp):
        return None
    return Said(first_sentence(made.text), "sweeping refuted", (fact.text,))


def _called_normal(case: Case) -> Said | None:
    """Calls a region fine that holds a significant finding."""
    if not case.serious:
        return None
    fact = case.rng.choice(case.serious)
    roots = set(stems(fact.finding.region.replace("_", " ")))
    sources = [s for s in case.exam.regions[fact.finding.region].normal if GENERAL.search(s) and roots & set(stems(s))]
    made = Template(case.rng.choice(sources)).expand(case.rng) if sources else None
    if made is None or not GENERAL.search(made.text) or not roots & set(stems(made.text)):
        return None
    return Said(first_sentence(made.text), "called normal", (fact.text,))


def _half_wrong(case: Case) -> Said | None:
    """A true claim joined to a refuted one."""
    fact = case.any_fact()
    made = concluded(case, fact) if fact else None
    wrong = case.rng.choice([_side, _severity, _asserted, _number])(case)
    if fact is None or made is None or wrong is None or fact.text in wrong.needs:
        return None
    texts = [made.text, wrong.text]
    case.rng.shuffle(texts)
    return Said(joined_text(case, *texts), "joined refuted", (fact.text, *wrong.needs))


CONTRADICTED: Mapping[Callable[[Case], Said | None], float] = {
    _negated: 7, _negated_words: 3, _negated_among: 2, _against_normal: 8, _asserted: 6, _side: 10, _side_word: 5,
    _severity: 22,
    _reworded(_SEVERITY, SEVERITIES, PLAIN_SEVERITIES, "severity"): 10, _number: 22, _listed("level", "level"): 12,
    _listed("count", "count"): 14, _change: 30, _reworded(_CHANGED, CHANGES, PLAIN_CHANGES, "change"): 12, _acuity: 14,
    _sweeping: 4, _called_normal: 4, _half_wrong: 5, _swapped: 20, _against_intact: 14,
}  # fmt: skip
"""Each maker and how often it is asked; most of those asked often seldom find what they need."""
