"""What real reports look like: masks, run-on sentences, typing errors, lost capitals and stops."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass

from coarse2fine.training.corpus.compose import Composed

__all__ = ["Mess", "draw_mess"]

MASK = "XXXX"


@dataclass(frozen=True)
class Mess:
    """What happens to one report.

    Args:
        masked: lower-case words that de-identification took out, in the findings and in what is written from them.
        spoil: what else happens to the findings alone.
    """

    masked: frozenset[str]
    spoil: Callable[[str], str]

    def findings(self, text: str) -> str:
        """The findings as they come in."""
        return self.spoil(self.target(text))

    def target(self, text: str) -> str:
        """A text written from them: masks stay, errors do not."""
        if not self.masked:
            return text
        return re.sub(r"[A-Za-z]+", lambda m: MASK if m.group().lower() in self.masked else m.group(), text)


def _typo(rng: random.Random, word: str) -> str:
    i = rng.randrange(len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1:
        return word[:i] + word[i + 1 :]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + rng.choice(string.ascii_lowercase) + word[i + 1 :]


def _typos(rng: random.Random, text: str) -> str:
    rate = rng.choice([0.01, 0.03, 0.06])
    return re.sub(r"[A-Za-z]{4,}", lambda m: _typo(rng, m.group()) if rng.random() < rate else m.group(), text)


def _run_on(rng: random.Random, text: str) -> str:
    def glue(match: re.Match[str]) -> str:
        if rng.random() > 0.4:
            return match.group()
        return rng.choice([", ", " ", ". ", "; ", " . "]) + match.group(1).lower()

    return re.sub(r"\. ([A-Z])(?=[a-z])", glue, text)


def _double_stop(rng: random.Random, text: str) -> str:
    return re.sub(r"\.(?= |$)", lambda m: rng.choice(["..", ". .", "."]) if rng.random() < 0.2 else m.group(), text)


def _lower(rng: random.Random, text: str) -> str:
    return text.lower() if rng.random() < 0.5 else text.upper()


def draw_mess(rng: random.Random, composed: Composed) -> Mess:
    """Draw what happens to one report; most stay clean."""
    masked: frozenset[str] = frozenset()
    if rng.random() < 0.15:
        words = sorted({w.lower() for w in re.findall(r"[A-Za-z]{3,}", composed.report.findings)} - {"left", "right"})
        masked = frozenset(rng.sample(words, min(len(words), rng.randint(1, 3))))
    chosen = [
        step
        for step, chance in ((_typos, 0.12), (_run_on, 0.12), (_double_stop, 0.05), (_lower, 0.05))
        if rng.random() < chance
    ]
    seed = rng.getrandbits(32)

    def spoil(text: str) -> str:
        own = random.Random(f"{seed}{text}")
        for step in chosen:
            text = step(own, text)
        return text

    return Mess(masked, spoil)
