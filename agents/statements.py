"""What a sentence states: findings with their polarity and attributes, and organs called normal.

Negation follows NegEx and ConText (Chapman 2001, Harkema 2009): cues before and after, pseudo-cues, terminators.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from coarse2fine.agents.attributes import Attributes, attributes
from coarse2fine.agents.lexicon import Lexicon, Token, lexicon

__all__ = ["Polarity", "Statement", "parse", "split_parts"]

Polarity = Literal["asserted", "possible", "denied", "hypothetical"]

FUNCTION_WORDS = frozenset(
    "a an the of in on at to is are was were be been being and or nor but with without no not there this that these those it its for from by as "
    "than then so such which who into over under through along about up down out off per via very more most less least do does did has have "
    "had may might can could will would should must if when while because due both either neither also just only still i we you your our they "
    "them their he she his her me my s t x".split()
)


class Statement(NamedTuple):
    """One thing that a sentence states.

    Args:
        start, end: the words that name it, in the sentence.
        name: canonical words of the finding's name; empty for a statement about normal organs or without a known finding.
        concepts: ids of the findings that carry this name.
        words: all content words of its part of the sentence, in canonical form.
        own: attributes in its own part of the sentence; clause: those of the whole clause.
        organs: for a normal statement, what it calls normal; "*" is the whole examination. Else organs named beside it.
        normal: it says that something is normal, or denies abnormalities altogether.
        acute_only: a normal statement that only speaks of what is acute.
        rest: what "otherwise" or "other" leaves out of a normal statement.
    """

    start: int
    end: int
    name: tuple[str, ...]
    concepts: frozenset[str]
    polarity: Polarity
    words: frozenset[str]
    own: Attributes
    clause: Attributes
    organs: frozenset[str]
    normal: bool = False
    acute_only: bool = False
    rest: bool = False
    old: bool = False


class _Piece(NamedTuple):
    start: int
    end: int


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[Statement, ...]:
    """Statements of one sentence, in order."""
    reader = _Reader(text, lexicon())
    return tuple(statement for clause in reader.clauses() for statement in reader.statements(clause))


def split_parts(text: str) -> list[str]:
    """The parts of a sentence that evidence is looked for one by one: coordinated findings and clauses."""
    reader = _Reader(text, lexicon())
    tokens = reader.tokens
    pieces = [piece for clause in reader.clauses() for piece in reader.segments(clause, [m[:2] for m in reader.mentions(clause)])]
    parts = [text[tokens[p.start].start : tokens[p.end - 1].end].strip(" ,;.") for p in pieces if reader.content(p)]
    return parts or [text]


class _Reader:
    """Reads one sentence."""

    def __init__(self, text: str, lex: Lexicon) -> None:
        self.text, self.lex = text, lex
        self.tokens: list[Token] = lex.tokens(text)
        self.words = [t.word for t in self.tokens]
        self.cues = list(lex.negation.find(self.words))
        covered = {i for cue in self.cues for i in range(cue.start, cue.end)}
        self.normals = self._normal_words(covered)
        self.breaks = {m.start: m.end for m in lex.breaks.find(self.words) if m.start not in covered}
        self.joins = {m.start: m.end for m in lex.joiners.find(self.words) if not self._is_level_slash(m.start)}
        self.verbs = {i for i, t in enumerate(self.tokens) if t.raw in lex.verbs}

    def _is_level_slash(self, at: int) -> bool:
        return self.words[at] == "/" and at + 1 < len(self.words) and self.words[at + 1][-1].isdigit()

    def _normal_words(self, covered: set[int]) -> set[int]:
        found: set[int] = set()
        for match in self.lex.normal.find(self.words):
            if match.value == "normal" and match.start not in covered:
                found.add(match.start)
        return found

    # ------------------------------------------------------------------ clauses
    def clauses(self) -> Iterator[_Piece]:
        """Clauses: cut at stops, at words like "but", and where a comma or "and" joins two clauses with verbs."""
        start, i = 0, 0
        while i < len(self.tokens):
            if i > start and (i in self.breaks or (i in self.joins and self._joins_clauses(start, i))):
                yield _Piece(start, i)
                start = i
            i += 1
        if start < len(self.tokens):
            yield _Piece(start, len(self.tokens))

    def _joins_clauses(self, start: int, at: int) -> bool:
        if self.words[at] not in (",", "and"):
            return False
        end = next((j for j in range(at + 1, len(self.words)) if j in self.breaks or self.words[j] == ","), len(self.words))
        return self._has_predicate(start, at) and self._has_predicate(at + 1, end, subject=True)

    def _has_predicate(self, start: int, end: int, subject: bool = False) -> bool:
        """Whether a verb or a word like "clear" stands here; after a subject of its own, where one is asked for."""
        places = [i for i in range(start, end) if i in self.verbs or i in self.normals]
        if not places:
            return False
        if not subject:
            return True
        first = places[0]
        return first > start or (first in self.normals and any(w not in FUNCTION_WORDS for w in self.words[first + 1 : end]))

    # ------------------------------------------------------------------ findings in a clause
    def mentions(self, clause: _Piece) -> list[tuple[int, int, tuple[str, ...], frozenset[str]]]:
        """Findings named in a clause: (first token, last token + 1, name, concept ids)."""
        found = [(m.start, m.end, m.phrase, m.value) for m in self.lex.names.find(self.words, *clause)]
        for concept, pieces in self.lex.needs:
            hits = [next(piece.find(self.words, *clause), None) for piece in pieces]
            if all(hits) and not any(concept in ids for *_, ids in found):
                last = max((hit for hit in hits if hit), key=lambda hit: hit.start)
                found = [f for f in found if not (f[0] < last.end and last.start < f[1] and len(f[2]) <= len(last.phrase))]
                name = tuple(w for hit in sorted(h for h in hits if h) for w in hit.phrase)
                found.append((last.start, last.end, name, frozenset([concept])))
        return sorted(found)

    def segments(self, clause: _Piece, spans: Sequence[tuple[int, ...]]) -> list[_Piece]:
        """Cut a clause at commas, "and", "with": a part without a finding joins the finding before it, else the next."""
        cuts = [i for i in range(clause.start, clause.end) if i in self.joins and not any(a < i < b for a, b in spans)]
        bounds = [clause.start, *cuts, clause.end]
        raw = [_Piece(a, b) for a, b in zip(bounds, bounds[1:], strict=False) if b > a]
        merged: list[_Piece] = []
        for piece in raw:
            full = any(piece.start <= a < piece.end for a, _ in spans)
            if merged and not (full and any(merged[-1].start <= a < merged[-1].end for a, _ in spans)):
                merged[-1] = _Piece(merged[-1].start, piece.end)
            else:
                merged.append(piece)
        return merged

    # ------------------------------------------------------------------ polarity
    def polarities(self, clause: _Piece) -> list[Polarity]:
        """The polarity of every token of a clause."""
        state: Polarity = "asserted"
        marks: list[Polarity] = ["asserted"] * (clause.end - clause.start)
        cues = {cue.start: cue for cue in self.cues if clause.start <= cue.start < clause.end}
        unsure = {m.start for m in self.lex.possible.find(self.words, *clause)}
        doubted = {m.start for m in self.lex.hypothetical.find(self.words, *clause)}
        i = clause.start
        while i < clause.end:
            cue = cues.get(i)
            if state == "denied" and i in self.joins and self._ends_negation(i, clause.end):
                state = "asserted"
            if i in unsure and state == "asserted":
                state = "possible"
            if i in doubted and state != "denied":
                state = "hypothetical"
            if cue is None or cue.value == "not_negation":
                stop = cue.end if cue else i + 1
                if cue and i in unsure:
                    marks = [("possible" if m == "asserted" else m) for m in marks]
            else:
                stop = cue.end
                if cue.value == "negation_before":
                    state = "denied"
                else:
                    marks[: i - clause.start] = ["denied"] * (i - clause.start)
            for j in range(i, min(stop, clause.end)):
                marks[j - clause.start] = state
            i = stop
        return marks

    def _ends_negation(self, at: int, end: int) -> bool:
        """Whether "no effusion, small nodule" stops denying at this comma: something with a side, size or article follows."""
        if self.words[at] in ("or", "nor", "and or", "/"):
            return False
        begin = self.joins[at]
        if begin >= end or any(w in ("or", "nor") for w in self.words[begin:end]):
            return False
        following = self.tokens[begin]
        terms = self.lex.terms
        adjectives = {w for words in terms["severity"].values() for w in words} | {"left", "right", "bilateral", "the", "a", "an", "there", "stable", "unchanged", "new"}
        return following.raw in adjectives or following.start >= 0 and begin in self.normals

    # ------------------------------------------------------------------ statements
    def statements(self, clause: _Piece) -> Iterator[Statement]:
        """What one clause states."""
        found = self.mentions(clause)
        spans = [m[:2] for m in found]
        marks = self.polarities(clause)
        whole = attributes(self.tokens[clause.start : clause.end], self.text)
        for piece in self.segments(clause, spans):
            inside = [m for m in found if piece.start <= m[0] < piece.end]
            own = attributes(self.tokens[piece.start : piece.end], self.text)
            for first, last, name, ids in inside:
                polarity = marks[first - clause.start]
                yield self._statement(piece, first, last, name, ids, polarity, own, whole)
        normal = list(self._normal_statements(clause, found, marks, whole))
        yield from normal
        if not found and not normal and self.content(clause) - self.lex.generic:
            last = max((i for i in range(*clause) if self.words[i][0].isalnum()), default=clause.start)
            yield self._statement(clause, clause.start, last + 1, (), frozenset(), marks[last - clause.start], whole, whole)

    def _statement(
        self, piece: _Piece, first: int, last: int, name: tuple[str, ...], ids: frozenset[str], polarity: Polarity, own: Attributes,
        whole: Attributes,
    ) -> Statement:  # fmt: skip
        words = self.content(piece)
        old = any(t.raw in self.lex.old or t.word in self.lex.old for t in self.tokens[piece.start : piece.end])
        organs = self._organs(piece.start, piece.end)
        span = self.tokens[first].start, self.tokens[last - 1].end
        return Statement(*span, name, ids, polarity, words, own, whole, organs, old=old)

    def content(self, piece: _Piece) -> frozenset[str]:
        """Content words of a run of tokens."""
        return frozenset(t.word for t in self.tokens[piece.start : piece.end] if t.raw not in FUNCTION_WORDS and t.word[0].isalnum())

    def _organs(self, start: int, end: int) -> frozenset[str]:
        return frozenset(o for m in self.lex.organ_words.find(self.words, start, end) for o in m.value)

    def _normal_statements(
        self, clause: _Piece, found: Sequence[tuple[int, int, tuple[str, ...], frozenset[str]]], marks: Sequence[Polarity], whole: Attributes
    ) -> Iterator[Statement]:
        words, lex = self.content(clause), self.lex
        named = {i for a, b, *_ in found for i in range(a, b)}
        rest = bool({"otherwise", "other", "additional", "else", "remaining", "remainder"} & {t.raw for t in self.tokens})
        organs = self._organs(*clause)
        denied = [i for i in range(*clause) if marks[i - clause.start] == "denied" and i not in named]
        nouns = [i for i in denied if self.words[i] in lex.global_nouns]
        normal = [i for i in range(*clause) if i in self.normals and marks[i - clause.start] != "denied"]
        if nouns:
            yield from self._global(clause, nouns[0], marks, whole, rest)
        elif normal:
            scope = organs or self._whole_exam(words)
            if scope:
                at = self.tokens[normal[0]]
                yield Statement(at.start, at.end, (), frozenset(), "denied", words, whole, whole, scope, True, False, rest)

    def _whole_exam(self, words: frozenset[str]) -> frozenset[str]:
        spoken = words - self.lex.generic - {"normal", "unremarkable", "negative", "clear", "otherwise"}
        return frozenset(["*"]) if not spoken - self.lex.exam_words - self.lex.global_adjectives else frozenset()

    def _global(self, clause: _Piece, noun: int, marks: Sequence[Polarity], whole: Attributes, rest: bool) -> Iterator[Statement]:
        """ "No acute cardiopulmonary abnormality": which organs it speaks of, unless it says more than that."""
        lex = self.lex
        inside = [t for i, t in enumerate(self.tokens) if clause.start <= i < clause.end and marks[i - clause.start] == "denied"]
        words = {t.word for t in inside if t.word[0].isalnum() and t.raw not in FUNCTION_WORDS}
        scope = frozenset(o for word in words for o in lex.scope_words.get(word, ())) | self._organs(*clause)
        spoken = words - lex.global_nouns - lex.global_adjectives - lex.generic - set(lex.scope_words) - lex.exam_words
        if any(not self._organs_of(word) for word in spoken):
            return
        acute = bool({"acute", "active", "acutely", "new", "significant"} & {t.raw for t in inside})
        at = self.tokens[noun]
        wide = scope or frozenset(["*"])
        yield Statement(at.start, at.end, (), frozenset(), "denied", frozenset(words), whole, whole, wide, True, acute, rest)

    def _organs_of(self, word: str) -> bool:
        return any(True for _ in self.lex.organ_words.find([word]))
