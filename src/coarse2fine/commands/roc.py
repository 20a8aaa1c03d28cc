"""What `coarse2fine eval critic --roc` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coarse2fine.commands.console import errors, print_error, write_file

if TYPE_CHECKING:
    from coarse2fine.evals.critic_benchmark import Judged
    from coarse2fine.evals.roc import RocFigures

__all__ = ["write_roc"]


def write_roc(judged: Mapping[str, Sequence[Judged]], data: str, out: Path) -> RocFigures:
    """Write roc.json and roc.html, and with matplotlib roc.png and calibration.png, into a folder.

    Raises:
        InputError: the claims that reach the model all hold, or none does; or a file cannot be written.
    """
    from coarse2fine.evals.pages import html
    from coarse2fine.evals.plots import require_plots, write_png
    from coarse2fine.evals.roc import roc
    from coarse2fine.evals.roc_page import calibration_plot, roc_page, roc_plot
    from coarse2fine.reports import MissingExtra

    found = roc(judged)
    write_file(out / "roc.json", found.model_dump_json(indent=2) + "\n")
    write_file(out / "roc.html", html(roc_page(found, data)))
    try:
        require_plots()
    except MissingExtra as error:
        print_error(error)
    else:
        write_png(lambda axes: roc_plot(axes, found.models), out / "roc.png")
        write_png(lambda axes: calibration_plot(axes, found.models), out / "calibration.png")
    errors.print(f"written: {out}", style="dim", markup=False, soft_wrap=True)
    return found
