"""A study's figures as Markdown. No text of any report stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from coarse2fine.evals.study.agreement import Agreement
from coarse2fine.evals.study.analysis import SOURCES, DimensionFigures, StudyFigures
from coarse2fine.evals.study.measures import Share

__all__ = ["markdown"]


def markdown(found: StudyFigures, *, radar: str = "") -> str:
    """The report.

    Args:
        radar: path of the radar plot, as seen from the report; "" where none was drawn.
    """
    parts = [
        _head(found),
        *_ratings(found),
        *_dimensions(found, radar),
        *_agreement(found.agreement),
        *_guesses(found),
        *_seconds(found),
        *_planning(found),
    ]
    if found.comments:
        parts.append(f"Comments, in the JSON report: {len(found.comments):,}.")
    return "\n\n".join(parts) + "\n"


def _head(found: StudyFigures) -> str:
    missing = sum(found.missing.values())
    given = f"{found.ratings:,} ratings by {len(found.readers)} reader{'s' if len(found.readers) != 1 else ''}"
    lines = [
        f"# Reader study {found.study}",
        "",
        f"{given} ({', '.join(found.readers)}), {found.design} design. Items evaluated: {found.evaluated:,}; "
        f"without a majority: {found.disputed:,}, of which unresolved and excluded: {len(found.unresolved):,}.",
    ]
    if found.unresolved:
        lines += ["", f"Unresolved items: {', '.join(found.unresolved)}."]
    if missing:
        who = ", ".join(f"{reader} {count:,}" for reader, count in found.missing.items() if count)
        lines += ["", f"**{missing:,} ratings are missing** ({who})."]
    return "\n".join(lines)


def _ratings(found: StudyFigures) -> Iterator[str]:
    yield "## Ratings"
    columns = ("source", "items", "positive", "neutral", "negative", "excluded", "unrated")
    yield _table(
        (*columns, "neutral or positive (95 %)", "of evaluated (95 %)"),
        (
            (
                source,
                *(getattr(counts, name) for name in columns[1:]),
                _share(counts.good),
                _share(counts.good_of_evaluated),
            )
            for source, counts in found.counts.items()
        ),
    )
    yield (
        "Positive, neutral, negative: better than, as good as, worse than what the reader would have written. An "
        "item's rating is what more than half of its readers say, or what they agreed upon afterwards; an item with "
        "neither is excluded. The first share is over all rated items, as in the paper (79.5 % of 200). "
        "Intervals: Wilson."
    )


def _dimensions(found: StudyFigures, radar: str) -> Iterator[str]:
    yield "## Dimensions, 1 to 5"
    yield _table(
        ("dimension", "generated", "original", "difference", "tested", "p", "p (Holm)"),
        (_dimension_cells(figures) for figures in found.dimensions),
    )
    test = found.dimensions[0].test
    way = "pairs of one report" if test == "signed-rank" else "items of both groups"
    yield f"Means and standard deviations over items; Wilcoxon's {test} test of {way}, two-sided."
    if radar:
        yield f"![Mean of each dimension by rating, generated and original]({radar})"


def _dimension_cells(figures: DimensionFigures) -> tuple[str, ...]:
    means = [figures.by_source[source] for source in SOURCES]
    cells = [f"{_number(mean.mean)} ± {_number(mean.deviation)} ({mean.items})" for mean in means]
    first, second = (mean.mean for mean in means)
    difference = "–" if first is None or second is None else f"{first - second:+.2f}"
    return (
        figures.name.replace("_", " "),
        *cells,
        difference,
        str(figures.tested),
        figures.reason or _p(figures.p),
        "–" if figures.p_holm is None else _p(figures.p_holm),
    )


def _agreement(measures: Sequence[Agreement]) -> Iterator[str]:
    yield "## Agreement"
    yield _table(
        ("of", "measure", "readers", "items", "value"),
        (
            (
                one.of.replace("_", " "),
                f"{one.measure} ({one.level})" if one.level else one.measure,
                ", ".join(one.readers),
                one.items,
                one.reason or _with_interval(one.value, one.low, one.high),
            )
            for one in measures
        ),
    )


def _guesses(found: StudyFigures) -> Iterator[str]:
    guesses = found.guesses
    yield "## Did the blinding hold?"
    if guesses.right is None or guesses.chance is None:
        yield "No reader guessed a source."
        return
    yield (
        f"Right guesses: {_share(guesses.right)}; the same numbers of guesses with no idea would get "
        f"{guesses.chance:.1%}."
    )
    yield _table(("reader", "right"), ((reader, _share(right)) for reader, right in guesses.by_reader.items()))
    if guesses.difference is None:
        yield "Only one source was guessed at."
        return
    taken = " and ".join(f"{_share(guesses.machine[source])} of the {source}" for source in SOURCES)
    verdict = (
        "Nothing shows that readers could tell" if guesses.held else "**Readers could tell: the blinding did not hold**"
    )
    difference = _with_interval(guesses.difference, guesses.low, guesses.high)
    yield f"Taken for a machine's: {taken} texts; difference {difference} (Newcombe). {verdict}."


def _seconds(found: StudyFigures) -> Iterator[str]:
    yield "## Seconds to edit"
    yield _table(
        ("source", "ratings", "median", "quartiles"),
        (
            (source, times.ratings, _number(times.median, 1), f"{_number(times.lower, 1)} to {_number(times.upper, 1)}")
            for source, times in found.edit_seconds.items()
        ),
    )


def _planning(found: StudyFigures) -> Iterator[str]:
    planning = found.planning
    yield "## The next study"
    if planning.difference is None or planning.power is None:
        yield "Not defined: only one source was evaluated."
        return
    yield (
        "Neutral or positive of evaluated items, generated minus original: "
        f"{_with_interval(planning.difference, planning.low, planning.high)} (Newcombe). "
        f"A study of this size sees such a difference with a power of {planning.power:.2f}."
    )
    if planning.needed:
        yield _table(
            ("difference to see", "power", "generated items", "original items"),
            ((f"{one.difference:+.3f}", one.power, one.generated, one.original) for one in planning.needed),
        )
    yield "Two proportions, arcsine, two-sided 5 %, the sources in the proportion of this study."


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in lines)


def _share(found: Share | None) -> str:
    if found is None:
        return "–"
    return f"{found.value:.1%} ({found.count}/{found.total}; {found.low:.1%} to {found.high:.1%})"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    return _number(value, 3) if low is None else f"{_number(value, 3)} ({_number(low, 3)} to {_number(high, 3)})"


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
