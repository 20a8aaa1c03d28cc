"""What a sentence states: findings with their polarity and attributes, and organs called normal.

Negation follows NegEx and ConText (Chapman 2001, Harkema 2009): cues before and after, pseudo-cues, terminators.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from coarse2fine.agents.attributes import Attributes, attributes
from coarse2fine.agents.lexicon import Lexicon, Match, Token, lexicon

__all__ = ["Marked", "Polarity", "Statement", "marked", "parse", "split_parts"]

Polarity = Literal["asserted", "possible", "denied", "hypothetical"]


_OPENERS = frozenset(["left", "right", "bilateral", "the", "a", "an", "there", "stable", "unchanged", "new"])
_REST = frozenset(["otherwise", "other", "additional", "else", "remaining", "remainder"])
_ACUTE = frozenset(["acute", "active", "acutely", "new", "significant"])


class Statement(NamedTuple):
    """One thing that a sentence states.

    Args:
        start, end: the words that name it, in the sentence.
        name: canonical words of the finding's name; empty where organs are called normal or no known finding is named.
        concepts: ids of the findings that carry this name.
        words: all content words of its part of the sentence, in canonical form.
        own: attributes in its own part of the sentence; clause: those of the whole clause.
        organs: for a normal statement, what it calls normal; "*" is the whole examination. Else organs named beside it.
        normal: it says that something is normal, or denies abnormalities altogether.
        acute_only: a normal statement that only speaks of what is acute.
        rest: what "otherwise" or "other" leaves out of a normal statement.
        abnormal: it says that organs (or the examination) are not normal, without saying how.
        old: what it names is old, healed, calcified.
        parts: small structures that it speaks of itself; near: those that its whole clause names and calls nothing.
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
    abnormal: bool = False
    parts: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()


class _Piece(NamedTuple):
    start: int
    end: int


class _Mention(NamedTuple):
    start: int
    end: int
    name: tuple[str, ...]
    concepts: frozenset[str]


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[Statement, ...]:
    """Statements of one sentence, in order."""
    reader = _Reader(text, lexicon())
    return tuple(statement for clause in reader.clauses() for statement in reader.statements(clause))


def split_parts(text: str) -> list[str]:
    """The parts of a sentence that evidence is looked for one by one: coordinated findings and clauses."""
    reader = _Reader(text, lexicon())
    tokens = reader.tokens
    pieces = [piece for clause in reader.clauses() for piece in reader.segments(clause, reader.mentions(clause))]
    parts = [text[tokens[p.start].start : tokens[p.end - 1].end].strip(" ,;.") for p in pieces if reader.content(p)]
    return parts or [text]


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
    reader = _Reader(text, lexicon())
    for number, clause in enumerate(reader.clauses()):
        fine = any(i in reader.normals for i in range(*clause))
        for i, polarity in zip(range(*clause), reader.polarities(clause), strict=True):
            yield Marked(reader.tokens[i], polarity, number, fine, i in reader.joins)


