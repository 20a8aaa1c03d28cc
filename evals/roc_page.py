"""The page of `eval critic --roc`, and its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from coarse2fine.evals.pages import Page, Part, Section, interval, picture, table, words
from coarse2fine.evals.plots import can_draw, svg
from coarse2fine.evals.roc import ModelScores, RocFigures
from coarse2fine.evals.selection_page import NO_PLOTS

__all__ = ["calibration_plot", "model_table", "roc_page", "roc_plot"]


def roc_page(found: RocFigures, data: str, *, pictures: bool = True) -> Page:
    """The page.

    Args:
        data: the set of claims, in words.
    """
    head = (
        f"{data}: {found.claims:,} claims, of which {found.reached:,} reach the NLI model ({found.supported:,} of them "
        "hold); checks and words decide the others. The score is the entailment probability of the evidence for the "
        "claim. In brackets: bootstrap over claims, 95 %."
    )
    sections = [Section(title="Models", parts=(words(head), model_table(found), *_gains(found)))]
    for model in found.models:
        sections.append(Section(title=f"Kinds, {model.name}", parts=(_kinds(model),)))
    if pictures:
        sections.append(Section(title="Pictures", parts=tuple(_pictures(found))))
    return Page("The critic's NLI scores", sections)


def model_table(found: RocFigures) -> Part:
    """AUC, calibration error and Brier score by model."""
    return table(
        ("model", "AUC (95 %)", "expected calibration error", "Brier score"),
        ((m.name, interval(m.auc), f"{m.ece:.3f}", f"{m.brier:.3f}") for m in found.models),
        "Calibration: ten bins of equal width.",
    )


def _gains(found: RocFigures) -> Iterator[Part]:
    lead = found.models[0].name
    for name, gain in found.auc_gain.items():
        yield words(f"AUC of {lead} less that of {name}: {interval(gain, sign=True)}, p = {gain.p:.3f} (paired).")


def _kinds(model: ModelScores) -> Part:
    return table(
        ("kind", "claims", "hold", "mean score", "AUC against the other label", "calibration error"),
        (
            (kind, k.claims, "yes" if k.supported else "no", f"{k.score:.3f}", f"{k.auc:.3f}", f"{k.ece:.3f}")
            for kind, k in model.kinds.items()
        ),
    )


def _pictures(found: RocFigures) -> Iterator[Part]:
    if not can_draw():
        yield words(NO_PLOTS)
        return
    yield picture(svg(lambda axes: roc_plot(axes, found.models), (5, 5)), "ROC curve: supported against unsupported")
    yield picture(svg(lambda axes: calibration_plot(axes, found.models), (5, 5)), "Calibration: score and what holds")


def roc_plot(axes: Any, models: Sequence[ModelScores]) -> None:
    """Draw the curves."""
    for model in models:
        x, y = zip(*model.curve, strict=True)
        axes.plot(x, y, label=f"{model.name}, AUC {model.auc.value:.3f}")
    axes.plot([0, 1], [0, 1], linestyle=":", color="gray")
    axes.set(xlabel="unsupported claims that pass", ylabel="supported claims that pass", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower right")


def calibration_plot(axes: Any, models: Sequence[ModelScores]) -> None:
    """Draw the share that holds by mean score."""
    for model in models:
        at, share = [b.score for b in model.bins], [b.supported for b in model.bins]
        axes.plot(at, share, marker="o", label=f"{model.name}, ECE {model.ece:.3f}")
    axes.plot([0, 1], [0, 1], linestyle=":", color="gray")
    axes.set(xlabel="mean score of a bin", ylabel="share of its claims that holds", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="upper left")
