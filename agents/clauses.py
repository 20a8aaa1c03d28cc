"""How a sentence is cut: clauses, the findings that each names, their coordinated parts, and what is denied of them.

Negation follows NegEx and ConText (Chapman 2001, Harkema 2009): cues before and after, pseudo-cues, terminators.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from coarse2fine.agents.attributes import attributes
from coarse2fine.agents.lexicon import Lexicon, Match, Token, lexicon

__all__ = ["Clauses", "Marked", "Mention", "Piece", "Polarity", "marked"]

Polarity = Literal["asserted", "possible", "denied", "hypothetical"]

_OPENERS = frozenset(["left", "right", "bilateral", "the", "a", "an", "there", "stable", "unchanged", "new"])
_REST = frozenset(["otherwise", "other", "additional", "else", "remaining", "remainder"])


class Piece(NamedTuple):
    """A run of tokens."""

    start: int
    end: int


class Mention(NamedTuple):
    """A finding named in tokens, in canonical words, and the ids of the findings that carry this name."""

    start: int
    end: int
    name: tuple[str, ...]
    concepts: frozenset[str]


class Marked(NamedTuple):
    """A token as its sentence means it.

    Args:
        clause: number of its clause; fine: whether that clause calls something normal.
        joins: whether it joins two parts.
    """

    token: Token
    polarity: Polarity
    clause: int
    fine: bool
    joins: bool


def marked(text: str) -> Iterator[Marked]:
    """Every token of one sentence, in order."""
    reader = Clauses(text, lexicon())
    for number, clause in enumerate(reader.clauses()):
        fine = any(i in reader.normals for i in range(*clause))
        for i, polarity in zip(range(*clause), reader.polarities(clause), strict=True):
            yield Marked(reader.tokens[i], polarity, number, fine, i in reader.joins)


class Clauses:
    """One sentence in clauses and parts.

    Args:
        text: the sentence.
        lex: the words to read it by.
    """

    def __init__(self, text: str, lex: Lexicon) -> None:
        self.text, self.lex = text, lex
        self.tokens: list[Token] = lex.tokens(text)
        self.words = [t.word for t in self.tokens]
        self.cues = sorted([*lex.negation.find(self.words), *self._clear_without_of()])
        covered = {i for cue in self.cues for i in range(cue.start, cue.end)}
        self.normals = self._normal_words(covered)
        self.breaks = {m.start: m.end for m in lex.breaks.find(self.words) if m.start not in covered}
        self.joins = {m.start: m.end for m in lex.joiners.find(self.words) if not self._is_level_slash(m.start)}
        self.rest = bool(_REST & {t.raw for t in self.tokens})
        self.verbs = {i for i, t in enumerate(self.tokens) if t.raw in lex.verbs}

    def _clear_without_of(self) -> Iterator[Match]:
        """ "Lungs are clear airspace disease": a lost "of"."""
        for i, word in enumerate(self.words):
            if word != "clear" or "lung" not in self.words[:i]:
                continue
            named = next(self.lex.names.find(self.words, i + 1), None)
            if named and all(w in self.lex.generic for w in self.words[i + 1 : named.start]):
                yield Match(i, i + 1, ("clear",), "negation_before")

    def _is_level_slash(self, at: int) -> bool:
        return self.words[at] == "/" and at + 1 < len(self.words) and self.words[at + 1][-1].isdigit()

    def _normal_words(self, covered: set[int]) -> set[int]:
        found: set[int] = set()
        for match in self.lex.normal.find(self.words):
            if match.value == "normal" and match.start not in covered:
                found.add(match.start)
        return found

    # ------------------------------------------------------------------ clauses
    def clauses(self) -> Iterator[Piece]:
        """Clauses: cut at stops, at words like "but", and where a comma or "and" joins two clauses with verbs."""
        start, i = 0, 0
        while i < len(self.tokens):
            if i > start and (
                (i in self.breaks and self._breaks_here(start, i))
                or (i in self.joins and self._joins_clauses(start, i))
            ):
                yield Piece(start, i)
                start = i
            i += 1
        if start < len(self.tokens):
            yield Piece(start, len(self.tokens))

    def _breaks_here(self, start: int, at: int) -> bool:
        """ "Along the right convexity there is a collection" is one clause."""
        return (
            self.words[at] != "there"
            or self._has_predicate(start, at)
            or any(True for _ in self.lex.names.find(self.words, start, at))
        )

    def _joins_clauses(self, start: int, at: int) -> bool:
        if self.words[at] not in (",", "and"):
            return False
        end = next(
            (j for j in range(at + 1, len(self.words)) if j in self.breaks or self.words[j] == ","), len(self.words)
        )
        return self._has_predicate(start, at) and self._has_predicate(at + 1, end, subject=True)

    def _has_predicate(self, start: int, end: int, subject: bool = False) -> bool:
        """Whether a verb or a word like "clear" stands here; after a subject of its own, where one is asked for."""
        places = [i for i in range(start, end) if i in self.verbs or i in self.normals]
        if not places:
            return False
        if not subject:
            return True
        first = places[0]
        return first > start or (
            first in self.normals and any(w not in self.lex.function_words for w in self.words[first + 1 : end])
        )

    # ------------------------------------------------------------------ findings in a clause
    def mentions(self, clause: Piece) -> list[Mention]:
        """Findings named in a clause."""
        fine = [m for m in self.lex.normal.find(self.words, *clause) if m.value == "normal" and m.end - m.start > 1]
        found = [
            Mention(*m)
            for m in self.lex.names.find(self.words, *clause)
            if not any(f.start <= m.start and m.end <= f.end for f in fine)  # "adequate opacification of the arteries"
        ]
        if len(found) > 1 and self.words[found[0].end : found[0].end + 1] == [":"]:  # "Effusion: No joint effusion."
            found = found[1:]
        for concept, pieces in self.lex.needs:
            hits = [next(piece.find(self.words, *clause), None) for piece in pieces]
            if all(hits) and not any(concept in m.concepts for m in found):
                last = max((hit for hit in hits if hit), key=lambda hit: hit.start)
                found = [
                    m
                    for m in found
                    if not (m.start < last.end and last.start < m.end and len(m.name) <= len(last.phrase))
                ]
                name = tuple(w for hit in sorted(h for h in hits if h) for w in hit.phrase)
                found.append(Mention(last.start, last.end, name, frozenset([concept])))
        return sorted(found)

    def segments(self, clause: Piece, found: Sequence[Mention]) -> list[Piece]:
        """Cut a clause at commas, "and", "with": a part without a finding joins the one before it, else the next."""
        cuts = [
            i
            for i in range(clause.start, clause.end)
            if i in self.joins and not any(m.start < i < m.end for m in found)
        ]
        bounds = [clause.start, *cuts, clause.end]
        raw = [Piece(a, b) for a, b in pairwise(bounds) if b > a]
        merged: list[Piece] = []
        for piece in raw:
            full = any(piece.start <= m.start < piece.end for m in found)
            if merged and self._stands_alone(piece, full):
                merged.append(piece)
            elif merged and not (full and any(merged[-1].start <= m.start < merged[-1].end for m in found)):
                merged[-1] = Piece(merged[-1].start, piece.end)
            else:
                merged.append(piece)
        return merged

    def _stands_alone(self, piece: Piece, named: bool) -> bool:
        """Whether a part without a known finding is a thing of its own: "and a left scalp wound"."""
        if named:
            return False
        organs = {i for m in self.lex.organ_words.find(self.words, *piece) for i in range(m.start, m.end)}
        own = {
            t.word
            for i, t in enumerate(self.tokens[piece.start : piece.end], piece.start)
            if i not in organs and t.raw[0].isalpha()
        }
        graded = attributes(self.tokens[piece.start : piece.end], self.text)
        return bool(graded.sides and own - self.lex.generic - self.lex.attribute_words - self.lex.function_words)

    # ------------------------------------------------------------------ polarity
    def polarities(self, clause: Piece) -> list[Polarity]:
        """The polarity of every token of a clause."""
        state: Polarity = "asserted"
        marks: list[Polarity] = ["asserted"] * (clause.end - clause.start)
        cues = {cue.start: cue for cue in self.cues if clause.start <= cue.start < clause.end}
        unsure = {m.start for m in self.lex.possible.find(self.words, *clause)}
        doubted = {m.start for m in self.lex.hypothetical.find(self.words, *clause)}
        i = clause.start
        while i < clause.end:
            cue = cues.get(i)
            if self.tokens[i].raw == "no" and i == clause.end - 1:  # "Effusion: no"
                marks = ["denied"] * len(marks)
            if state == "denied" and i in self.joins and self._ends_negation(i, clause.end):
                state = "asserted"
            if i in unsure and state == "asserted":
                state = "possible"
                if i > clause.start and self.tokens[i - 1].raw in ("is", "are"):  # "cancer is likely in the left lobe"
                    marks = ["possible" if m == "asserted" else m for m in marks]
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
        if next(self.lex.recommendation.find(self.words, *clause), None):
            marks = ["denied" if m == "denied" else "hypothetical" for m in marks]
        return marks

    def _ends_negation(self, at: int, end: int) -> bool:
        """Whether "no effusion, small nodule" stops denying at this comma: a side, size or article follows."""
        if self.words[at] not in (",", "and", "with"):
            return False
        begin = self.joins[at]
        if begin >= end or any(w in ("or", "nor") for w in self.words[begin:end]):
            return False
        following = self.tokens[begin]
        terms = self.lex.terms
        adjectives = {w for words in terms["severity"].values() for w in words} | _OPENERS
        return following.raw in adjectives or begin in self.normals
