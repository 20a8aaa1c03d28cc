"""Composes reports whose facts are known: which finding is there, where, how large, and what is denied."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coarse2fine.reports import Report, Sex
from coarse2fine.training.corpus.facts import Fact, denial, draw_fact, mentions, sample_values
from coarse2fine.training.corpus.grammar import Template
from coarse2fine.training.corpus.knowledge import Exam, Finding

__all__ = ["Composed", "compose"]

NOUN: Mapping[Sex, Sequence[str]] = {"female": ("female", "woman", "F"), "male": ("male", "man", "M")}
SIGNIFICANCE_WEIGHT = {"critical": 0.8, "significant": 1.0, "incidental": 1.0}


@dataclass(frozen=True)
class Composed:
    """A report with its facts: what it asserts, what it denies, and the sentences that call regions normal."""

    exam: Exam
    report: Report
    facts: tuple[Fact, ...]
    denied: tuple[tuple[Finding, str], ...]
    normals: tuple[str, ...]
    masked: frozenset[str] = field(default_factory=frozenset)


_DENIES = re.compile(r"(?i)(no|negative|without|there (is|are) no)\b")
_GENERIC = re.compile(r"(?i)\b(abnormalit|finding|lesion|disease|process|change|anomal|patholog)")
"""Words that deny everything at once: such a sentence cannot stand beside a finding of its region."""
_OVERALL = re.compile(
    r"(?i)\b(negative|normal|unremarkable|benign) (bilateral |screening |diagnostic )*"
    r"(mammogram|exam|study|chest|scan|sonogram|ultrasound|mri|ct|pet|radiograph)"
    r"|\b(every|all) (level|imaged|visuali[sz]ed)|no (suspicious|focal) (uptake|abnormal)"
)
"""Sentences that call the whole examination normal: they stand only where nothing that matters was found."""


def _level_key(level: str) -> str:
    """ "L4-5" and "L4-L5" are one level."""
    return re.sub(r"[A-Za-z ]", "", level).replace("/", "-")


def _commonness(finding: Finding) -> float:
    """How often a finding is drawn: what has many wordings is common."""
    return SIGNIFICANCE_WEIGHT[finding.significance] * float(len(finding.findings) ** 1.5)


class _Builder:
    """Collects the parts of one report."""

    def __init__(self, exam: Exam, rng: random.Random) -> None:
        self.exam, self.rng = exam, rng
        self.compared = rng.random() < 0.45
        self.keep = rng.choice([0.25, 0.5, 0.5, 0.75])
        self.side = rng.choice(("left", "right")) if exam.one_side and rng.random() < 0.9 else ""
        self.focus = rng.choice(sorted(exam.focuses)) if exam.focuses else ""
        self.findings = exam.by_focus[self.focus] if self.focus else exam.findings
        self.rows = exam.level_rows if exam.level_rows and rng.random() < 0.5 else None
        self.facts: list[Fact] = []
        self.denied: list[tuple[Finding, str]] = []
        self.normals: list[str] = []

    def add_facts(self, number: int) -> None:
        """Draw findings without saying the same concept twice."""
        pool = list(self.findings)
        taken: set[str] = set()
        while pool and len(self.facts) < number:
            weights = [_commonness(f) for f in pool]
            finding = self.rng.choices(pool, weights)[0]
            pool.remove(finding)
            names = {name.lower() for name in finding.names}
            if names & taken:
                continue
            fact = self._row_fact(finding) or draw_fact(self.rng, finding, self.compared, self.keep, self.side)
            if fact is not None:
                taken |= names
                self.facts.append(fact)

    def _row_fact(self, finding: Finding) -> Fact | None:
        """A fact told in the row of its level; None where the report has no rows or the finding none in it."""
        if self.rows is None or not finding.at_level:
            return None
        wanted = {_level_key(level) for level in finding.levels}
        levels = tuple(level for level in self.rows.levels if _level_key(level) in wanted)
        if not levels:
            return None
        told = finding.model_copy(update={"levels": levels, "findings": finding.at_level, "counts": ()})
        values, plural = sample_values(self.rng, told, self.compared, self.side)
        for text in self.rng.sample(finding.at_level, len(finding.at_level)):
            made = Template(text).expand(self.rng, values, plural=plural, keep=self.keep)
            if made is not None:
                said = {k: v for k, v in values.items() if k in made.said | {"level"}}
                said |= {"side_lay": values["side_lay"]} if "side" in said else {}
                said |= {"broad": values["broad"]} if "site" in said else {}
                return Fact(finding, said, plural, made.text, row=True)
        return None

    def level_rows(self) -> list[str]:
        """The report's rows, "L4-5: ...", in order; the first fact of a row carries its level from now on."""
        if self.rows is None:
            return []
        every, mark = self.rng.random() < 0.7, self.rng.choice(("{}:", "{}:", "{}:", "At {}:", "{} -"))
        rows: list[str] = []
        for level in self.rows.levels:
            here = [i for i, fact in enumerate(self.facts) if fact.row and fact.values["level"] == level]
            head = mark.format(level)
            if here:
                first = self.facts[here[0]]
                self.facts[here[0]] = replace(first, text=f"{head} {first.text}")
                rows.append(" ".join(self.facts[i].text for i in here))
            elif every and (made := Template(self.rng.choice(self.rows.normal)).expand(self.rng)):
                rows.append(f"{head} {made.text}")
        return rows

    def present_names(self) -> set[str]:
        return {name.lower() for fact in self.facts for name in fact.finding.names}

    def may_stand(self, sentence: str, region: str) -> bool:
        """Whether a normal sentence contradicts no fact."""
        present = self.present_names()
        if any(mentions(sentence, name) for name in present):
            return False
        touched = {f.finding.region for f in self.facts if f.finding.significance != "incidental"}
        touched |= {r for f in self.facts for r in f.finding.conflicts}
        minor = {f.finding.region for f in self.facts} - touched
        if touched and _OVERALL.search(sentence):
            return False
        denies = _DENIES.match(sentence) is not None and _GENERIC.search(sentence) is None
        if region in touched:
            return denies
        return denies or region not in minor or self.rng.random() < 0.35

    def absent(self) -> list[Finding]:
        present = self.present_names()
        present_text = " ".join(f.text for f in self.facts)
        return [
            finding
            for finding in self.findings
            if finding.deny
            and not present & {n.lower() for n in finding.names}
            and not any(mentions(present_text, n) for n in (*finding.names, *finding.deny))
            and not any(mentions(phrase, name) for name in present for phrase in finding.deny)
        ]

    def deny_some(self, region: str | None, most: int) -> str | None:
        pool = [f for f in self.absent() if region is None or f.region == region]
        pool = [f for f in pool if f.id not in {d.id for d, _ in self.denied}]
        if not pool:
            return None
        weights = [2.0 if f.significance == "critical" else 1.0 for f in pool]
        chosen: dict[str, tuple[Finding, str]] = {}
        for finding in self.rng.choices(pool, weights, k=self.rng.randint(1, most)):
            chosen[finding.id] = (finding, self.rng.choice(finding.deny))
        phrases = list(dict.fromkeys(phrase for _, phrase in chosen.values()))
        self.denied += chosen.values()
        return denial(self.rng, phrases)

    def normal_sentences(self, region: str, number: int) -> list[str]:
        found: list[str] = []
        pool = list(self.exam.regions[region].normal)
        self.rng.shuffle(pool)
        for source in pool:
            if len(found) == number:
                break
            made = Template(source).expand(self.rng, {})
            if made and self.may_stand(made.text, region):
                found.append(made.text)
                self.note_denied(made.text)
        self.normals += found
        return found

    def note_denied(self, sentence: str) -> None:
        """Remember which findings a normal sentence denies."""
        if not re.search(r"(?i)\b(no|without|negative|free of|nor)\b", sentence):
            return
        for finding in self.exam.findings:
            for phrase in finding.deny:
                if mentions(sentence, phrase):
                    self.denied.append((finding, phrase))
                    break