class _Reader:
    """Reads one sentence."""

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
    def clauses(self) -> Iterator[_Piece]:
        """Clauses: cut at stops, at words like "but", and where a comma or "and" joins two clauses with verbs."""
        start, i = 0, 0
        while i < len(self.tokens):
            if i > start and (
                (i in self.breaks and self._breaks_here(start, i))
                or (i in self.joins and self._joins_clauses(start, i))
            ):
                yield _Piece(start, i)
                start = i
            i += 1
        if start < len(self.tokens):
            yield _Piece(start, len(self.tokens))

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
    def mentions(self, clause: _Piece) -> list[_Mention]:
        """Findings named in a clause."""
        fine = [m for m in self.lex.normal.find(self.words, *clause) if m.value == "normal" and m.end - m.start > 1]
        found = [
            _Mention(*m)
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
                found.append(_Mention(last.start, last.end, name, frozenset([concept])))
        return sorted(found)

    def segments(self, clause: _Piece, found: Sequence[_Mention]) -> list[_Piece]:
        """Cut a clause at commas, "and", "with": a part without a finding joins the one before it, else the next."""
        cuts = [
            i
            for i in range(clause.start, clause.end)
            if i in self.joins and not any(m.start < i < m.end for m in found)
        ]
        bounds = [clause.start, *cuts, clause.end]
        raw = [_Piece(a, b) for a, b in pairwise(bounds) if b > a]
        merged: list[_Piece] = []
        for piece in raw:
            full = any(piece.start <= m.start < piece.end for m in found)
            if merged and self._stands_alone(piece, full):
                merged.append(piece)
            elif merged and not (full and any(merged[-1].start <= m.start < merged[-1].end for m in found)):
                merged[-1] = _Piece(merged[-1].start, piece.end)
            else:
                merged.append(piece)
        return merged

    def _stands_alone(self, piece: _Piece, named: bool) -> bool:
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

    # ------------------------------------------------------------------ statements
    def statements(self, clause: _Piece) -> Iterator[Statement]:
        """What one clause states."""
        found = self.mentions(clause)
        marks = self.polarities(clause)
        whole = self._attributes(clause, found)
        for statement, piece in self._stated(clause, found, marks, whole):
            yield self._placed(statement, piece, clause, found, marks)

    def _stated(
        self, clause: _Piece, found: Sequence[_Mention], marks: Sequence[Polarity], whole: Attributes
    ) -> Iterator[tuple[Statement, _Piece]]:
        for piece in self.segments(clause, found):
            inside = [m for m in found if piece.start <= m.start < piece.end]
            for mention in inside:
                state = marks[mention.start - clause.start]
                said = _Piece(piece.start, self._said_until(mention, piece, clause, marks))
                own = self._attributes(said, [m for m in inside if m.start < said.end])
                # "corticomedullary differentiation is preserved": the knowledge base names it for its loss
                fine = all(c.startswith("kb:") for c in mention.concepts) and self._called_fine(mention, piece)
                state = "denied" if fine and state == "asserted" else state
                yield self._statement(said, mention, state, own, whole), piece
        normal = list(self._normal_statements(clause, found, marks, whole))
        yield from ((statement, clause) for statement in normal)
        piece, state = self._opening(clause, marks)
        unnamed = not found and not normal and self.content(clause) - self.lex.generic
        only_denials = found and all(marks[m.start - clause.start] == "denied" for m in found) and state == "asserted"
        label = self.words[piece.end - 1] == ":"  # "Effusion: no joint effusion."
        if unnamed or (only_denials and not label and self.content(piece) & self.lex.abnormal):
            mention = _Mention(piece.start, piece.end, (), frozenset())
            yield self._statement(piece, mention, state, whole, whole), piece

    @staticmethod
    def _said_until(mention: _Mention, piece: _Piece, clause: _Piece, marks: Sequence[Polarity]) -> int:
        """Where what is said of a finding ends: at "without" in "cardiomegaly without acute disease"."""
        if marks[mention.start - clause.start] == "denied":
            return piece.end
        after = range(mention.end, piece.end)
        return next((i for i in after if marks[i - clause.start] == "denied"), piece.end)

    def _opening(self, clause: _Piece, marks: Sequence[Polarity]) -> tuple[_Piece, Polarity]:
        """The part of a clause without known findings that says one thing: "a tear, without displaced fragment"."""
        spoken = [i for i in range(*clause) if self.words[i][0].isalnum()]
        last = spoken[-1] if spoken else clause.start
        content = [i for i in spoken if self.tokens[i].raw not in self.lex.function_words]
        first = content[0] if content else last
        state = marks[first - clause.start]
        if state != "denied" and marks[last - clause.start] == "denied":
            end = next(i for i in range(first, clause.end) if marks[i - clause.start] == "denied")
            return _Piece(clause.start, end), state
        return _Piece(clause.start, last + 1), marks[last - clause.start]

    # ------------------------------------------------------------------ small structures
    def _placed(
        self, statement: Statement, piece: _Piece, clause: _Piece, found: Sequence[_Mention], marks: Sequence[Polarity]
    ) -> Statement:
        """The statement with the structures that it and its clause speak of."""
        spots = list(self.lex.structures.find(self.words, *clause))
        if not spots:
            return statement
        fine = self._fine(clause, found)

        denied = {i for i, mark in enumerate(marks, clause.start) if mark == "denied"} - fine

        def named(where: _Piece, among: Container[int]) -> frozenset[str]:
            chosen = (s for s in spots if where.start <= s.start < where.end and s.start in among)
            return frozenset(name for spot in chosen for name in spot.value)

        if statement.normal:
            return statement._replace(parts=named(clause, fine))
        if statement.polarity == "denied":
            return statement._replace(parts=named(clause, denied))
        said = set(range(*clause)) - fine - denied
        own = named(piece, said)
        return statement._replace(parts=own, near=named(clause, said if own else said | fine))

    def _fine(self, clause: _Piece, found: Sequence[_Mention]) -> frozenset[int]:
        """Places of a clause that it calls normal: "ACL torn, PCL and MCL intact" calls the last two so."""
        cuts = [i for i in range(*clause) if i in self.joins and i > clause.start]
        bounds = [clause.start, *cuts, clause.end]
        fine: set[int] = set()
        open_list = False
        for start, end in reversed(list(pairwise(bounds))):
            wrong = any(start <= m.start < end for m in found) or any(
                w in self.lex.abnormal for w in self.words[start:end]
            )
            called = any(i in self.normals for i in range(start, end))
            open_list = not wrong and (called or open_list)
            if open_list:
                fine.update(range(start, end))
        return frozenset(fine)

    def _called_fine(self, mention: _Mention, piece: _Piece) -> bool:
        """Whether "normal" or the like stands right before a mention, or after it with a verb between them."""
        before = any(i in self.normals for i in range(max(piece.start, mention.start - 2), mention.start))
        after = next((i for i in range(mention.end, piece.end) if i in self.normals), None)
        return before or (after is not None and all(i in self.verbs for i in range(mention.end, after)))

    def _attributes(self, piece: _Piece, named: Sequence[_Mention]) -> Attributes:
        """Attributes of a run of tokens; "small" in "small bowel obstruction" grades nothing."""
        bare = [
            t
            for i, t in enumerate(self.tokens[piece.start : piece.end], piece.start)
            if not any(m.start <= i < m.end for m in named)
        ]
        return attributes(self.tokens[piece.start : piece.end], self.text)._replace(
            severity=attributes(bare, self.text).severity
        )

    def _statement(
        self, piece: _Piece, mention: _Mention, polarity: Polarity, own: Attributes, whole: Attributes
    ) -> Statement:
        words = self.content(piece)
        old = any(self._says_old(i) for i in range(piece.start, piece.end))
        organs = self._organs(piece.start, piece.end)
        span = self.tokens[mention.start].start, self.tokens[mention.end - 1].end
        return Statement(
            *span, mention.name, mention.concepts, polarity, words, own, whole, organs, old=old, rest=self.rest
        )

    def _says_old(self, at: int) -> bool:
        """Whether a word calls a thing old; "since the prior study" does not."""
        token = self.tokens[at]
        following = self.words[at + 1] if at + 1 < len(self.words) else ""
        return (token.raw in self.lex.old or token.word in self.lex.old) and following not in self.lex.exam_words

    def content(self, piece: _Piece) -> frozenset[str]:
        """Content words of a run of tokens."""
        return frozenset(
            t.word
            for t in self.tokens[piece.start : piece.end]
            if t.raw not in self.lex.function_words and t.word[:1].isalnum()
        )

    def _organs(self, start: int, end: int) -> frozenset[str]:
        return frozenset(o for m in self.lex.organ_words.find(self.words, start, end) for o in m.value)

    def _normal_statements(
        self, clause: _Piece, found: Sequence[_Mention], marks: Sequence[Polarity], whole: Attributes
    ) -> Iterator[Statement]:
        """Organs called normal or abnormal, and abnormalities denied or asserted altogether."""
        named = {i for m in found for i in range(m.start, m.end)}
        nouns = [i for i in range(*clause) if self.words[i] in self.lex.global_nouns and i not in named]
        normal = [i for i in range(*clause) if i in self.normals and i not in named]
        if (nouns and not found) or (nouns and marks[nouns[0] - clause.start] == "denied"):
            yield from self._global(clause, nouns[0], marks, whole)
        elif normal:
            yield from self._called_normal(clause, normal[0], marks, whole)

    def _called_normal(
        self, clause: _Piece, at: int, marks: Sequence[Polarity], whole: Attributes
    ) -> Iterator[Statement]:
        end = next(
            (i for i in range(at, clause.end) if i in self.joins and self.words[i] in ("with", "without", ",")),
            clause.end,
        )
        piece = _Piece(clause.start, end)
        scope = self._organs(*piece) or self._whole_exam(self.content(piece))
        if scope or any(True for _ in self.lex.structures.find(self.words, *piece)):
            token, fine = self.tokens[at], marks[at - clause.start] != "denied"
            own = attributes(self.tokens[clause.start : end], self.text)
            said: Polarity = "denied" if fine else "asserted"
            words = self.content(piece)
            yield Statement(
                token.start, token.end, (), frozenset(), said, words, own, whole, scope,
                normal=fine, rest=self.rest, abnormal=not fine,
            )  # fmt: skip

    def _whole_exam(self, words: frozenset[str]) -> frozenset[str]:
        spoken = words - self.lex.generic - {"normal", "unremarkable", "negative", "clear", "otherwise"}
        return frozenset(["*"]) if not spoken - self.lex.exam_words - self.lex.global_adjectives else frozenset()

    def _global(self, clause: _Piece, noun: int, marks: Sequence[Polarity], whole: Attributes) -> Iterator[Statement]:
        """ "No acute cardiopulmonary abnormality": which organs it speaks of, unless it says more than that."""
        lex, state = self.lex, marks[noun - clause.start]
        inside = [self.tokens[i] for i in range(*clause) if marks[i - clause.start] == state]
        words = {t.word for t in inside if t.word[:1].isalnum() and t.raw not in self.lex.function_words}
        scope = frozenset(o for word in words for o in lex.scope_words.get(word, ())) | self._organs(*clause)
        spoken = words - lex.global_nouns - lex.global_adjectives - lex.generic - set(lex.scope_words) - lex.exam_words
        denied = state == "denied"
        if not denied and len(inside) < clause.end - clause.start:
            return
        if any(not self._organs_of(word) for word in spoken) or (not denied and not scope):
            return
        acute = bool(_ACUTE & {t.raw for t in inside})
        at, wide = self.tokens[noun], scope or frozenset(["*"])
        yield Statement(
            at.start, at.end, (), frozenset(), state, frozenset(words), whole, whole, wide,
            normal=denied, acute_only=acute and denied, rest=self.rest, abnormal=not denied,
        )  # fmt: skip

    def _organs_of(self, word: str) -> bool:
        return any(True for _ in self.lex.organ_words.find([word]))
