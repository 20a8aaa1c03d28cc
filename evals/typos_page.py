"""The page of `eval typos`: scores by rate of errors, what is lost, curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coarse2fine.evals.pages import Page, Part, Section, interval, picture, table, words
from coarse2fine.evals.plots import can_draw, draw_curves, svg
from coarse2fine.evals.selection_page import NO_PLOTS
from coarse2fine.evals.statistics import Interval
from coarse2fine.evals.typos import AtRate, Typos

__all__ = ["loss_table", "typos_page"]

_HIDDEN = ("errors_", "bleu_sentence", "sentences", "rougeL_f")


def typos_page(found: Typos, data: str, *, pictures: bool = True) -> Page:
    """The page.

    Args:
        data: what the reports are, in words.
    """
    head = (
        f"{found.system}; {data}: {found.rows:,} reports. Errors: {', '.join(found.kinds)}; in numbers: "
        f"{'yes' if found.numbers else 'never'}; seed {found.seed}. A rate is the share of the findings' words that "
        "are struck. Texts are scored against the radiologist's impression and against the findings without errors. In "
        f"brackets: percentile bootstrap over reports, 95 %, {found.resamples:,} resamples."
    )
    sections = [
        Section(title="What was done", parts=(words(head), *_rates(found.rates))),
        Section(title="Scores by rate of errors", parts=(_scores(found.rates),)),
        Section(title="Lost against rate 0", parts=(loss_table(found.rates), _paper())),
    ]
    if pictures:
        sections.append(Section(title="Pictures", parts=tuple(_pictures(found))))
    notes = tuple(words(f"{name}: {note}") for name, note in found.notes.items())
    return Page("Errors in the findings", [*sections, Section(title="How", parts=notes)])


def _rates(rates: Sequence[AtRate]) -> Iterator[Part]:
    yield table(
        ("rate asked for", "share of words struck", "reports that failed"),
        ((f"{one.rate:.1%}", f"{one.struck:.2%}", one.failed) for one in rates),
    )


def _names(rates: Sequence[AtRate]) -> list[str]:
    return [name for name in rates[0].columns if not name.startswith(_HIDDEN)]


def _scores(rates: Sequence[AtRate]) -> Part:
    return table(
        ("score", *(f"{one.rate:.0%}" for one in rates)),
        ((name, *(interval(one.columns[name]) for one in rates)) for name in _names(rates)),
    )


def loss_table(rates: Sequence[AtRate]) -> Part:
    """What each score loses at each rate, in percent of its value at rate 0."""
    return table(
        ("score", *(f"{one.rate:.0%}" for one in rates[1:])),
        ((name, *(_percent(one.loss[name]) for one in rates[1:])) for name in _names(rates)),
        "In percent of the value at rate 0, paired; greater is worse, but for what is counted (words).",
    )


def _percent(found: Interval | None) -> str:
    return interval(None if found is None else Interval(*(100 * number for number in found)), 1)


def _paper() -> Part:
    lost = [f"{name} {(a - b) / a:.1%}" for name, a, b in (("ROUGE", 0.42, 0.37), ("BERT", 2.51, 2.49))]
    return words(f"The paper, at 3 % of an unnamed unit: {', '.join(lost)} lost (0.420 → 0.370 and 2.51 → 2.49).")


def _pictures(found: Typos) -> Iterator[Part]:
    if not can_draw():
        yield words(NO_PLOTS)
        return
    shares = [name for name in _names(found.rates) if max(one.columns[name].value for one in found.rates) <= 1]
    for names in (shares[start : start + 4] for start in range(0, len(shares), 4)):
        curves = {name: [(100 * one.rate, one.columns[name]) for one in found.rates] for name in names}
        yield picture(svg(draw_curves(curves, "words struck, %", "score")), f"{', '.join(names)} by rate of errors")