def _region_text(builder: _Builder, region: str, normals: int, deny: bool) -> list[str]:
    rng = builder.rng
    facts = [fact.text for fact in builder.facts if fact.finding.region == region and not fact.row]
    sentences = builder.normal_sentences(region, normals)
    if deny and (denied := builder.deny_some(region, 3)):
        sentences.append(denied)
    if facts and rng.random() < 0.7:
        return facts + sentences
    mixed = facts + sentences
    rng.shuffle(mixed)
    return mixed


_FEMALE = re.compile(
    r"(?i)\b(uter|ovar|endometri|fibroid|hysterect|mastectom|breast|cervi(x\b|cal mass)|adnex|vagin|pregnan|gestation)"
)
_MALE = re.compile(r"(?i)\b(prostat|test[ie][cs]|seminal|scrot|penile|epididym|varicocele|hydrocele|sperm)")


def _patient(rng: random.Random, findings: str) -> tuple[int, Sex]:
    """Age in years and a sex that the findings allow."""
    sex: Sex = rng.choice(("female", "male"))
    if _FEMALE.search(findings):
        sex = "female"
    elif _MALE.search(findings):
        sex = "male"
    return rng.randint(18, 94), sex


def _clinical(exam: Exam, rng: random.Random, age: int, sex: Sex) -> str:
    if rng.random() < 0.35:
        return ""
    values = {"age": str(age), "sex": rng.choice(NOUN[sex])}
    text = Template(rng.choice(exam.indications)).expand(rng, values)
    extra = "" if rng.random() < 0.7 else f" {sex.capitalize()}, {age} years old."
    return (text.text if text else "") + extra


