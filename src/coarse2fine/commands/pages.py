"""A page of figures in the terminal and on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from coarse2fine.commands.console import errors, output, write_file

if TYPE_CHECKING:
    from coarse2fine.evals.pages import Page, Part, Section

__all__ = ["print_page", "print_sections", "write_page"]


def print_page(page: Page) -> None:
    """Paragraphs and tables of a page on standard output; its pictures are in the HTML only."""
    output.print(Text(page.title, style="bold"))
    print_sections(page.sections)


def print_sections(sections: Sequence[Section]) -> None:
    """Some sections of a page."""
    for section in sections:
        output.print(Text(f"\n{section.title}", style="bold"))
        for part in section.parts:
            _print_part(part)


def _print_part(part: Part) -> None:
    if part.svg:
        return
    if part.head:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for number, name in enumerate(part.head):
            table.add_column(Text(name), justify="left" if number == 0 else "right")
        for row in part.rows:
            table.add_row(*map(Text, row))
        output.print(table)
    if part.text:
        output.print(Text(part.text, style="dim" if part.head else ""))


def write_page(page: Page, markdown_file: Path, html_file: Path) -> None:
    """Write a page in both forms.

    Raises:
        InputError: a file cannot be written.
    """
    from coarse2fine.evals.pages import html, markdown
    from coarse2fine.evals.plots import can_draw

    write_file(markdown_file, markdown(page))
    write_file(html_file, html(page))
    if not can_draw():
        errors.print("no pictures: plots need the package matplotlib: pip install 'coarse2fine[plots]'", markup=False)
    errors.print(f"written: {markdown_file}, {html_file}", style="dim", markup=False, soft_wrap=True)
