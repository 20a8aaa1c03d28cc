"""Deterministic checks: each compares one kind of fact of a claim with the findings, and says in words what is wrong.

A check says nothing where it cannot tell; what no check refuses goes on to the NLI model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from coarse2fine.agents.attribute_checks import ATTRIBUTE_CHECKS
from coarse2fine.agents.attributes import attributes
from coarse2fine.agents.faults import Check, Fault, listed, sentences_of
from coarse2fine.agents.lexicon import lexicon
from coarse2fine.agents.overall import calls_normal, is_finding, normal_fault, organs_found_normal, unaddressed_by
from coarse2fine.agents.plain_checks import PlainCheck
from coarse2fine.agents.source import Claim, Source, covers, is_hand_named, proves, telling, wider_findings
from coarse2fine.agents.statements import Statement
from coarse2fine.reports import patient_from

__all__ = ["ALL_CHECKS", "Check", "Fault", "run_checks"]


# ---------------------------------------------------------------------- negation
def _name(statement: Statement, claim: Claim) -> str:
    return claim.text[statement.start : statement.end].strip(" .,;") or claim.text


class _Negation:
    """The claim asserts what the findings deny, or denies what they assert."""

    name = "negation"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's statements."""
        for statement in claim.statements:
            if statement.normal or statement.polarity == "hypothetical":
                continue
            fault = (
                self._denied(statement, claim, source)
                if statement.polarity == "denied"
                else self._asserted(statement, claim, source)
            )
            if fault:
                return fault
        return None

    def _asserted(self, statement: Statement, claim: Claim, source: Source) -> Fault | None:
        if statement.abnormal:
            fine = organs_found_normal(statement, source)
            reason = f"negation: the findings call normal what the claim calls abnormal: {claim.text}"
            return Fault(self.name, "contradicted", reason, sentences_of(fine)) if fine else None
        about = source.about(statement)
        denied = [p for p in source.denied() if covers(p.statement, statement)]
        hedged = statement.polarity == "possible"
        if about and (any(proves(p.statement, statement) for p in about) or (hedged and not denied)):
            return None
        against = [p for p in denied if hedged or not about or p.statement.concepts & statement.concepts]
        against = [p for p in against if not (p.statement.rest and about)]
        if not about and not _words_reported(statement, source):
            against += [p for p in source.normal() if calls_normal(p.statement, statement)]
        reason = f"negation: the findings deny {_name(statement, claim)}"
        return Fault(self.name, "contradicted", reason, sentences_of(against)) if against else None

    def _denied(self, statement: Statement, claim: Claim, source: Source) -> Fault | None:
        against = [p for p in source.asserted() if covers(statement, p.statement) and not p.limit]
        if statement.rest:
            against = unaddressed_by(claim, against, source)
        denied = [p for p in source.denied() if covers(p.statement, statement) and p.statement.rest <= statement.rest]
        if denied:
            return None
        if not against:
            return self._shown(statement, claim, source)
        reason = f"negation: the claim denies {_name(statement, claim)}, which the findings report"
        return Fault(self.name, "contradicted", reason, sentences_of(against))

    def _shown(self, statement: Statement, claim: Claim, source: Source) -> Fault | None:
        """A denial that the findings do not make, beside signs of what it denies."""
        sides = statement.own.sides
        told = [(p, p.statement.own.sides or p.statement.clause.sides) for p in source.signs_of(statement)]
        shown = [p for p, where in told if not sides or not where or where & sides]
        if statement.rest or not shown or any(calls_normal(p.statement, statement) for p in source.normal()):
            return None
        reason = f"negation: the claim denies {_name(statement, claim)}, the findings do not and show signs of it"
        return Fault(self.name, "unsupported", reason, sentences_of(shown))


def _words_reported(statement: Statement, source: Source) -> bool:
    """Whether the findings report something in half of the statement's words, under a name that is not known."""
    wanted = telling(statement.words)
    return any(2 * len(wanted & p.statement.words) >= max(2, len(wanted)) for p in source.asserted())