_LABELS = {"upper_abdomen": "Upper abdomen", "soft_tissues": "Soft tissues"}


def _label(region: str) -> str:
    return _LABELS.get(region, region.replace("_", " ").capitalize())


def compose(exam: Exam, rng: random.Random, findings: int | None = None) -> Composed:
    """Compose one report of an exam type.

    Args:
        exam: the exam type.
        rng: the only source of chance: the same state gives the same report.
        findings: how many abnormal findings; drawn where None.
    """
    builder = _Builder(exam, rng)
    number = rng.choices([0, 1, 2, 3, 4, 5, 7], [22, 22, 20, 14, 10, 8, 4])[0] if findings is None else findings
    builder.add_facts(number)
    regions = list(exam.regions)
    if rng.random() < 0.4:
        rng.shuffle(regions)
    density = rng.choice([0.3, 0.6, 0.9, 1.3]) if builder.facts else rng.choice([0.6, 0.9, 1.3])
    labelled = rng.random() < 0.12
    paragraphs: list[str] = []
    for region in regions:
        sentences = _region_text(builder, region, int(density + rng.random()), rng.random() < 0.3)
        if sentences:
            text = " ".join(sentences)
            paragraphs.append(f"{_label(region)}: {text}" if labelled else text)
    paragraphs += builder.level_rows()
    if rng.random() < 0.35 and (denied := builder.deny_some(None, 4)):
        paragraphs.append(denied)
    if not paragraphs:
        paragraphs = builder.normal_sentences(regions[0], 2) or [denial(rng, ["abnormality"])]
    opening = _opening(exam, rng, builder.compared)
    glue = "\n" if (labelled or builder.rows) and rng.random() < 0.7 else " "
    age, sex = _patient(rng, " ".join(paragraphs))
    report = Report(
        findings=glue.join([*opening, *paragraphs]),
        clinical_information=_clinical(exam, rng, age, sex),
        exam=_title(builder),
        comparison=rng.choice(["Prior study.", "Previous examination."]) if builder.compared else "",
        sex=sex,
        age=age,
        id=f"{rng.getrandbits(48):012x}",
    )
    return Composed(exam, report, tuple(builder.facts), tuple(builder.denied), tuple(builder.normals))


def _title(builder: _Builder) -> str:
    title = builder.rng.choice(builder.exam.titles)
    if not builder.focus or builder.rng.random() < 0.3:
        return title
    return " ".join(filter(None, (builder.exam.modality, builder.side.upper(), builder.focus.upper())))


def _opening(exam: Exam, rng: random.Random, compared: bool) -> list[str]:
    parts: Iterable[tuple[float, Sequence[str]]] = (
        (0.08, exam.techniques),
        (0.08, exam.limits),
        (
            0.06 if compared else 0.0,
            ("Comparison is made to the prior study.", "Compared with the previous examination."),
        ),
    )
    opening = []
    for chance, templates in parts:
        if templates and rng.random() < chance and (made := Template(rng.choice(templates)).expand(rng, {})):
            opening.append(made.text)
    return opening
