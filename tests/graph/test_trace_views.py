from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from coarse2fine import Report, build_graph
from coarse2fine.graph import RunTrace
from coarse2fine.graph.trace_html import trace_html
from coarse2fine.graph.trace_text import trace_text
from coarse2fine.serving import ScriptedNLI

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def trace(scripted: Any, prompts: Any) -> RunTrace:
    report = Report(
        id=f'"{EVIL}',
        exam=EVIL,
        clinical_information="[bold]Cough[/bold]",
        findings=f"There is a small left pleural effusion. {EVIL} \x1b[2J[red]Heart[/red] size is normal. "
        "No pneumothorax.",
    )
    chat, _ = scripted(
        draft=[f"Small left pleural effusion. Large right pneumothorax {EVIL}."],
        draft_revised=["Small left pleural effusion."],
    )
    made: RunTrace = build_graph(chat, ScriptedNLI(), prompts, trace_store=None).invoke({"report": report})["trace"]
    return made


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_escapes_what_the_report_says(trace: RunTrace) -> None:
    html = trace_html(trace)
    page = Page(html)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert EVIL not in html
    assert html.count("&lt;script&gt;alert(") >= 3
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]


def test_the_page_needs_nothing_else(trace: RunTrace) -> None:
    page = Page(trace_html(trace))
    links = [
        v for _, attributes in page.tags for k, v in attributes.items() if k in ("src", "href", "srcset", "action")
    ]
    assert links
    assert all(link and link.startswith("#s") for link in links)
    assert "url(" not in trace_html(trace)
    assert "prefers-color-scheme: dark" in trace_html(trace)
    assert "@media print" in trace_html(trace)


def test_the_pages_script_is_the_one_that_its_policy_allows(trace: RunTrace) -> None:
    import base64
    import hashlib

    html = trace_html(trace)
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in html or f"script-src 'sha256-{digest}'" in html


def test_sentences_point_at_their_evidence(trace: RunTrace) -> None:
    page = Page(trace_html(trace))
    ids = {attributes["id"] for tag, attributes in page.tags if tag == "span" and "id" in attributes}
    claims = [str(attributes["data-evidence"]) for _, attributes in page.tags if "data-evidence" in attributes]
    assert claims[0] == "0"
    assert {f"s{n}" for claim in claims for n in claim.split()} <= ids


def test_the_findings_stand_whole_on_the_page(trace: RunTrace) -> None:
    assert trace.report.findings in "".join(Page(trace_html(trace)).words)


def test_the_page_says_in_words_what_colours_say(trace: RunTrace) -> None:
    words = " ".join(Page(trace_html(trace)).words)
    for said in ("✘ contradicted", "✔ supported", "Round 1: write", "Round 2: revise (kept)", "Told: contradicted"):
        assert said in words


def test_the_terminal_view_without_colours(trace: RunTrace) -> None:
    out = io.StringIO()
    Console(file=out, width=300, no_color=True).print(trace_text(trace))
    text = out.getvalue()
    for said in (
        "✘ contradicted",
        "✔ supported",
        "round 1: write",
        "round 2: revise (kept)",
        "[-Large right",
        "told: ",
    ):
        assert said in text
    assert "[red]Heart[/red]" in text
    assert "\x1b" not in text


def test_the_terminal_view_of_a_failed_run(trace: RunTrace) -> None:
    out = io.StringIO()
    failed = trace.model_copy(update={"status": "failed", "error": "the model broke", "texts": ()})
    Console(file=out, width=100).print(trace_text(failed))
    assert "the model broke" in out.getvalue()
    assert "the model broke" in trace_html(failed)
