"""A style card: how one radiologist writes impressions, short and readable, learnt from reports, edited by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from langgraph.store.base import BaseStore
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coarse2fine.agents.radiologists import Shelf
from coarse2fine.agents.style_words import Detail, Incidentals, Layout, Negatives, Order, Wording, style_words
from coarse2fine.reports import InputError

__all__ = ["NormalPhrase", "Phrasing", "StyleCard", "StyleCards"]

_SHOWN = 3
_LAYOUTS: dict[Layout, str] = {
    "prose": "plain sentences in one paragraph",
    "numbered": "a numbered list",
    "dashes": "a list with a dash before each line",
}
_DETAILS: dict[Detail, str] = {
    "terse": "only side and level beside each finding",
    "plain": "the details that matter beside each finding",
    "detailed": "each finding with all its details",
}
_ORDERS: dict[Order, str] = {"importance": "the most important finding first", "report": "in the order of the findings"}
_NEGATIVES: dict[Negatives, str] = {
    "none": "no pertinent negatives beside findings",
    "first": "pertinent negatives first",
    "last": "pertinent negatives last",
}
_INCIDENTALS: dict[Incidentals, str] = {
    "drop": "incidental findings are left out",
    "some": "some incidental findings are named",
    "all": "incidental findings are named",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NormalPhrase(_Strict):
    """The usual impression of a normal examination; `share` of that examination's normal impressions, 0 to 1."""

    text: str
    share: float = Field(ge=0, le=1)


class Phrasing(_Strict):
    """What the findings call one thing and the impression another, and in how many reports."""

    findings: str
    impression: str
    reports: int = Field(ge=1)


class StyleCard(_Strict):
    """One radiologist's habits. Phrases stand on it only where several reports have them: it tells of no patient.

    Args:
        layout, detail, order, negatives, incidentals: the form; see `text`.
        wording: whether the same thing is mostly said in the same words ("usual") or not ("varied").
        verbatim: whether sentences of the findings are mostly taken over as they stand.
        closing: the sentence that usually ends an impression with findings, "" for none.
        typical_words, typical_sentences: of an impression (median); 0 where nothing is known.
        capitals: how letters are set: as in sentences, all capitals, or none.
        full_stops: whether sentences end with a full stop.
        normal: examination → its usual normal impression; the key "" stands for reports that name none.
        phrasings: from findings to impression, the most frequent first.
        remarks: what else should be known, in the radiologist's own words.
        learnt_from: reports; edited: whether a person changed it since.
    """

    layout: Layout = "numbered"
    detail: Detail = "plain"
    order: Order = "importance"
    negatives: Negatives = "none"
    incidentals: Incidentals = "drop"
    wording: Wording = "usual"
    verbatim: bool = False
    closing: str = ""
    typical_words: int = Field(default=0, ge=0)
    typical_sentences: int = Field(default=0, ge=0)
    capitals: str = Field(default="sentence", pattern="^(sentence|all|none)$")
    full_stops: bool = True
    normal: dict[str, NormalPhrase] = {}
    phrasings: tuple[Phrasing, ...] = ()
    remarks: str = ""
    learnt_from: int = Field(default=0, ge=0)
    edited: bool = False

    def words(self) -> str:
        """The style in the vocabulary of the embedded models: "numbered plain importance negatives none …"."""
        return style_words(
            self.layout,
            self.detail,
            self.order,
            self.negatives,
            self.incidentals,
            self.wording,
            closing=bool(self.closing),
            verbatim=self.verbatim,
        )

    def form(self) -> str:
        """The form in a few words of English, as an instruct model is asked for it."""
        return f"{_LAYOUTS[self.layout]}, {_ORDERS[self.order]}, {_NEGATIVES[self.negatives]}"

    def text(self) -> str:
        """The whole card as the radiologist and an instruct model read it, one habit a line."""
        return "\n".join(f"- {line}" for line in self._lines())

    def to_yaml(self) -> str:
        """The card as it is edited."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)

    def edited_as(self, text: str) -> StyleCard:
        """The card as an edit of `to_yaml` leaves it; fields that are gone have their defaults.

        Raises:
            InputError: it is no YAML, or a field cannot be; names it.
        """
        try:
            document: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"the style card is no YAML: {' '.join(str(error).split())}") from error
        if not isinstance(document, dict):
            raise InputError("the style card must be a list of fields such as 'layout: numbered'")
        card = _card_of(document)
        changed = card.model_copy(update={"edited": self.edited}) != self
        return card.model_copy(update={"edited": self.edited or changed})

    def _lines(self) -> Iterator[str]:
        yield f"Layout: {_LAYOUTS[self.layout]}, {_ORDERS[self.order]}."
        if self.typical_words:
            yield f"Length: usually about {_count(self.typical_words, 'word')} in " + (
                f"{_count(self.typical_sentences, 'sentence')}."
            )
        yield f"Detail: {_DETAILS[self.detail]}."
        yield f"Negatives: {_NEGATIVES[self.negatives]}; {_INCIDENTALS[self.incidentals]}."
        if self.closing:
            yield f"Closing: “{self.closing}”"
        if self.verbatim:
            yield "Wording: mostly the findings' own sentences."
        if self.capitals != "sentence":
            yield "Letters: all capitals." if self.capitals == "all" else "Letters: sentences begin without a capital."
        if not self.full_stops:
            yield "Stops: no full stop at the end."
        for text, exams in self._normal_by_text().items():
            named = ", ".join(f"{exam or 'examination'} {self.normal[exam].share:.0%}" for exam in exams[:_SHOWN])
            yield f"Normal: “{text}” ({named}{' …' * (len(exams) > _SHOWN)})."
        for phrasing in self.phrasings:
            yield f"Says “{phrasing.impression}” where the findings say “{phrasing.findings}”."
        if self.remarks.strip():
            yield " ".join(self.remarks.split())

    def _normal_by_text(self) -> dict[str, list[str]]:
        exams: dict[str, list[str]] = {}
        for exam, phrase in self.normal.items():
            exams.setdefault(phrase.text, []).append(exam)
        return exams


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _card_of(document: dict[str, Any]) -> StyleCard:
    try:
        return StyleCard.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"the style card, {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


class StyleCards:
    """The cards of radiologists in a store; a radiologist's is found for that radiologist only.

    Args:
        store: any LangGraph store.

    Each method raises InputError where the id is unusable or the store fails.
    """

    def __init__(self, store: BaseStore) -> None:
        self._shelf = Shelf(store, "style")

    def get(self, radiologist: str) -> StyleCard | None:
        """A radiologist's card, if there is one."""
        item = self._shelf.get(radiologist, "card")
        return None if item is None else _card_of(item.value)

    def put(self, radiologist: str, card: StyleCard) -> None:
        """Keep a card in place of an older one."""
        self._shelf.put(radiologist, {"card": card.model_dump(mode="json")}, searched=False)

    def forget(self, radiologist: str) -> bool:
        """Delete a radiologist's card for good; whether there was one."""
        there = self._shelf.get(radiologist, "card") is not None
        self._shelf.delete(radiologist, ["card"] * there)
        return there

    def radiologists(self) -> list[str]:
        """Who has a card."""
        return [radiologist for radiologist in self._shelf.radiologists() if self.get(radiologist) is not None]