_CANCER = frozenset(
    ["cancer", "metastasis", "lymphoma", "adenocarcinoma", "sarcoma", "myeloma", "melanoma", "seminoma", "dcis"]
)


class _Invention:
    """The claim asserts a well-known finding of which the findings say nothing, not even in a word of its name."""

    name = "invention"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's statements."""
        for statement in claim.statements:
            if not is_hand_named(statement) or statement.polarity not in ("asserted", "possible"):
                continue
            hinted = self._concluded(statement, claim, source) or self._hinted(statement, source)
            if not hinted and not source.about(statement):
                return Fault(self.name, "unsupported", f"invention: the findings mention no {_name(statement, claim)}")
        return None

    def _concluded(self, statement: Statement, claim: Claim, source: Source) -> bool:
        """Whether the claim may conclude it from something that the findings do report: for a model to judge.

        Signs are said where the disease is ("hyperdense focus in the basal ganglia"), or a conclusion is hedged.
        """
        if statement.words & _CANCER:
            return bool(source.signs_of(statement))
        if source.signs_of(statement) or _shares_a_place(statement, claim, source):
            return True
        if statement.polarity != "possible":
            return False
        shown = [s for s in claim.statements if s.polarity == "asserted" and not s.normal and source.about(s)]
        return bool(shown) or any("opacity" in wider_findings(p.statement) for p in source.asserted())

    def _hinted(self, statement: Statement, source: Source) -> bool:
        words = telling(statement.name) or frozenset(statement.name)
        hinting = (p.statement.words for p in source.placed if p.statement.polarity != "denied")
        return any(words & spoken for spoken in hinting) or "xxxx" in source.all_words & statement.words


class _Hedge:
    """The claim names a cancer that the report names nowhere: from signs it may only be concluded with a hedge.

    Where a cancer is known, signs of metastases may be called that.
    """

    name = "hedge"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's statements."""
        report = source.report
        told = f"{report.clinical_information} {report.comparison} {report.exam}"
        known = _CANCER & frozenset(lexicon().phrase(told))
        known |= frozenset(w for p in source.asserted() for w in p.statement.words & _CANCER)
        for statement in claim.statements:
            named = (statement.words & _CANCER) - known
            if named == {"metastasis"} and known and source.signs_of(statement):
                continue
            if statement.polarity == "asserted" and not statement.normal and named:
                reason = f"hedge: the report names no {listed(named)}, not even as possible"
                return Fault(self.name, "unsupported", reason)
        return None


def _shares_a_place(statement: Statement, claim: Claim, source: Source) -> bool:
    """Whether the findings report something abnormal at the claim's place: of its words, its level, its structure."""
    lex = lexicon()
    words = telling(lex.phrase(claim.text)) - lex.attribute_words - lex.function_words
    for placed in source.asserted():
        told = placed.statement
        if placed.limit or not is_finding(placed):
            continue
        if words & told.words or statement.parts & (told.parts | told.near):
            return True
        if statement.own.levels & (told.own.levels | told.clause.levels):
            return True
    return False


# ---------------------------------------------------------------------- small structures and places
class _Structure:
    """The claim puts a finding into a structure that the findings call normal, or into a place they never speak of."""

    name = "structure"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's statements."""
        for statement in claim.statements:
            if statement.normal or statement.polarity not in ("asserted", "possible"):
                continue
            fine = source.fine_parts(statement)
            if fine:
                reason = f"structure: the findings call normal where the claim puts {_name(statement, claim)}"
                return Fault(self.name, "contradicted", reason, sentences_of(fine))
        return self._place(claim, source)

    def _place(self, claim: Claim, source: Source) -> Fault | None:
        lex = lexicon()
        for match in lex.places.find([token.raw for token in lex.tokens(claim.text)]):
            if not source.speaks_of(match.value):
                return Fault(self.name, "unsupported", f"place: the report does not speak of the {match.value}")
        return None


