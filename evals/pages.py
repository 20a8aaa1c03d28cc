"""A page of figures, as Markdown and as one HTML file that needs nothing else: text, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import jinja2
from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.statistics import Difference, Interval

__all__ = ["Page", "Part", "Section", "html", "interval", "markdown", "picture", "table", "words"]


class Part(BaseModel):
    """A piece of a section: a table where it has a head, a picture where it has one, else a paragraph.

    Args:
        text: the paragraph, or what stands under a table or picture.
        head, rows: cells as text; the first column names the row.
        caption: what a table holds, above it.
        svg: an SVG element.
    """

    model_config = ConfigDict(frozen=True)

    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    caption: str = ""
    svg: str = ""


class Section(BaseModel):
    """A heading and what stands under it."""

    model_config = ConfigDict(frozen=True)

    title: str
    parts: tuple[Part, ...] = ()


class Page(NamedTuple):
    """A title and sections."""

    title: str
    sections: Sequence[Section]


def words(text: str) -> Part:
    """A paragraph."""
    return Part(text=text)


def table(head: Iterable[str], rows: Iterable[Iterable[object]], text: str = "", caption: str = "") -> Part:
    """A table, with `caption` above and `text` below."""
    return Part(head=tuple(head), rows=tuple(tuple(map(str, row)) for row in rows), text=text, caption=caption)


def picture(svg: str, text: str) -> Part:
    """A picture with what it shows in words."""
    return Part(svg=svg, text=text)


def interval(found: Interval | Difference | None, digits: int = 3, sign: bool = False) -> str:
    """ "0.621 (0.600 to 0.640)"; "–" for None."""
    if found is None:
        return "–"
    mark = "+" if sign else ""
    value, low, high = (f"{number:{mark}.{digits}f}" for number in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def markdown(page: Page) -> str:
    """The page as Markdown; pictures are in the HTML only."""
    parts = [f"# {page.title}"]
    for section in page.sections:
        parts += [f"## {section.title}", *(text for part in section.parts if (text := _markdown(part)))]
    return "\n\n".join(parts) + "\n"


def _markdown(part: Part) -> str:
    if part.svg:
        return ""
    if not part.head:
        return part.text
    lines = [part.head, ("---",) * len(part.head), *part.rows]
    drawn = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)
    return "\n\n".join(text for text in (part.caption, drawn, part.text) if text)


def html(page: Page) -> str:
    """The page as HTML, pictures inside."""
    return _template().render(page=page)


@cache
def _template() -> jinja2.Template:
    source = (files("coarse2fine.evals") / "page.html.j2").read_text("utf-8")
    return jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source)
