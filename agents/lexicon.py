"""What the critic knows of words: synonyms, cues, findings and organs, read once from `lexicon/*.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, cast

import yaml

from coarse2fine.agents.critique import Significance

__all__ = ["Concept", "Lexicon", "Match", "Organ", "Phrases", "Token", "lay_sentences", "lexicon"]

RANK: Mapping[str, int] = {"incidental": 0, "significant": 1, "critical": 2}
"""Significance in order."""

_TOKEN = re.compile(
    r"x-?rays?(?![a-z])|(?<![a-z\d])[ctls]\d{1,2}(?![\da-z])|\d+(?:\.\d+)?(?:st|nd|rd|th)?|[^\W\d_]+(?:'[^\W\d_]+)?|[^\w\s-]"
)
_BRITISH = tuple(
    (re.compile(old), new)
    for old, new in (("haem", "hem"), ("oedem", "edem"), ("oesoph", "esoph"), ("ischaem", "ischem"), ("anaem", "anem"),
                     ("caec", "cec"), ("paed", "ped"), ("tumour", "tumor"), ("diarrhoe", "diarrhe"),
                     ("isation$", "ization"), ("ised$", "ized"), ("litre", "liter"), ("metre", "meter"),
                     ("fibre", "fiber"), ("centre", "center"), ("gynaec", "gynec"))
)  # fmt: skip
_KEEP_S = ("ss", "us", "is")


class Token(NamedTuple):
    """One word, number or mark of a text: as written in lower case, its canonical form, and where it stands."""

    raw: str
    word: str
    start: int
    end: int


class Match(NamedTuple):
    """A phrase found in tokens: `tokens[start:end]`, and what it stands for."""

    start: int
    end: int
    phrase: tuple[str, ...]
    value: Any


class Phrases:
    """Finds the longest known phrase at each place of a list of words."""

    def __init__(self, phrases: Iterable[tuple[tuple[str, ...], Any]]) -> None:
        self._root: dict[Any, Any] = {}
        for words, value in phrases:
            if not words:
                continue
            node = self._root
            for word in words:
                node = node.setdefault(word, {})
            node[None] = value if None not in node or not isinstance(value, frozenset) else node[None] | value

    def find(self, words: Sequence[str], start: int = 0, end: int | None = None) -> Iterator[Match]:
        """Phrases from left to right; they do not overlap."""
        i, end = start, len(words) if end is None else end
        while i < end:
            found = self._at(words, i, end)
            if found:
                yield found
                i = found.end
            else:
                i += 1

    def _at(self, words: Sequence[str], start: int, end: int) -> Match | None:
        node, found = self._root, None
        for i in range(start, end):
            if words[i] not in node:
                break
            node = node[words[i]]
            if None in node:
                found = Match(start, i + 1, tuple(words[start : i + 1]), node[None])
        return found


class Concept(NamedTuple):
    """A finding.

    Args:
        parents: wider findings, itself among them: who denies one of them denies this one.
        organs: where it lies.
        acute: whether "no acute abnormality" would be false beside it.
        significance: by exam (or modality, in capitals); the key "" holds wherever no other does.
    """

    id: str
    parents: frozenset[str]
    organs: frozenset[str]
    acute: bool
    significance: Mapping[str, Significance]


class Organ(NamedTuple):
    """A part of the body: the findings that calling it normal denies."""

    name: str
    denies: frozenset[str]
    scope: frozenset[str]


_CHRONIC_NAME = re.compile(
    r"chronic|old|degenerat|arthr|stenosis|calcif|cyst|nodule|mass|lesion|tumor|cancer|metasta|hypertroph|prosthes|hardware|"
    r"device|catheter|tube|line|megaly|aneurysm|scoliosis|emphysema|fibro|scar|atroph|hernia|surgery|ectomy|variant|osteo|polyp"
)


class Lexicon:
    """The compiled lexicon.

    Args:
        terms: the content of `terms.yaml`; hand: of `findings.yaml`; known: of `concepts.yaml`; body: of
            `structures.yaml`.
    """

    def __init__(
        self, terms: Mapping[str, Any], hand: Mapping[str, Any], known: Mapping[str, Any], body: Mapping[str, Any]
    ) -> None:
        self.terms, self._hand, self._known, self._body = terms, hand, known, body
        self._plurals: Mapping[str, str] = terms["plurals"]
        self._synonyms: dict[str, str] = {other: word for word, others in terms["words"].items() for other in others}
        self._words: dict[str, str] = {}
        self._read_lately = lru_cache(maxsize=4_096)(self._split)  # a report's sentences are read for every claim
        self.negation = self._cues("not_negation", "negation_before", "negation_after")
        self.possible, self.hypothetical = self._cues("possible"), self._cues("hypothetical")
        self.normal = self._cues("not_normal", "normal")
        self.breaks, self.joiners = self._cues("clause"), self._cues("joiners")
        self.limits, self.recommendation = self._cues("limits"), self._cues("recommendation")
        self.verbs = self.word_set(terms["cues"]["verbs"])
        self.old = self.word_set(terms["old_things"])
        self.function_words = frozenset(terms["function_words"])
        self.generic = self.word_set(terms["generic"])
        self.abnormal = self.word_set(terms["abnormal"])
        self.global_nouns, self.global_adjectives = (
            self.word_set(terms["global_nouns"]),
            self.word_set(terms["global_adjectives"]),
        )
        self.exam_words = self.word_set(terms["exam_words"])
        self.english, self.foreign = frozenset(terms["english"]), frozenset(terms["foreign"])

    def canonical(self, raw: str) -> str:
        """The one form that stands for a word, its plural, its British spelling and its synonyms."""
        known = self._words.get(raw)
        if known is None:
            known = self._words[raw] = self._canonical(raw)
        return known

    def american(self, raw: str) -> str:
        """A word in American spelling, without what follows an apostrophe."""
        word = raw.split("'")[0] or raw
        for pattern, new in _BRITISH:
            word = pattern.sub(new, word)
        return word

    def _canonical(self, raw: str) -> str:
        word = self.american(raw)
        if word in self._synonyms:
            return self._synonyms[word]
        word = self._plurals.get(word) or _singular(word)
        return self._synonyms.get(word, word)

    def tokens(self, text: str) -> list[Token]:
        """Words, numbers and marks; hyphens fall away, "non-displaced" and "x-ray" are one word."""
        return list(self._read_lately(text))

    def _split(self, text: str) -> tuple[Token, ...]:
        found: list[Token] = []
        for match in _TOKEN.finditer(text.lower()):
            raw = match[0].replace("x-ray", "xray")
            if found and found[-1].raw == "non" and raw.isalpha():
                first = found.pop()
                found.append(Token(f"non{raw}", self.canonical(f"non{raw}"), first.start, match.end()))
            else:
                found.append(Token(raw, self.canonical(raw), match.start(), match.end()))
        return tuple(found)

    def phrase(self, text: str) -> tuple[str, ...]:
        """The canonical words of a phrase."""
        return tuple(token.word for token in self.tokens(text))

    def word_set(self, words: Iterable[str]) -> frozenset[str]:
        """Canonical forms of single words, and the words as they are."""
        return frozenset(form for word in words for form in (word, *self.phrase(word)[:1]))

    def _cues(self, *kinds: str) -> Phrases:
        return Phrases((self.phrase(cue), kind) for kind in reversed(kinds) for cue in self.terms["cues"][kind])

    def classes(self, key: str) -> Phrases:
        """Phrases of a table "class: [words]", matched as written, since left and "both" have no synonyms."""
        table: Mapping[str, Sequence[str]] = self.terms[key]
        return Phrases((tuple(t.raw for t in self.tokens(w)), name) for name, ws in table.items() for w in ws)

    @cached_property
    def organs(self) -> Mapping[str, Organ]:
        """Organs by name."""
        return {
            name: Organ(name, frozenset(data["denies"]), self.word_set(data["scope"]))
            for name, data in self.terms["organs"].items()
        }

    @cached_property
    def organ_words(self) -> Phrases:
        """Phrase → the organs that it names."""
        pairs = (
            (self.phrase(w), frozenset([name])) for name, data in self.terms["organs"].items() for w in data["words"]
        )
        return Phrases(pairs)

    @cached_property
    def structures(self) -> Phrases:
        """Phrase → the small parts of the body that it names."""
        single = ((self.phrase(p), frozenset([name])) for name, phrases in self._body["names"].items() for p in phrases)
        groups = ((self.phrase(phrase), frozenset(names)) for phrase, names in self._body["groups"].items())
        return Phrases([*single, *groups])

    @cached_property
    def places(self) -> Phrases:
        """Words as written → the place that they name; `place_words` says what a report must hold for it."""
        return Phrases((tuple(f"{name}{s}".split()), name) for name in self._body["places"] for s in ("", "s"))

    @cached_property
    def place_words(self) -> Mapping[str, re.Pattern[str]]:
        """Place → a pattern for the words by which a report speaks of it."""
        return {
            name: re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, words))})")
            for name, words in self._body["places"].items()
        }

    @cached_property
    def scope_words(self) -> Mapping[str, frozenset[str]]:
        """Word → the organs that "no acute ... abnormality" speaks of when it holds this word."""
        scopes: dict[str, set[str]] = {}
        for name, organ in self.organs.items():
            for word in organ.scope:
                scopes.setdefault(word, set()).add(name)
        return {word: frozenset(names) for word, names in scopes.items()}

    def _named_by_hand(self) -> list[tuple[tuple[str, ...], frozenset[str]]]:
        return [(self.phrase(n), frozenset([i])) for i, data in self._hand.items() for n in data["names"]]

    @cached_property
    def hand_names(self) -> Phrases:
        """Names of findings by hand → their ids."""
        return Phrases(self._named_by_hand())

    @cached_property
    def names(self) -> Phrases:
        """Names of findings → ids of all the concepts that carry them."""
        hand = self._named_by_hand()
        known = [(self.phrase(n), frozenset([f"kb:{i}"])) for i, data in self._known.items() for n in data["names"]]
        known = [pair for pair in known if self._says_something(pair[0])]
        spoken = {name for name, _ in (*hand, *known)}
        return Phrases([*hand, *((self._bare(name, spoken), ids) for name, ids in known)])

    def _bare(self, name: tuple[str, ...], spoken: set[tuple[str, ...]]) -> tuple[str, ...]:
        """A name without the adjectives before it ("large pleural effusion") where the rest is a name itself."""
        while len(name) > 1 and name[0] in self._adjectives and name[1:] in spoken:
            name = name[1:]
        return name

    @cached_property
    def attribute_words(self) -> frozenset[str]:
        """All words of sides, severity, zones, changes, acuity and counts."""
        tables = (self.terms[key] for key in ("sides", "severity", "zones", "changes", "acuity"))
        words = (
            part for table in tables for phrases in table.values() for phrase in phrases for part in phrase.split()
        )
        return self.word_set([*words, *self.terms["counts"], *self.terms["many"], *self.terms["units"]])

    @cached_property
    def _adjectives(self) -> frozenset[str]:
        severity = (word for words in self.terms["severity"].values() for word in words)
        zones = (word for words in self.terms["zones"].values() for word in words)
        return self.generic | self.word_set([*severity, *zones, *self.terms["adjectives"]])

    def _says_something(self, name: tuple[str, ...]) -> bool:
        """Whether a name of the knowledge base names a finding, unlike "aorta" or "acute bone abnormality"."""
        empty = (
            self.generic
            | self.global_nouns
            | self.global_adjectives
            | self.scope_words.keys()
            | self.word_set(self.terms["anatomy"])
        )
        parts = (*self.organ_words.find(name), *self.structures.find(name))
        organs = {i for match in parts for i in range(match.start, match.end)}
        return any(i not in organs and word not in empty for i, word in enumerate(name))

    @cached_property
    def needs(self) -> tuple[tuple[str, tuple[Phrases, ...]], ...]:
        """Findings that are said in pieces: id, and one set of phrases a piece."""
        return tuple(
            (key, tuple(Phrases((self.phrase(p), True) for p in piece) for piece in data["needs"]))
            for key, data in self._hand.items()
            if "needs" in data
        )

    @cached_property
    def signs(self) -> Mapping[str, Phrases]:
        """Id → what the finding may be concluded from."""
        told = ((key, data["signs"]) for key, data in self._hand.items() if "signs" in data)
        return {key: Phrases((self.phrase(p), True) for p in phrases) for key, phrases in told}

    @cached_property
    def concepts(self) -> Mapping[str, Concept]:
        """All findings by id; those of the knowledge base begin with "kb:"."""
        found = {key: self._hand_concept(key, data) for key, data in self._hand.items()}
        return found | {f"kb:{key}": self._known_concept(f"kb:{key}", data) for key, data in self._known.items()}

    def _hand_concept(self, key: str, data: Mapping[str, Any]) -> Concept:
        parents = {key, *data.get("parents", ())}
        organs = {name for name, organ in self.organs.items() if organ.denies & parents}
        significance = cast(Significance, data["significance"])
        return Concept(key, frozenset(parents), frozenset(organs), data.get("acute") != "false", {"": significance})

    def _known_concept(self, key: str, data: Mapping[str, Any]) -> Concept:
        organs = {name for region in data["regions"] for name in self._regions.get(region, ())}
        acute = not any(_CHRONIC_NAME.search(name) for name in data["names"][:1])
        return Concept(key, frozenset([key]), frozenset(organs), acute, data["significance"])

    @cached_property
    def _regions(self) -> Mapping[str, tuple[str, ...]]:
        regions: dict[str, tuple[str, ...]] = {}
        for name, data in self.terms["organs"].items():
            for region in data["regions"]:
                regions[region] = (*regions.get(region, ()), name)
        return regions

    def significance(
        self, ids: Iterable[str], exam: str = "", organs: frozenset[str] = frozenset(), name: Sequence[str] = ()
    ) -> Significance:
        """How much a name matters: the highest of the findings by hand that carry it, else the knowledge base's.

        A name that many findings share ("cyst") matters as much as the middle one of those in the same organs. Where
        the knowledge base knows the name from other examinations only, a finding by hand counts that stands within it:
        on a chest radiograph "multilevel degenerative changes" are degenerative changes.

        Args:
            ids: the findings that carry the name.
            exam: the examination's identifier or its modality in capitals; "" where it is not known.
            organs: where the finding lies, as far as its sentence says.
            name: the name's words.
        """
        ids = list(ids)
        chosen = [i for i in ids if not i.startswith("kb:")]
        if exam and not chosen and not any(exam in self.concepts[i].significance for i in ids if i in self.concepts):
            inside = (m.value for m in self.hand_names.find(name))
            chosen = [i for found in inside for i in sorted(found)]
        known = [i for i in chosen or ids if i in self.concepts]
        if exam and not chosen:
            known = [i for i in known if exam in self.concepts[i].significance] or known
        if organs and not chosen:
            known = [i for i in known if self.concepts[i].organs & organs] or known
        ranked = sorted((_for_exam(self.concepts[i].significance, exam) for i in known), key=RANK.__getitem__)
        if not ranked:
            return "significant"
        return ranked[-1] if chosen or len(ranked) < 3 else ranked[(len(ranked) - 1) // 2]


def _for_exam(significance: Mapping[str, Significance], exam: str) -> Significance:
    words = exam.split()
    for key in (exam, *words):
        if key in significance:
            return significance[key]
    levels = sorted(significance.values(), key=RANK.__getitem__)
    return significance.get("") or levels[(len(levels) - 1) // 2]


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(_KEEP_S):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def _read(name: Literal["terms", "findings", "concepts", "structures", "lay"]) -> dict[str, Any]:
    text = (files("coarse2fine.agents") / "lexicon" / f"{name}.yaml").read_text("utf-8")
    # every scalar stays text: "no" is a word here, not a truth value
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return cast(dict[str, Any], yaml.load(text, Loader=loader) or {})


@cache
def lay_sentences() -> Mapping[str, Sequence[str]]:
    """What a patient is told of a finding, by its id; "{side}" stands for the side."""
    return _read("lay")


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships with the package."""
    return Lexicon(_read("terms"), _read("findings"), _read("concepts"), _read("structures"))
