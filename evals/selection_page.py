"""The page of `eval select`: the table by groups of scores, the loop on against off, the leader against the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from coarse2fine.evals.pages import Page, Part, Section, interval, picture, table, words
from coarse2fine.evals.plots import can_draw, draw_bars, svg
from coarse2fine.evals.selection import Contrast, Selection, SystemFigures

__all__ = ["GROUPS", "NO_PLOTS", "PAPER", "contrast_table", "drawn_scores", "figure_tables", "selection_page"]

GROUPS: Mapping[str, Sequence[str]] = {
    "ROUGE, F1": ("rouge1", "rouge2", "rougeL"),
    "ROUGE, the paper's equations 1 and 4": ("rouge1_recall", "rouge2_recall", "rougeL_f"),
    "BLEU": ("bleu", "bleu_paper"),
    "BERTScore": ("bertscore_p", "bertscore_r", "bertscore_f1", "bertscore_sum"),
    "Facts and length": ("fc", "support", "coverage", "errors", "words"),
}
"""Scores that stand in one table; others that were asked for have a table of their own."""
_HIDDEN = ("errors_", "bleu_sentence", "sentences")
_DRAWN = ("rougeL", "bertscore_f1", "fc", "support")
_LENGTHS = ("words", "sentences")

PAPER: Sequence[tuple[str, str, str, str, str]] = (
    ("Gemma-2-9B", "0.368", "0.032", "1.78", "0.58"),
    ("Mistral-7B", "0.371", "0.031", "1.76", "0.69"),
    ("Llama-3.1-8B", "0.385", "0.037", "1.78", "0.68"),
    ("Coarse2Fine", "0.420", "0.041", "2.51", "0.612"),
)
"""The paper's tables 2 and 3: model, ROUGE, BLEU, BERT, FC."""
NO_PLOTS = "Plots need the package matplotlib: pip install 'coarse2fine[plots]'."


def selection_page(found: Selection, data: str, *, pictures: bool = True) -> Page:
    """The page.

    Args:
        data: what the reports are, in words.
        pictures: whether to draw; without matplotlib a sentence says why there are none.
    """
    head = (
        f"{data}: {found.rows:,} reports; {len(found.systems)} systems; critic {found.critic}. In brackets: percentile "
        f"bootstrap over reports, 95 %, {found.resamples:,} resamples, seed {found.seed}. A report that a model failed "
        "on counts as an empty text. Loop off: the first draft, with no critic."
    )
    return Page(
        "Model selection",
        [
            Section(title="What was compared", parts=(words(head), _overview(found))),
            Section(title="Scores", parts=tuple(figure_tables(found.systems))),
            Section(title="Loop on less loop off", parts=tuple(_loop(found))),
            Section(title="The leader", parts=tuple(_leader(found))),
            *([Section(title="Pictures", parts=tuple(_pictures(found)))] if pictures else []),
            Section(title="Beside the paper", parts=(_paper(),)),
            Section(title="How", parts=tuple(words(f"{name}: {note}") for name, note in found.notes.items())),
        ],
    )


def _overview(found: Selection) -> Part:
    return table(
        ("system: model, prompts, loop", "reports", "failed", "seconds a report", "error"),
        (
            (one.name, one.rows or "–", one.failed if one.rows else "–", _seconds(one), one.error or "–")
            for one in found.systems
        ),
    )


def _seconds(one: SystemFigures) -> str:
    return f"{one.seconds:.2f}" if one.rows else "–"


def figure_tables(systems: Sequence[SystemFigures]) -> Iterator[Part]:
    """A table for each group of scores that were asked for."""
    scores = list(dict.fromkeys(score for one in systems for score in one.columns))
    if not scores:
        yield words("No system has figures.")
    for title, shown in _grouped(scores):
        yield table(
            (title, *shown),
            (
                (one.name, *(interval(one.columns[score], _digits(score)) for score in shown))
                for one in systems
                if one.columns
            ),
        )


def _grouped(scores: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    left = [score for score in scores if not score.startswith(_HIDDEN)]
    for title, names in GROUPS.items():
        shown = [name for name in names if name in left]
        left = [name for name in left if name not in shown]
        if shown:
            yield title, shown
    if left:
        yield "Others", left


def _digits(score: str) -> int:
    return 1 if score in _LENGTHS else 3


def contrast_table(one: Contrast, title: str = "score") -> Part:
    """Differences with intervals and p values."""
    shown = [score for score in one.columns if not score.startswith(_HIDDEN)]
    return table(
        (title, "difference (95 %)", "p", "p (Holm)"),
        (
            (score, interval(one.columns[score], _digits(score), sign=True), _p(one.columns[score].p), _p(p))
            for score, p in ((score, one.p_holm[score]) for score in shown)
        ),
        caption=f"{one.first} less {one.second}",
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _loop(found: Selection) -> Iterator[Part]:
    if not found.loop:
        yield words("No system ran both ways.")
    for one in found.loop:
        yield contrast_table(one)


def _leader(found: Selection) -> Iterator[Part]:
    if not found.best:
        yield words("Every system failed.")
        return
    yield words(f"{found.best} leads. By how much, and whether that is more than chance:")
    scores = list(dict.fromkeys(score for one in found.rivals for score in one.columns))
    score = "rougeL" if "rougeL" in scores else next(iter(scores), "")
    if score:
        yield table(
            ("less", f"{score}: difference (95 %)", "p", "p (Holm)"),
            (
                (one.second, interval(one.columns[score], sign=True), _p(one.columns[score].p), _p(one.p_holm[score]))
                for one in found.rivals
            ),
        )


def _pictures(found: Selection) -> Iterator[Part]:
    if not can_draw():
        yield words(NO_PLOTS)
        return
    yield from drawn_scores(found.systems)


def drawn_scores(systems: Sequence[SystemFigures]) -> Iterator[Part]:
    """Bars of the scores that matter most, those that were asked for."""
    sound = [one for one in systems if one.columns]
    for score in _DRAWN:
        if sound and score in sound[0].columns:
            values = {one.name: one.columns[score] for one in sound}
            yield picture(svg(draw_bars(values, score), (8, 1 + 0.35 * len(values))), f"{score} by system")


def _paper() -> Part:
    return table(
        ("published, 10 private reports", "ROUGE", "BLEU", "BERT", "FC"),
        PAPER,
        "The paper's tables 2 and 3: other reports, an unnamed ROUGE and BERTScore encoder, FC by an 11B model. "
        "Figures of this page stand beside them for form, not as a contest.",
    )
