"""What a sentence states: findings with their polarity and attributes, and organs called normal."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from coarse2fine.agents.attributes import Attributes, attributes
from coarse2fine.agents.clauses import Clauses, Mention, Piece, Polarity
from coarse2fine.agents.lexicon import lexicon

__all__ = ["Statement", "parse", "split_parts"]

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


class _Reader(Clauses):
    """Reads what one sentence states."""

    # ------------------------------------------------------------------ statements
    def statements(self, clause: Piece) -> Iterator[Statement]:
        """What one clause states."""
        found = self.mentions(clause)
        marks = self.polarities(clause)
        whole = self._attributes(clause, found)
        for statement, piece in self._stated(clause, found, marks, whole):
            yield self._placed(statement, piece, clause, found, marks)

    def _stated(
        self, clause: Piece, found: Sequence[Mention], marks: Sequence[Polarity], whole: Attributes
    ) -> Iterator[tuple[Statement, Piece]]:
        for piece in self.segments(clause, found):
            inside = [m for m in found if piece.start <= m.start < piece.end]
            for mention in inside:
                state = marks[mention.start - clause.start]
                said = Piece(piece.start, self._said_until(mention, piece, clause, marks))
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
            mention = Mention(piece.start, piece.end, (), frozenset())
            yield self._statement(piece, mention, state, whole, whole), piece

    @staticmethod
    def _said_until(mention: Mention, piece: Piece, clause: Piece, marks: Sequence[Polarity]) -> int:
        """Where what is said of a finding ends: at "without" in "cardiomegaly without acute disease"."""
        if marks[mention.start - clause.start] == "denied":
            return piece.end
        after = range(mention.end, piece.end)
        return next((i for i in after if marks[i - clause.start] == "denied"), piece.end)

    def _opening(self, clause: Piece, marks: Sequence[Polarity]) -> tuple[Piece, Polarity]:
        """The part of a clause without known findings that says one thing: "a tear, without displaced fragment"."""
        spoken = [i for i in range(*clause) if self.words[i][0].isalnum()]
        last = spoken[-1] if spoken else clause.start
        content = [i for i in spoken if self.tokens[i].raw not in self.lex.function_words]
        first = content[0] if content else last
        state = marks[first - clause.start]
        if state != "denied" and marks[last - clause.start] == "denied":
            end = next(i for i in range(first, clause.end) if marks[i - clause.start] == "denied")
            return Piece(clause.start, end), state
        return Piece(clause.start, last + 1), marks[last - clause.start]

    # ------------------------------------------------------------------ small structures
    def _placed(
        self, statement: Statement, piece: Piece, clause: Piece, found: Sequence[Mention], marks: Sequence[Polarity]
    ) -> Statement:
        """The statement with the structures that it and its clause speak of."""
        spots = list(self.lex.structures.find(self.words, *clause))
        if not spots:
            return statement
        fine = self._fine(clause, found)

        denied = {i for i, mark in enumerate(marks, clause.start) if mark == "denied"} - fine

        def named(where: Piece, among: Container[int]) -> frozenset[str]:
            chosen = (s for s in spots if where.start <= s.start < where.end and s.start in among)
            return frozenset(name for spot in chosen for name in spot.value)

        if statement.normal:
            return statement._replace(parts=named(clause, fine))
        if statement.polarity == "denied":
            return statement._replace(parts=named(clause, denied))
        said = set(range(*clause)) - fine - denied
        own = named(piece, said)
        return statement._replace(parts=own, near=named(clause, said if own else said | fine))

    def _fine(self, clause: Piece, found: Sequence[Mention]) -> frozenset[int]:
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

    def _called_fine(self, mention: Mention, piece: Piece) -> bool:
        """Whether "normal" or the like stands right before a mention, or after it with a verb between them."""
        before = any(i in self.normals for i in range(max(piece.start, mention.start - 2), mention.start))
        after = next((i for i in range(mention.end, piece.end) if i in self.normals), None)
        return before or (after is not None and all(i in self.verbs for i in range(mention.end, after)))

    def _attributes(self, piece: Piece, named: Sequence[Mention]) -> Attributes:
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
        self, piece: Piece, mention: Mention, polarity: Polarity, own: Attributes, whole: Attributes
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

    def content(self, piece: Piece) -> frozenset[str]:
        """Content words of a run of tokens."""
        return frozenset(
            t.word
            for t in self.tokens[piece.start : piece.end]
            if t.raw not in self.lex.function_words and t.word[:1].isalnum()
        )

    def _organs(self, start: int, end: int) -> frozenset[str]:
        return frozenset(o for m in self.lex.organ_words.find(self.words, start, end) for o in m.value)

    def _normal_statements(
        self, clause: Piece, found: Sequence[Mention], marks: Sequence[Polarity], whole: Attributes
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
        self, clause: Piece, at: int, marks: Sequence[Polarity], whole: Attributes
    ) -> Iterator[Statement]:
        end = next(
            (i for i in range(at, clause.end) if i in self.joins and self.words[i] in ("with", "without", ",")),
            clause.end,
        )
        piece = Piece(clause.start, end)
        scope = self._organs(*piece) or self._spoken_of(clause, self.content(piece))
        if scope or any(True for _ in self.lex.structures.find(self.words, *piece)):
            token, fine = self.tokens[at], marks[at - clause.start] != "denied"
            own = attributes(self.tokens[clause.start : end], self.text)
            said: Polarity = "denied" if fine else "asserted"
            words = self.content(piece)
            yield Statement(
                token.start, token.end, (), frozenset(), said, words, own, whole, scope,
                normal=fine, rest=self.rest, abnormal=not fine,
            )  # fmt: skip

    def _spoken_of(self, clause: Piece, words: frozenset[str]) -> frozenset[str]:
        """What a clause that names no organ calls normal: in "lungs underinflated but clear" the lungs, else all."""
        whole = self._whole_exam(words)
        named = self._organs(0, clause.start)
        return named if whole and named and not self.rest and not words & self.lex.exam_words else whole

    def _whole_exam(self, words: frozenset[str]) -> frozenset[str]:
        spoken = words - self.lex.generic - {"normal", "unremarkable", "negative", "clear", "otherwise"}
        return frozenset(["*"]) if not spoken - self.lex.exam_words - self.lex.global_adjectives else frozenset()

    def _global(self, clause: Piece, noun: int, marks: Sequence[Polarity], whole: Attributes) -> Iterator[Statement]:
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
