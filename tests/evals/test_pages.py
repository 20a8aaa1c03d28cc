"""Pages of figures as Markdown and HTML."""

from __future__ import annotations

from coarse2fine.evals.pages import Page, Section, html, interval, markdown, picture, table, words
from coarse2fine.evals.plots import draw_bars, draw_curves, svg
from coarse2fine.evals.statistics import Interval

PAGE = Page(
    "A <b>title",
    [Section(title="One", parts=(words("Said & done."), table(("name", "x"), [("a|b", 1)], "A note."))),
     Section(title="Two", parts=(picture("<svg></svg>", "A picture."),))],
)  # fmt: skip


def test_markdown_has_tables_and_no_pictures() -> None:
    assert markdown(PAGE) == (
        "# A <b>title\n\n## One\n\nSaid & done.\n\n| name | x |\n| --- | --- |\n| a\\|b | 1 |\n\nA note.\n\n## Two\n"
    )


def test_html_escapes_text_and_keeps_pictures() -> None:
    text = html(PAGE)
    assert "A &lt;b&gt;title" in text
    assert "Said &amp; done." in text
    assert '<figure role="img" aria-label="A picture."><svg></svg>' in text
    assert '<th scope="row">a|b</th><td>1</td>' in text


def test_a_table_has_its_caption_above_and_its_note_below() -> None:
    page = Page("P", [Section(title="S", parts=(table(("n",), [("a",)], "Note.", "Caption."),))])
    assert markdown(page).endswith("Caption.\n\n| n |\n| --- |\n| a |\n\nNote.\n")
    assert "<caption>Caption.</caption>" in html(page)
    assert "<caption>" not in html(PAGE)


def test_a_long_cell_is_broken_into_lines() -> None:
    page = Page("P", [Section(title="S", parts=(table(("n", "error"), [("a", "word " * 20), ("b", "short")]),))])
    assert html(page).count('<td class="long">') == 1


def test_sections_come_back_from_json() -> None:
    assert [Section.model_validate_json(s.model_dump_json()) for s in PAGE.sections] == PAGE.sections


def test_intervals_in_words() -> None:
    assert interval(Interval(0.5, 0.25, 0.75)) == "0.500 (0.250 to 0.750)"
    assert interval(Interval(0.5, -0.25, 0.75), 1, sign=True) == "+0.5 (-0.2 to +0.8)"
    assert interval(None) == "–"


def test_the_same_picture_is_the_same_text_and_names_no_file() -> None:
    found = Interval(0.5, 0.25, 0.75)
    for draw in (draw_bars({"a": found}, "x"), draw_curves({"a": [(0, found), (1, found)]}, "x", "y")):
        text = svg(draw)
        assert text == svg(draw)
        assert text.startswith("<svg")
        assert "<!DOCTYPE" not in text
        assert 'href="http' not in text
