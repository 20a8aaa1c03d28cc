"""Rules that say a sentence of findings in other words and mean the same. A rule gives None wherever it is not sure."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from coarse2fine.evals.wording import SEEN, STATE, VERB, are, first_item, is_plain, low, sentence

__all__ = ["paraphrase"]

_Change = Callable[[re.Match[str], random.Random], str | None]


def _there_is(match: re.Match[str], rng: random.Random) -> str | None:
    thing = match["thing"]
    return None if "," in thing else f"{thing} {are(thing)} {rng.choice(('seen', 'present', 'noted'))}"


def _seen(match: re.Match[str], rng: random.Random) -> str | None:
    del rng
    thing = match["thing"]
    return f"There {are(thing)} {low(thing)}"


def _deny(match: re.Match[str], rng: random.Random) -> str | None:
    """Another way to deny the same list, its items swapped where none of them narrows the others."""
    listing = match["thing"]
    if "," not in listing and (pair := re.fullmatch(r"(?P<a>[\w ]+) or (?P<b>[\w ]+)", listing)):
        listing = _swapped(pair["a"], pair["b"]) or listing
    forms = [
        f"There {are(first_item(listing))} no {listing}",
        f"There is no evidence of {listing}",
        f"Negative for {listing}",
        f"No {listing}",
    ]
    if first_item(listing) == listing.strip():
        forms += [f"{listing} {are(listing)} not seen", f"{listing} {are(listing)} absent"]
    return rng.choice([form for form in forms if form.lower() != match[0].lower()])


def _swapped(first: str, second: str) -> str | None:
    narrowing = re.match(
        r"(?:acute|focal|large|suspicious|definite|significant|displaced|new|discrete|airspace)\b", first
    )
    loose = re.search(r"\b(?:of|in|for|to|with|evidence)\b", f"{first} {second}")
    return None if narrowing or loose or len(first.split()) > 3 else f"{second} or {first}"


def _normal_of(match: re.Match[str], rng: random.Random) -> str | None:
    thing = low(match["thing"])
    if match["rest"]:
        return f"Normal {match['rest'].removeprefix('in ')} of the {thing}"
    return rng.choice((f"Normal {thing}", f"{thing} within normal limits"))


def _normal_heart(match: re.Match[str], rng: random.Random) -> str | None:
    del match
    return rng.choice(
        ("Normal heart size", "The heart is normal in size", "The heart is not enlarged", "No cardiomegaly")
    )


def _clear_lungs(match: re.Match[str], rng: random.Random) -> str | None:
    del match
    return rng.choice(("Clear lungs", "Both lungs are clear"))


def _adjective_first(match: re.Match[str], rng: random.Random) -> str | None:
    del rng
    if re.search(r"\b(?:and|or|otherwise|which|that|there)\b", match["thing"], re.IGNORECASE):
        return None
    return f"{match['how']} {low(match['thing'])}"


def _verbless(match: re.Match[str], rng: random.Random) -> str | None:
    thing = match["thing"]
    if not is_plain(thing) or VERB.search(thing):
        return None
    return rng.choice(
        (f"{thing} {are(thing)} present", f"There {are(thing)} {low(thing)}", f"{thing} {are(thing)} noted")
    )


_STRUCTURES: Sequence[tuple[re.Pattern[str], _Change]] = tuple(
    (re.compile(pattern, re.IGNORECASE), change)
    for pattern, change in (
        (
            r"(?:the )?(?:heart|heart size|cardiac silhouette)(?: size)? (?:is |appears )?"
            r"(?:normal|within normal limits)(?: in size)?",
            _normal_heart,
        ),
        (r"(?:the )?lungs are clear(?: bilaterally)?", _clear_lungs),
        (r"(?:there (?:is|are|has been) )?no (?:evidence of (?:an? )?)?(?P<thing>[^;]+?)", _deny),
        (rf"no (?:evidence of (?:an? )?)?(?P<thing>[^;]+?) {SEEN}", _deny),
        (r"there (?:is|are) (?P<thing>(?!no\b|not\b)[^;]+)", _there_is),
        (rf"(?P<thing>(?!no\b)[^,;]+?) {SEEN}", _seen),
        (
            r"(?:the )?(?P<thing>mediastinum|cardiomediastinal silhouette|mediastinal contours?|pulmonary vascularity|"
            r"pulmonary vasculature|visualized bony structures) (?:is|are|appears?) "
            r"(?:normal|within normal limits|unremarkable)(?: (?P<rest>in size))?",
            _normal_of,
        ),
        (rf"(?:the )?(?P<thing>[\w -]{{3,40}}?) (?:is|are|appears?|remains?) (?P<how>{STATE})", _adjective_first),
        (r"(?P<thing>[^,;:]{8,90})", _verbless),
    )
)
_NOT_DENIALS = re.compile(rf"\bchange|\b(?:but|however|although|which|that)\b|{SEEN}.*\w", re.IGNORECASE)

_SYNONYMS: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(rf"\b{pattern}\b", re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"cardiac silhouette is enlarged", "heart is enlarged"),
        (r"cardiomegaly", "enlargement of the heart"),
        (r"(?<!no )cardiomegaly", "cardiac enlargement"),
        (r"the heart is enlarged", "there is cardiomegaly"),
        (r"(?:(?<=no )|(?<=or )|(?<=, )|(?<=for ))pleural effusions?(?=,| or| is| are|$)", "pleural fluid"),
        (r"osseous", "bony"),
        (r"bony", "osseous"),
        (r"pulmonary nodule(s?)", r"lung nodule\1"),
        (r"within normal limits", "normal"),
        (r"(is|are) unremarkable", r"\1 normal"),
        (r"demonstrates?", "shows"),
        (r"(?:visualized|identified|noted|appreciated)(?=$|\.)", "seen"),
        (r"mild(ly)?", r"slight\1"),
        (r"bilateral (pleural effusions|airspace opacities|hilar prominence)", r"\1 on both sides"),
        (r"(right|left)-sided", r"\1"),
        (r"heart size", "size of the heart"),
        (r"lung bases", "bases of the lungs"),
        (r"(left|right) lung base(?! \w)", r"base of the \1 lung"),
        (r"(left|right) basilar (atelectasis|opacity|scarring)", r"\2 at the \1 lung base"),
        (r"bibasilar (atelectasis|opacities|scarring)", r"\1 at both lung bases"),
        (r"(left|right) (upper|lower|middle) lobe (nodule|opacity|granuloma|consolidation)", r"\3 in the \1 \2 lobe"),
        (r"(nodule|opacity|granuloma|consolidation) in the (left|right) (upper|lower|middle) lobe", r"\2 \3 lobe \1"),
        (r"elevation of the (left|right) hemidiaphragm", r"elevated \1 hemidiaphragm"),
        (r"elevated (left|right) hemidiaphragm", r"elevation of the \1 hemidiaphragm"),
        (r"tortuosity of the (thoracic )?aorta", r"tortuous \1aorta"),
        (r"degenerative changes? (?:of|in) the spine", "spinal degenerative changes"),
        (r"airspace", "air space"),
    )
)


def paraphrase(text: str, rng: random.Random) -> str | None:
    """The same statement in other words: another sentence structure, true synonyms, centimetres for millimetres."""
    body = " ".join(text.split()).strip(" .")
    changed = _restructured(body, rng)
    candidates = [rule for rule in _SYNONYMS if rule[0].search(changed or body)]
    for pattern, replacement in rng.sample(candidates, min(len(candidates), 1 if changed else 2)):
        changed = pattern.sub(replacement, changed or body, count=1)
    changed = _other_unit(changed or body)
    return sentence(changed) if _words(changed) != _words(body) else None


def _restructured(body: str, rng: random.Random) -> str | None:
    for pattern, change in _STRUCTURES:
        match = pattern.fullmatch(body)
        if match is None or (change is _deny and _NOT_DENIALS.search(match["thing"])):
            continue
        if changed := change(match, rng):
            return changed
    return None


def _other_unit(body: str) -> str:
    """ "8 mm" as "0.8 cm" and "1.2 cm" as "12 mm", where there is one measurement."""
    found = re.findall(r"\b(\d+(?:\.\d+)?) ?(mm|cm)\b", body)
    if len(found) != 1 or len(re.findall(r"\d+(?:\.\d+)?", body)) != 1:
        return body
    number, unit = found[0]
    other = f"{float(number) / 10:g} cm" if unit == "mm" else f"{round(float(number) * 10, 3):g} mm"
    return re.sub(r"\b\d+(?:\.\d+)? ?(?:mm|cm)\b", other, body)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9.]+", text.lower())
