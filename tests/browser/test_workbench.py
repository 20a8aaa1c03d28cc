"""The workbench as a radiologist meets it: shipped models, a real browser, mouse and keyboard, light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

pytestmark = pytest.mark.slow

Open = Callable[..., Any]
Picture = Callable[..., None]

INVENTED = "There is a large right pneumothorax."
NEVER = "urn:coarse2fine:not_ready"
LIGHTS = ("light", "dark")
SERIOUS = ("serious", "critical")
RUN = re.compile(r"/workbench/runs/[\w-]+")


class Run(NamedTuple):
    """A run that the server did, with an edit of its brief text that the critic refuses."""

    path: str
    brief: str


def expect(found: Any) -> Any:
    from playwright.sync_api import expect

    expect.set_options(timeout=120_000)
    return expect(found)


def text_of(page: Any, name: str = "brief") -> str:
    return str(page.locator(f"#edited-{name}").input_value())


@pytest.fixture(scope="module")
def run(chromium: Any, site: Any) -> Run:
    """Hand the example in, and add to the brief text what no finding says."""
    with chromium.new_context(base_url=site.url) as context:
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto("/")
        page.get_by_role("button", name="Fill in an example").click()
        page.get_by_role("button", name="Write impressions").click()
        page.wait_for_url(RUN)
        path, brief = page.url.removeprefix(site.url), text_of(page)
        page.locator("#edit-brief summary").click()
        page.locator("#edited-brief").fill(f"{brief} {INVENTED}")
        page.locator("#edit-brief").get_by_role("button", name="Save").click()
        page.wait_for_url(re.compile("kept=brief"))
    return Run(path, brief)


# ------------------------------------------------------------ a report, step by step
def test_a_report_is_written_live_and_each_sentence_shows_its_evidence(open_page: Open, picture: Picture) -> None:
    page = open_page()
    page.get_by_role("button", name="Fill in an example").click()
    page.get_by_label("Radiologist").fill("r17")
    page.get_by_role("button", name="Write impressions").click()
    expect(page.locator("#live-draft .words")).not_to_be_empty()
    picture(page, "workbench-run")
    page.wait_for_url(RUN)
    for audience in ("Brief", "Bullet", "Comprehensive"):
        section = page.get_by_role("region", name=re.compile(f"^{audience}"))
        expect(section.locator(".impression")).not_to_be_empty()
        expect(section.locator(".claim").first).to_be_visible()
    claim = page.locator("#text-comprehensive .claim").first
    claim.hover()
    lit = page.locator(".findings .piece.lit")
    expect(lit.first).to_be_visible()
    start, end = (int(claim.get_attribute(f"data-{name}")) for name in ("start", "end"))
    covered = [int(piece.get_attribute("data-start")) for piece in lit.all()]
    assert min(covered) <= start < end, "the findings that light up are the sentence's evidence"
    page.mouse.move(0, 0)
    expect(page.locator(".lit")).to_have_count(0)
    page.locator(".findings .piece").first.hover()
    expect(page.locator(".claim.lit").first).to_be_visible()
    picture(page, "workbench-result")


def test_an_edit_goes_through_the_critic_and_is_kept_and_marked(open_page: Open, run: Run, picture: Picture) -> None:
    page = open_page(run.path)
    brief = page.locator("#text-brief")
    expect(brief.get_by_role("heading", level=2)).to_contain_text("as you edited it ! needs review")
    expect(brief.locator(".review").first).to_contain_text(INVENTED)
    wrong = brief.locator("#text-brief-edit .claim").filter(has_text=INVENTED)
    expect(wrong).to_have_class(re.compile("unsupported|contradicted"))
    wrong.focus()
    expect(page.locator("li.lit").first).to_contain_text("Because")
    expect(brief.locator(".changes ins")).to_have_text(INVENTED)
    assert text_of(page) == f"{run.brief} {INVENTED}", "the next edit begins where the last one ended"
    picture(page, "workbench-edit")
    page.get_by_role("button", name="Copy brief").click()
    expect(brief.get_by_role("status").filter(has_text="Copied")).to_contain_text("needs review")
    assert page.evaluate("navigator.clipboard.readText()") == f"{run.brief} {INVENTED}"
    brief.get_by_text("As it was written").click()
    expect(brief.locator(".original .impression")).to_be_visible()


def test_a_text_is_rated_and_the_history_and_the_trace_know_it(open_page: Open, run: Run, picture: Picture) -> None:
    page = open_page(run.path)
    bullet = page.locator("#text-bullet")
    bullet.get_by_text("Edit and rate").click()
    bullet.get_by_label("better").check()
    bullet.get_by_label("conciseness").select_option("5")
    bullet.get_by_role("button", name="Accept").click()
    page.wait_for_url(re.compile("kept=bullet"))
    expect(bullet.get_by_role("status").filter(has_text="Kept")).to_be_visible()
    expect(bullet.locator(".kept").last).to_contain_text("accepted; rated positive; conciseness 5")
    page.get_by_role("link", name="History").click()
    row = page.get_by_role("row").filter(has_text=run.path.rpartition("/")[2].partition("?")[0])
    expect(row).to_contain_text("brief edited")
    expect(row).to_contain_text("bullet rated positive")
    row.get_by_role("link", name=re.compile("Every round")).click()
    edit = page.get_by_role("article").filter(has_text="Edited by a person")
    expect(edit.locator("ins")).to_have_text(INVENTED)
    expect(edit).to_contain_text("needs review")
    expect(page.get_by_role("article").filter(has_text="Round 1: write").first).to_be_visible()


def test_a_run_begins_once_the_models_are_there(open_page: Open) -> None:
    page = open_page()
    answers = [503, 503]

    def still_loading(route: Any) -> None:
        if route.request.method == "POST" and answers:
            route.fulfill(status=answers.pop(), json={"type": NEVER, "detail": "the models are loading"})
        else:
            route.continue_()

    page.route("**/workbench/runs", still_loading)
    page.get_by_role("button", name="Fill in an example").click()
    page.get_by_role("button", name="Write impressions").click()
    expect(page.get_by_text("The models are being loaded")).to_be_visible()
    page.wait_for_url(RUN)
    assert not answers


def test_a_report_without_findings_is_named_beside_its_field(open_page: Open) -> None:
    page = open_page()
    page.get_by_label(re.compile("^Report")).fill("IMPRESSION: Normal.")
    page.get_by_role("button", name="Write impressions").click()
    expect(page.locator("#report")).to_be_focused()
    expect(page.locator("#report-wrong")).to_be_visible()
    expect(page.locator("#report")).to_have_attribute("aria-invalid", "true")


# ------------------------------------------------------------ the keyboard alone
def visible_focus(page: Any) -> str:
    """What has the focus; it must show it, and stand in the window."""
    found = page.evaluate(
        """() => {
          const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
          return {name: `${at.tagName} ${at.id || at.textContent.trim().slice(0, 30)}`, body: at === document.body,
                  seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
                  inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth};
        }"""
    )
    assert found["body"] or (found["seen"] and found["inside"]), found
    return str(found["name"])


@pytest.mark.parametrize("name", ["home", "result", "study"])
def test_tab_reaches_everything_and_shows_where_it_is(open_page: Open, run: Run, name: str) -> None:
    page = open_page({"home": "/", "result": run.path, "study": "/workbench/study/r2/1"}[name])
    page.wait_for_load_state()
    if name == "study":
        page.locator("main").focus()
    stops = ("a[href]", "button", "input:not([type=hidden])", "select", "textarea", "summary", "[tabindex='0']")
    most = page.locator(", ".join(f"{stop}:visible" for stop in stops)).count()
    reached = []
    for _ in range(most):
        page.keyboard.press("Tab")
        reached.append(visible_focus(page))
        if reached[-1].endswith("Keyboard shortcuts"):
            break
    assert reached[-1].endswith("Keyboard shortcuts"), "the last stop is at the foot of the page"
    if name == "result":
        assert sum("c-" in one for one in reached) == page.locator(".claim:visible").count()


def test_the_first_stop_skips_the_menu(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    assert "Skip" in visible_focus(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label(re.compile("^Report"))).to_be_focused()


def test_a_report_is_handed_in_and_cancelled_by_keys(open_page: Open) -> None:
    page = open_page()
    page.route("**/workbench/runs", lambda _: None)
    page.get_by_label(re.compile("^Report")).fill("Small left pleural effusion.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Write impressions")).to_be_enabled()
    expect(page.get_by_label(re.compile("^Report"))).to_be_focused()
    expect(page.get_by_label(re.compile("^Report"))).to_have_value("Small left pleural effusion.")


def test_sentences_verdicts_and_edits_are_reached_by_single_keys(open_page: Open, run: Run) -> None:
    page = open_page(run.path)
    page.keyboard.press("j")
    first = page.locator(".claim").first
    expect(first).to_be_focused()
    expect(page.locator("li.lit").first).to_be_visible()
    page.keyboard.press("Enter")
    verdict = page.locator(f"#n-{first.get_attribute('data-claim')}")
    expect(verdict).to_be_in_viewport()
    expect(verdict).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#edited-brief")).to_be_focused()
    page.keyboard.type("j")
    assert "j" in text_of(page).replace(INVENTED, ""), "in a field a key is a letter"
    page.keyboard.press("Escape")
    expect(first).to_be_focused()
    page.keyboard.press("?")
    page.get_by_label("Take single keys as shortcuts").uncheck()
    page.keyboard.press("j")
    expect(page.get_by_label("Take single keys as shortcuts")).to_be_focused()


def test_a_reader_rates_an_item_with_digits_alone(open_page: Open, picture: Picture) -> None:
    page = open_page("/workbench/study/r1", scheme="dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("Item 1 of 4")
    for key in "345545":
        page.keyboard.press(key)
    expect(page.locator("#rating-3")).to_be_checked()
    expect(page.get_by_role("button", name="Save and go on")).to_be_focused()
    picture(page, "workbench-study-dark")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Item 2 of 4")
    expect(page.get_by_text("1 of 4 rated")).to_be_visible()


def test_a_style_card_is_changed_and_read_back(open_page: Open) -> None:
    page = open_page("/workbench/cards")
    page.get_by_label(re.compile("^Radiologist")).fill("r18")
    page.keyboard.press("Enter")
    page.get_by_label("Layout").select_option("prose")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Kept")
    expect(page.get_by_text("plain sentences in one paragraph")).to_be_visible()


# ------------------------------------------------------------ every page, every way
def pages(run: Run) -> list[str]:
    return [
        "/workbench/", run.path, f"{run.path}/trace", "/workbench/runs", "/workbench/cards",
        "/workbench/cards?radiologist=r17", "/workbench/study", "/workbench/study/r2/1", "/workbench/runs/none",
    ]  # fmt: skip


@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("scheme", LIGHTS)
def test_every_page_is_accessible_and_fits(
    open_page: Open, run: Run, axe: str, picture: Picture, scheme: str, size: str
) -> None:
    page = open_page(scheme=scheme, size=size)
    faults, checked = [], 0
    for path in pages(run):
        page.goto(path)
        if path == run.path:
            page.locator(".claim").first.focus()
            if (scheme, size) == ("dark", "narrow"):
                picture(page, "workbench-narrow-dark")
            page.keyboard.press("e")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        checked += len(found["passes"])
        faults += [
            (path, one["id"], one["nodes"][0]["target"]) for one in found["violations"] if one["impact"] in SERIOUS
        ]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the window"
    assert checked > 100
    assert not faults


def test_nothing_comes_from_another_host(open_page: Open, run: Run, site: Any) -> None:
    asked: list[str] = []
    page = open_page()
    page.on("request", lambda request: asked.append(request.url))
    for path in pages(run):
        page.goto(path)
    assert len(asked) >= len(pages(run))
    assert not [url for url in asked if not url.startswith(site.url)]
