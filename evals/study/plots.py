"""The paper's figure 5: the five dimensions as radar plots, one a rating."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from coarse2fine.evals.study.analysis import SOURCES, StudyFigures
from coarse2fine.evals.study.key import Source
from coarse2fine.evals.study.ratings import RATING_ORDER
from coarse2fine.reports import InputError, MissingExtra, Rating

__all__ = ["require_radar", "write_radar"]

_BEST = 5


def require_radar() -> Any:
    """What draws; asked for before long work.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("plots need the package matplotlib: pip install 'coarse2fine[plots]'") from error
    return Figure


def write_radar(found: StudyFigures, path: Path) -> None:
    """Write a PNG: positive, neutral, negative from left to right; generated and original items in each.

    A dimension that nobody rated has no point.

    Raises:
        MissingExtra: matplotlib is not installed.
        InputError: the file cannot be written.
    """
    page = require_radar()(figsize=(13, 5), layout="constrained")
    ratings = tuple(reversed(RATING_ORDER))
    for place, rating in enumerate(ratings, start=1):
        _draw(page.add_subplot(1, len(ratings), place, projection="polar"), found, rating)
    page.legend(*page.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(SOURCES))
    try:
        page.savefig(path, dpi=120)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def _draw(axes: Any, found: StudyFigures, rating: Rating) -> None:
    names = [figures.name.replace("_", " ") for figures in found.dimensions]
    angles = [2 * math.pi * place / len(names) for place in range(len(names))]
    axes.set_theta_offset(math.pi / 2)
    axes.set_theta_direction(-1)
    axes.set_xticks(angles, names)
    axes.set_ylim(0, _BEST)
    axes.set_yticks(range(1, _BEST + 1))
    axes.tick_params(axis="x", pad=14)
    for source, line in zip(SOURCES, ("C0-", "C1--"), strict=True):
        values = _values(found, source, rating)
        axes.plot([*angles, angles[0]], [*values, values[0]], line, label=source)
    items = {source: getattr(found.counts[source], rating) for source in SOURCES}
    axes.set_title(f"{rating}: " + ", ".join(f"{count} {source}" for source, count in items.items()), pad=20)


def _values(found: StudyFigures, source: Source, rating: Rating) -> list[float]:
    means = [figures.by_rating[source][rating].mean for figures in found.dimensions]
    return [math.nan if mean is None else mean for mean in means]
