"""Pictures of a collection's statistics. What draws them, matplotlib, is an extra."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from coarse2fine.reports.errors import InputError, MissingExtra
from coarse2fine.reports.statistics import Statistics

__all__ = ["require_plots", "write_plots"]

_DECILES = tuple(range(0, 101, 10))


def require_plots() -> None:
    """See to it that plots can be drawn, before a long file is read for them.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    _figure()


def write_plots(found: Statistics, folder: Path) -> tuple[Path, ...]:
    """Write lengths.png and ratio.png (by decile), sexes.png and ages.png, but those that would be empty.

    Returns:
        The files.

    Raises:
        MissingExtra: matplotlib is not installed.
        InputError: the folder cannot be written.
    """
    figure = _figure()
    drawn: dict[str, Callable[[Any], None]] = {}
    if found.findings.deciles:
        drawn["lengths.png"] = lambda axes: _draw_lengths(axes, found)
        drawn["sexes.png"] = lambda axes: _draw_bars(axes, found.sexes, "sex")
        drawn["ages.png"] = lambda axes: _draw_bars(axes, found.ages, "age, years")
    if found.ratio_deciles:
        drawn["ratio.png"] = lambda axes: _draw_ratio(axes, found)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in drawn.items():
            page = figure(figsize=(6, 4), layout="constrained")
            draw(page.add_subplot())
            page.savefig(folder / name, dpi=120)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from error
    return tuple(folder / name for name in drawn)


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("plots need the package matplotlib: pip install 'coarse2fine[plots]'") from error
    return Figure


def _draw_lengths(axes: Any, found: Statistics) -> None:
    axes.plot(_DECILES, found.findings.deciles, marker="o", label="findings")
    if found.impression.deciles:
        axes.plot(_DECILES, found.impression.deciles, marker="o", label="impression")
    axes.set(xlabel="% of reports that are no longer", ylabel="words", ylim=(0, None))
    axes.legend()


def _draw_ratio(axes: Any, found: Statistics) -> None:
    axes.plot(_DECILES, found.ratio_deciles, marker="o")
    if found.length_ratio is not None:
        axes.axhline(found.length_ratio, linestyle="--", label=f"mean {found.length_ratio:.2f}")
        axes.legend()
    axes.set(xlabel="% of reports", ylabel="words of findings a word of impression", ylim=(0, None))


def _draw_bars(axes: Any, counts: Mapping[str, int], label: str) -> None:
    axes.bar(list(counts), list(counts.values()))
    axes.set(xlabel=label, ylabel="reports")