# ---------------------------------------------------------------------- organs and whole examinations called normal
class _Normal:
    """The claim calls normal what the findings report as abnormal."""

    name = "normal"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The first fault among the claim's normal statements."""
        for statement in claim.statements:
            against = normal_fault(statement, claim, source)
            if against:
                what = against[0].sentence.text
                reason = f"normal: the claim calls normal what the findings report: {what}"
                return Fault(self.name, "contradicted", reason, sentences_of(against))
        return None


# ---------------------------------------------------------------------- sex and age
_PERSON = re.compile(r"\b(?:years?|y/?o|male|female|man|woman|boy|girl|lady|gentleman|aged)\b", re.IGNORECASE)


class _Patient:
    """Sex and age differ from the report's, or organs do not go with the sex."""

    name = "patient"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The fault of a claim that names another sex or age than the report."""
        report, known = source.report, patient_from(source.report.clinical_information)
        sex, age = report.sex or known.sex, report.age if report.age is not None else known.age
        if _PERSON.search(claim.text):
            said = patient_from(claim.text)
            pairs = [("sex", said.sex, sex), ("age", said.age, age)]
            wrong = [(what, told, true) for what, told, true in pairs if told is not None and told != true]
            for what, told, true in sorted(wrong, key=lambda fault: fault[2] is None):
                if true is None:
                    return Fault(self.name, "unsupported", f"{what}: the claim says {told}, the report nothing")
                return Fault(self.name, "contradicted", f"{what}: the claim says {told}, the report {true}")
        return self._organ(claim, source, sex) if sex else None

    def _organ(self, claim: Claim, source: Source, sex: str) -> Fault | None:
        lex = lexicon()
        for other, organs in lex.terms["sexes"].items():
            wrong = (
                frozenset(organs) & frozenset(lex.phrase(claim.text)) - source.all_words
                if other != sex
                else frozenset()
            )
            if wrong:
                return Fault(self.name, "contradicted", f"sex: {listed(wrong)} does not go with a {sex} patient")
        return None


# ---------------------------------------------------------------------- bare numbers
_GRADE = re.compile(r"(?:rads|category|grade|type|stage|class|score|bosniak|modic|zone|segment)\s*\Z", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)")


class _Number:
    """A number stands in the claim and nowhere in the report."""

    name = "number"

    def __call__(self, claim: Claim, source: Source) -> Fault | None:
        """The fault of a claim with a number of its own, unless it recommends something."""
        lex, report = lexicon(), source.report
        if next(lex.recommendation.find(lex.phrase(claim.text)), None):
            return None
        found = _NUMBER.finditer(claim.text)
        told = {float(m[0]) for m in found if not _GRADE.search(claim.text[: m.start()])}  # grades conclude
        if _PERSON.search(claim.text):  # an age is the patient check's
            told -= {float(age) for age in [patient_from(claim.text).age] if age is not None}
        if not told:
            return None
        measures = {m.value for m in attributes(lex.tokens(claim.text), claim.text).measures}
        counts = {float(c) for s in claim.statements for c in s.clause.counts}
        text = " ".join(
            (report.findings, report.clinical_information, report.comparison, report.technique, report.exam)
        )
        known = {float(n) for n in re.findall(r"\d+(?:\.\d+)?", text)} | counts
        wrong = {n for n in told - known if n not in measures and n * 10 not in measures}
        if not wrong:
            return None
        return Fault(
            self.name, "unsupported", f"number: {listed(f'{n:g}' for n in wrong)} does not stand in the report"
        )


ALL_CHECKS: tuple[Check, ...] = (
    _Negation(), _Normal(), _Invention(), _Hedge(), _Structure(), *ATTRIBUTE_CHECKS, _Patient(), _Number(),
    PlainCheck(),
)  # fmt: skip
"""Every check, in the order in which they run; pass a part of them to switch the others off."""


def run_checks(claim: Claim, source: Source, checks: Sequence[Check] = ALL_CHECKS) -> list[Fault]:
    """All faults of a claim, contradictions first; what the findings deny they do mention."""
    faults = [fault for check in checks if (fault := check(claim, source))]
    if any(fault.check == "negation" for fault in faults):
        faults = [fault for fault in faults if fault.check != "invention"]
    return sorted(faults, key=lambda fault: fault.label != "contradicted")
