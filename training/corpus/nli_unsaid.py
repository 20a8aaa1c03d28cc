"""Hypotheses that a composed report neither proves nor, mostly, refutes: inventions and things added."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from coarse2fine.agents.evidence import stems
from coarse2fine.training.corpus.facts import Fact, denial
from coarse2fine.training.corpus.grammar import Template, tidy
from coarse2fine.training.corpus.nli_case import ATTRIBUTES, Case, Said, first_sentence, present, word
from coarse2fine.training.corpus.nli_refuted import CHANGES, PLAIN_CHANGES, SEVERITIES, with_value
from coarse2fine.training.corpus.nli_supported import concluded, joined_text

__all__ = ["UNSAID"]

_SIDE_WORDS = frozenset(["left", "right", "bilateral", "both"])
_CHANGE_WORDS = frozenset().union(*CHANGES)
_SEVERITY_WORDS = frozenset().union(*SEVERITIES)


def _foreign(case: Case) -> Fact | None:
    """A fact of a finding that the report does not speak of, dressed in the sides and sites of what it does."""
    absent = case.absent()
    regions = {f.finding.region for f in case.facts}
    near = [f for f in absent if f.region in regions]
    pool = near if near and case.rng.random() < 0.6 else absent
    fact = case.other_fact(case.rng.choice(pool)) if pool else None
    beside = case.any_fact("side")
    if fact and beside and fact.values.get("side") and beside.values["side"] in fact.finding.sides:
        dressed = {**fact.values, "side": beside.values["side"], "side_lay": beside.values["side_lay"]}
        return replace(fact, values=dressed, plural=beside.values["side"] == "bilateral")
    return fact


def _invention(case: Case) -> Said | None:
    fact = _foreign(case)
    if fact is None:
        return None
    made = word(case.rng, fact, case.templates(fact.finding), case.some(fact.values, 0.5))
    if made is None or any(present(made.text, f.finding) for f in case.facts):
        return None
    refuting = case.refuting(fact.finding) if fact.finding.significance != "incidental" else None
    if refuting:
        return Said(made.text, "invention", (refuting,), "contradiction")
    return Said(made.text, "invention")


def _near_invention(case: Case) -> Said | None:
    """A finding that is not there, of the same last word as one that is: another fracture, another cyst."""
    heads = {name.lower().split()[-1] for f in case.facts for name in f.finding.nouns}
    near = [f for f in case.absent() if {n.lower().split()[-1] for n in f.nouns} & heads]
    fact = case.other_fact(case.rng.choice(near)) if near else None
    made = word(case.rng, fact, case.templates(fact.finding), case.some(fact.values, 0.4)) if fact else None
    if fact is None or made is None or any(present(made.text, f.finding) for f in case.facts):
        return None
    refuting = case.refuting(fact.finding) if fact.finding.significance != "incidental" else None
    return Said(made.text, "near invention", (refuting,) if refuting else (), "contradiction" if refuting else None)


_BARE = ("{x}.", "{side} {x}.", "Acute {x}.", "Findings of {x}.", "There is {x}.", "{x} {place}.")


def _bare(case: Case) -> Said | None:
    """The bare name of something that the report does not speak of, on a side or in a place that it names."""
    absent = case.absent()
    if not absent:
        return None
    finding, beside, there = case.rng.choice(absent), case.any_fact("side"), case.any_fact("site")
    side = beside.values["side"] if beside else ""
    place = f"in the {there.values['site']}" if there else ""
    name = case.rng.choice(finding.nouns)
    text = tidy(case.rng.choice(_BARE).format(x=name, side=side, place=place))
    if any(present(text, f.finding) for f in case.facts):
        return None
    refuting = case.refuting(finding) if finding.significance != "incidental" else None
    return Said(text, "bare invention", (refuting,) if refuting else (), "contradiction" if refuting else None)


def _drawn(case: Case, fact: Fact, attribute: str) -> tuple[str, str]:
    """A value that the report does not say of a fact, and its wider name; "" where there is none."""
    finding, text = fact.finding, fact.text.lower()
    if attribute == "side":
        side = case.rng.choice(finding.sides) if finding.sides and not _says(text, _SIDE_WORDS) else ""
        return side, "both" if side == "bilateral" else side
    if attribute == "sev":
        graded = finding.severities and not _says(text, _SEVERITY_WORDS)
        return (case.rng.choice(finding.severities) if graded else ""), ""
    if attribute == "change":
        return ("" if _says(text, _CHANGE_WORDS) else case.rng.choice(finding.changes or PLAIN_CHANGES)), ""
    if attribute == "size":
        other = case.other_fact(finding)
        return (other.values.get("size", "") if other and not re.search(r"\d", text) else ""), ""
    if attribute == "site":
        sites = [s for s in finding.sites if s.name.lower() not in text]
        site = case.rng.choice(sites) if sites else None
        return (site.name, site.broad or site.name) if site else ("", "")
    listed = finding.counts if attribute == "count" else finding.levels
    return (case.rng.choice(listed) if listed and not fact.plural and not re.search(r"\d", text) else ""), ""


def _says(text: str, words: frozenset[str]) -> bool:
    return bool(set(re.findall(r"[a-z-]+", text)) & set(words))


def _added(case: Case) -> Said | None:
    """Adds an attribute that is not said."""
    fact = case.any_fact()
    if fact is None:
        return None
    for attribute in case.rng.sample(ATTRIBUTES, len(ATTRIBUTES)):
        if fact.values.get(attribute):
            continue
        value, broad = _drawn(case, fact, attribute)
        if value and (text := with_value(case, fact, attribute, value, broad)):
            return Said(text, f"added {attribute}", (fact.text,))
    return None


def _site(case: Case) -> Said | None:
    """Puts a fact in another place, by preference one that the report names for something else."""
    fact = case.any_fact("site")
    if fact is None:
        return None
    source, broad = fact.text.lower(), fact.values["broad"].lower()
    sites = [s for s in fact.finding.sites if s.name.lower() not in source and (s.broad or s.name).lower() != broad]
    here = [s for s in sites if s.name.lower() in case.text.lower()]
    if not sites:
        return None
    site = case.rng.choice(here if here and case.rng.random() < 0.5 else sites)
    text = with_value(case, fact, "site", site.name, site.broad or site.name)
    return Said(text, "site", (fact.text,)) if text else None


def _side_widened(case: Case) -> Said | None:
    fact = case.any_fact("side")
    if fact is None or fact.values["side"] == "bilateral" or "bilateral" not in fact.finding.sides:
        return None
    text = with_value(case, fact, "side", "bilateral", "both")
    return Said(text, "side widened", (fact.text,)) if text else None


_CAUSES = (
    " due to", " consistent with", " compatible with", " secondary to", " suspicious for", " representing", " from",
    ", likely",
)  # fmt: skip


def _specific(case: Case) -> Said | None:
    """A true claim with a cause or a diagnosis that the report does not give."""
    fact, absent = case.any_fact(), case.absent()
    made = concluded(case, fact) if fact else None
    if fact is None or made is None or not absent:
        return None
    cause = case.rng.choice(absent).names[0]
    return Said(tidy(f"{made.text.rstrip('.')}{case.rng.choice(_CAUSES)} {cause}"), "specific", (fact.text,))


def _unmentioned_denial(case: Case) -> Said | None:
    regions = {region for region, _ in case.normal_regions}
    absent = [f for f in case.absent() if f.deny and f.region not in regions]
    if not absent:
        return None
    phrases = [case.rng.choice(case.rng.choice(absent).deny)]
    needs: tuple[str, ...] = ()
    if case.denied and case.rng.random() < 0.3:
        _, phrase, where = case.rng.choice(case.denied)
        phrases.insert(case.rng.randrange(2), phrase)
        needs = (where,)
    return Said(denial(case.rng, phrases), "unmentioned denial", needs)


def _unmentioned_normal(case: Case) -> Said | None:
    """Calls a region fine of which the report says nothing."""
    spoken = {region for region, _ in case.normal_regions} | {f.finding.region for f in case.facts}
    regions = [r for name, r in case.exam.regions.items() if name not in spoken and r.normal]
    made = Template(case.rng.choice(case.rng.choice(regions).normal)).expand(case.rng) if regions else None
    if made is None or _shared(made.text, case.text) > 0.34:
        return None
    return Said(first_sentence(made.text), "unmentioned normal")


_PLAIN = frozenset(
    stems("normal unremarkable clear intact limits appearance size no acute abnormality visualized patent")
)


def _shared(text: str, report: str) -> float:
    words = set(stems(text)) - _PLAIN
    return len(words & set(stems(report))) / max(1, len(words))


def _half_invented(case: Case) -> Said | None:
    """A true claim joined to an invented one."""
    fact = case.any_fact()
    made, wrong = (concluded(case, fact) if fact else None), _invention(case)
    if fact is None or made is None or wrong is None:
        return None
    texts = [made.text, wrong.text]
    case.rng.shuffle(texts)
    return Said(joined_text(case, *texts), "joined invented", (fact.text, *wrong.needs), wrong.label)


UNSAID: Mapping[Callable[[Case], Said | None], float] = {
    _invention: 16, _near_invention: 12, _bare: 9, _added: 40, _site: 18, _side_widened: 10, _specific: 6,
    _unmentioned_denial: 7, _unmentioned_normal: 8, _half_invented: 5,
}  # fmt: skip
"""Each maker and how often it is asked."""
