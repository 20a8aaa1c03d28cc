"""Pictures of figures as SVG elements. What draws them, matplotlib, is an extra: without it there are none."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coarse2fine.evals.statistics import Interval
from coarse2fine.reports import InputError, MissingExtra

__all__ = ["Curve", "can_draw", "draw_bars", "draw_curves", "require_plots", "svg", "write_png"]

Curve = Sequence[tuple[float, Interval]]
"""Points from left to right."""

Draw = Callable[[Any], None]


def require_plots() -> Any:
    """What draws; asked for before long work.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("plots need the package matplotlib: pip install 'coarse2fine[plots]'") from error
    return Figure


def can_draw() -> bool:
    """Whether there is something to draw with."""
    try:
        require_plots()
    except MissingExtra:
        return False
    return True


def svg(draw: Draw, size: tuple[float, float] = (6, 4)) -> str:
    """An SVG element; the same picture gives the same text, and it names no other file.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    page = require_plots()(figsize=size, layout="constrained")
    draw(page.add_subplot())
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "coarse2fine", "svg.fonttype": "none", "font.family": "sans-serif"}):
        page.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None})
    text = stream.getvalue()
    return text[text.index("<svg") :].strip()


def write_png(draw: Draw, path: Path, size: tuple[float, float] = (6, 5)) -> None:
    """Write a picture.

    Raises:
        MissingExtra: matplotlib is not installed.
        InputError: the file cannot be written.
    """
    page = require_plots()(figsize=size, layout="constrained")
    draw(page.add_subplot())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        page.savefig(path, dpi=120)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def draw_bars(values: Mapping[str, Interval], label: str) -> Draw:
    """Horizontal bars with their intervals, the first on top."""

    def draw(axes: Any) -> None:
        found = list(values.values())
        places = range(len(found))
        below = [one.value - min(one.low, one.value) for one in found]
        above = [max(one.high, one.value) - one.value for one in found]
        axes.barh(places, [one.value for one in found], xerr=[below, above], capsize=3, color="#7aa6c2")
        axes.set_yticks(places, list(values))
        axes.invert_yaxis()
        axes.set(xlabel=label)

    return draw


def draw_curves(curves: Mapping[str, Curve], x: str, y: str) -> Draw:
    """Curves with their intervals as bands."""

    def draw(axes: Any) -> None:
        for name, curve in curves.items():
            at = [place for place, _ in curve]
            axes.plot(at, [found.value for _, found in curve], marker="o", label=name)
            axes.fill_between(at, [f.low for _, f in curve], [f.high for _, f in curve], alpha=0.15)
        axes.set(xlabel=x, ylabel=y)
        axes.legend()

    return draw
