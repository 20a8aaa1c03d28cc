"""What findings call one thing and a radiologist's impressions another: pairs of phrases that come together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from coarse2fine.agents.evidence import stems
from coarse2fine.agents.shingles import words_of
from coarse2fine.agents.style_card import Phrasing
from coarse2fine.reports import split_sentences

__all__ = ["phrasings"]

_MOST = 8
_SEVERAL = 4
_TOGETHER = 0.7
"""Least share of the reports with one phrase that have the other, both ways."""


def phrasings(pairs: Iterable[tuple[str, str]]) -> tuple[Phrasing, ...]:
    """The phrases of one or two words that stand in impressions instead of others in findings, most frequent first.

    Args:
        pairs: a sentence of findings, and the impression's sentence that sums it up.
    """
    together: Counter[tuple[str, str]] = Counter()
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for findings, impression in pairs:
        there, said = _phrases(findings), _phrases(impression)
        known, used = set(stems(findings)), set(stems(impression))
        gone = {phrase for phrase in there if used.isdisjoint(stems(phrase))}
        new = {phrase for phrase in said if known.isdisjoint(stems(phrase))}
        before.update(there)
        after.update(new)
        together.update((old, fresh) for old in gone for fresh in new)
    found = [
        (count, old, fresh)
        for (old, fresh), count in together.items()
        if count >= _SEVERAL and count >= _TOGETHER * max(before[old], after[fresh])
    ]
    return tuple(_best(sorted(found, key=lambda f: (-f[0], -len(f[1].split()) - len(f[2].split()), f[1], f[2]))))


def _best(found: Iterable[tuple[int, str, str]]) -> Iterator[Phrasing]:
    """The best pair for each phrase; what only says a part of one that was taken is left out."""
    taken: list[tuple[str, str]] = []
    for count, old, fresh in found:
        if len(taken) < _MOST and not any(_overlap(old, a) or _overlap(fresh, b) for a, b in taken):
            taken.append((old, fresh))
            yield Phrasing(findings=old, impression=fresh, reports=count)


def _overlap(one: str, other: str) -> bool:
    return not set(one.split()).isdisjoint(other.split())


def _phrases(text: str) -> set[str]:
    """Content words, and neighbours that both are some."""
    found: set[str] = set()
    for sentence in split_sentences(text):
        words = words_of(sentence.text)
        told = [bool(stems(word)) and not word.isdigit() for word in words]
        found.update(word for word, tells in zip(words, told, strict=True) if tells)
        found.update(f"{words[i]} {words[i + 1]}" for i in range(len(words) - 1) if told[i] and told[i + 1])
    return found
