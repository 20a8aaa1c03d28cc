"""Facts of a composed report: drawn from a finding of the knowledge base, and how they are said and denied."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coarse2fine.training.corpus.grammar import Template, tidy
from coarse2fine.training.corpus.knowledge import Finding, Size

__all__ = ["Fact", "denial", "draw_fact", "join", "mentions", "sample_values", "say"]

SAFE = frozenset({"side", "level"})
"""Attributes whose loss can hurt a patient: an impression keeps them."""


@dataclass(frozen=True)
class Fact:
    """A finding that a report asserts.

    Args:
        finding: what it is.
        values: the attributes that the text says, such as {"side": "left", "size": "3 cm"}.
        plural: its grammatical number.
        text: the sentence or sentences of the findings that assert it.
        row: whether it stands in the row of its level, so that `text` need not name the level.
    """

    finding: Finding
    values: Mapping[str, str]
    plural: bool
    text: str
    row: bool = False


def join(items: Sequence[str], word: str = "and") -> str:
    """ "A", "A and B", "A, B and C"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def mentions(text: str, name: str) -> bool:
    """Whether `text` says `name` as whole words, plural allowed."""
    if name.lower() not in text.lower():
        return False
    return re.search(rf"(?<![a-z]){re.escape(name.lower())}(?:s|es)?(?![a-z])", text.lower()) is not None


def _measure(rng: random.Random, size: Size) -> str:
    whole = size.unit in ("mm", "%") or (size.high - size.low > 20)
    numbers = []
    for _ in range(size.dims if rng.random() < 0.8 else 1):
        value = rng.uniform(size.low, size.high)
        numbers.append(str(round(value)) if whole else f"{value:.1f}")
    glue = rng.choice([" x ", " x ", " by ", "x"])
    text = glue.join(numbers)
    if not size.unit:
        return text
    return f"{text}{size.unit}" if size.unit == "%" or rng.random() < 0.08 else f"{text} {size.unit}"


def sample_values(
    rng: random.Random, finding: Finding, compared: bool, wanted_side: str = ""
) -> tuple[dict[str, str], bool]:
    """Attributes of a finding, drawn, and whether it is said in the plural; `wanted_side` where it can lie there."""
    values: dict[str, str] = {}
    side = rng.choice(finding.sides) if finding.sides else ""
    if wanted_side in finding.sides:
        side = wanted_side
    count = rng.choice(finding.counts) if finding.counts and rng.random() < 0.4 else ""
    if side:
        values |= {"side": side, "side_lay": "both" if side == "bilateral" else side}
    if finding.severities:
        values["sev"] = rng.choice(finding.severities)
    if finding.sites:
        most = min(3, len(finding.sites)) if finding.multi_site else 1
        sites = rng.sample(finding.sites, rng.choice([1, 1, 2, 3][:most] if most > 1 else [1]))
        values["site"] = join([site.name for site in sites])
        values["broad"] = join(list(dict.fromkeys(site.broad or site.name for site in sites)))
    if finding.levels:
        values["level"] = rng.choice(finding.levels)
    if count:
        values["count"] = count
    if finding.size:
        values["size"] = _measure(rng, finding.size)
    if finding.changes and compared and rng.random() < 0.5:
        values["change"] = rng.choice(finding.changes)
    return values, side == "bilateral" or bool(count)


def draw_fact(rng: random.Random, finding: Finding, compared: bool, keep: float, side: str = "") -> Fact | None:
    """A finding with drawn attributes in one of its wordings; None where no wording takes them.

    Args:
        compared: whether there is an earlier examination that it may have changed since.
        keep: probability that an attribute that may be left out is said.
        side: the side of the whole examination; "" where it shows both.
    """
    values, plural = sample_values(rng, finding, compared, side)
    templates = [Template(text) for text in finding.findings]
    rng.shuffle(templates)
    for template in templates:
        if "count" not in template.slots and "count" in values:
            continue
        made = template.expand(rng, values, plural=plural, keep=keep)
        if made is None:
            continue
        said = {k: v for k, v in values.items() if k in made.said}
        if "count" in values and "count" not in said:
            continue
        if "side" in said:
            said["side_lay"] = values["side_lay"]
        if "site" in said:
            said["broad"] = values["broad"]
        return Fact(finding, said, plural, made.text)
    if "count" in values and (
        bare := draw_fact(rng, finding.model_copy(update={"counts": ()}), compared, keep, side)
    ):
        return Fact(finding, bare.values, bare.plural, bare.text)
    return None


def say(
    rng: random.Random,
    fact: Fact,
    templates: Sequence[str],
    *,
    keep: float = 0.5,
    usual: float = 0.0,
    always: frozenset[str] = SAFE,
) -> str | None:
    """Say a fact by one of `templates` using only what its findings text said.

    Args:
        keep: probability that optional parts stay.
        usual: probability that the first template is tried first.
        always: attributes that are never left out where the template can say them.
    """
    order = list(templates)
    rng.shuffle(order)
    if rng.random() < usual:
        order.remove(templates[0])
        order.insert(0, templates[0])
    for text in order:
        made = Template(text).expand(rng, fact.values, plural=fact.plural, keep=keep, always=always)
        if made is not None and made.text:
            return made.text
    return None


_DENIALS = (
    "No {x}.", "No {x}.", "There is no {x}.", "There is no evidence of {x}.", "No evidence of {x}.",
    "No evidence for {x}.", "Negative for {x}.", "No {x} is seen.", "No {x} identified.", "No {x} is identified.",
    "No {x} is noted.", "No {x} noted.", "No {x} is demonstrated.", "No {x} is evident.", "No {x} is appreciated.",
    "There is no {x} identified.", "No definite {x}.", "No convincing evidence of {x}.", "I see no {x}.",
    "No {x} seen.", "No {x} is present.", "{X} is not seen.", "{X} is not identified.", "{X} is absent.",
    "No visible {x}.", "No sign of {x}.", "No signs of {x}.", "There is no sign of {x}.",
    "No radiographic evidence of {x}.",
    "Specifically, no {x}.", "No {x} visualized.", "No {x} is visualized.", "No {x} can be seen.",
    "No suggestion of {x}.",
    "No obvious {x}.", "No imaging evidence of {x}.", "Without evidence of {x}.",
    "There are no findings of {x}.",
    "Free of {x}.", "No {x} are seen.", "There are no {x}.",
)  # fmt: skip


_PLURAL = re.compile(r"(?<![usi])s$")


def denial(rng: random.Random, phrases: Sequence[str]) -> str:
    """A sentence that denies one or several things; what another phrase says in fewer words is said once."""
    phrases = [p for p in phrases if not any(p != q and p.lower().endswith(f" {q.lower()}") for q in phrases)]
    several = len(phrases) > 1
    frames = [f for f in _DENIALS if not (several and f.startswith("{X}"))]
    if not all(_PLURAL.search(p) for p in phrases):
        frames = [f for f in frames if " are" not in f]
    if any(_PLURAL.search(p) for p in phrases):
        frames = [f for f in frames if " is" not in f.replace("There is", "")]
    listed = join(phrases, "or")
    if len(phrases) > 2 and rng.random() < 0.5:
        listed = listed.replace(" or ", ", or ")
    return tidy(rng.choice(frames).format(x=listed, X=listed[:1].upper() + listed[1:]))
