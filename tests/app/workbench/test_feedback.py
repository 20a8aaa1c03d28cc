"""Ratings and edits of the result page, as they arrive in the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from coarse2fine.agents.style_card import StyleCard
from coarse2fine.app.workbench.card_pages import card_from
from coarse2fine.app.workbench.forms import Form
from coarse2fine.reports import Dimensions

Browse = Callable[..., Any]
TEXT = "12 mm nodule in the right upper lobe. Small left pleural effusion."


async def filled(browse: Any, audience: str = "brief", **fields: str) -> tuple[str, dict[str, str]]:
    """Where the form of a text goes, and what it sends as it is shown."""
    where = await browse.run(radiologist="r17")
    page = await browse.get(where)
    (form,) = page.all("form", aria_label=f"Feedback on the {audience} text")
    form_id = page.all("input", name="id")[["brief", "bullet", "comprehensive", "draft"].index(audience)]["value"]
    sent = {"token": page.token, "id": form_id, "audience": audience, "edited": TEXT, "decision": "save"}
    return form["action"], {**sent, **fields}


async def test_a_rating_with_dimensions_and_an_edit_is_kept_and_shown(browser: Browse) -> None:
    browse = browser()
    fields = {"rating": "positive", "clearance": "5", "coherence": "4", "comment": " short,\nand good "}
    edited = "12 mm nodule in the right upper lobe.\r\nSmall left effusion."
    where, form = await filled(browse, edited=edited, **fields)
    answer = await browse.post(where, form)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"{where.removesuffix('/feedback')}?kept=brief#text-brief",
    )
    (kept,) = browse.service.feedback.list()
    trace = browse.service.traces.get("last")
    assert (kept.radiologist, kept.audience, kept.rating, kept.trace_id) == ("r17", "brief", "positive", trace.id)
    assert kept.dimensions == Dimensions(clearance=5, coherence=4)
    assert (kept.text, kept.draft) == (TEXT, TEXT)
    assert kept.edited == "12 mm nodule in the right upper lobe.\nSmall left effusion."
    assert kept.reasons == ("short, and good",)
    assert kept.report.findings == trace.report.findings
    shown = await browse.get(answer.headers["location"])
    assert "✔ Kept." in shown.text
    assert "rated positive; clearance 5; coherence 4" in shown.text
    assert shown.all("del")


@pytest.mark.parametrize(
    ("decision", "rating", "reason"), [("accept", "neutral", "accepted"), ("reject", "negative", "rejected")]
)
async def test_accept_and_reject_are_ratings_with_a_reason(
    browser: Browse, decision: str, rating: str, reason: str
) -> None:
    browse = browser()
    where, form = await filled(browse, "draft", decision=decision)
    await browse.post(where, form)
    (kept,) = browse.service.feedback.list()
    assert (kept.rating, kept.reasons, kept.edited, kept.draft) == (rating, (reason,), None, "")


async def test_a_rating_that_is_chosen_goes_before_what_accept_stands_for(browser: Browse) -> None:
    browse = browser()
    where, form = await filled(browse, decision="accept", rating="positive")
    await browse.post(where, form)
    assert browse.service.feedback.list()[0].rating == "positive"


async def test_a_form_that_is_sent_twice_is_kept_once(browser: Browse) -> None:
    browse = browser()
    where, form = await filled(browse, rating="neutral")
    assert [(await browse.post(where, form)).status_code for _ in range(2)] == [303, 303]
    assert len(browse.service.feedback.list()) == 1
    changed = await browse.post(where, {**form, "rating": "negative"})
    assert changed.status_code == 409
    assert [one.rating for one in browse.service.feedback.list()] == ["neutral"]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"edited": " "}, "edited-brief-wrong"),
        ({"rating": "great"}, "rating-brief-wrong"),
        ({"rating": "positive", "decision": "reject"}, "rating-brief-wrong"),
        ({"clearance": "6"}, "clearance-brief-wrong"),
        ({}, ""),
    ],
)
async def test_feedback_that_cannot_be_kept_comes_back_with_what_is_wrong(
    browser: Browse, page: Any, fields: dict[str, str], place: str
) -> None:
    browse = browser()
    where, form = await filled(browse, **{"comment": "typed already", **fields})
    answer = await browse.post(where, form)
    assert answer.status_code == 422
    found = page(answer.text)
    assert found.all("p", id=place) if place else "says nothing of the text" in found.text
    assert found.all("input", id="comment-brief", value="typed already")
    assert not browse.service.feedback.list()


async def test_an_audience_without_a_text_takes_no_feedback(browser: Browse) -> None:
    browse = browser()
    where, form = await filled(browse, rating="neutral")
    assert (await browse.post(where, {**form, "audience": "lawyers"})).status_code == 422


def shown(card: StyleCard) -> list[tuple[str, str]]:
    fields = card.model_dump()
    boxes = [(name, "on") for name in ("verbatim", "full_stops") if fields[name]]
    names = ("layout", "detail", "order", "negatives", "incidentals", "wording", "capitals", "closing", "remarks")
    return [*boxes, *((name, str(fields[name])) for name in (*names, "typical_words", "typical_sentences"))]


def test_a_card_that_was_not_changed_is_not_edited() -> None:
    card = StyleCard(closing="None.", typical_words=30, learnt_from=9, normal={"": {"text": "Normal.", "share": 1.0}})
    assert card_from(Form(shown(card)), card) == card
    changed = card_from(Form([*shown(card), ("layout", "prose")]), card)
    assert changed == card.model_copy(update={"layout": "prose", "edited": True})


async def test_a_card_is_made_edited_and_listed(browser: Browse) -> None:
    browse = browser()
    path = "/workbench/cards?radiologist=r%2F17%20%3Cb%3E"
    found = await browse.get(path)
    assert "no card yet" in found.text
    who = "r/17 <b>"
    form = {"token": found.token, "radiologist": who, **dict(shown(StyleCard(layout="prose", remarks='Say "we".')))}
    answer = await browse.post("/workbench/cards", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}&kept=1")
    found = await browse.get(answer.headers["location"])
    assert "Kept." in found.text
    assert "plain sentences in one paragraph" in found.text
    (link,) = (await browse.get("/workbench/cards")).all("a", class_="big")
    assert unquote(link["href"]) == unquote(path)
    edited = StyleCard(layout="dashes", normal={"CT chest": {"text": "Normal.", "share": 0.5}}).to_yaml()
    await browse.post("/workbench/cards", {"token": found.token, "radiologist": who, "yaml": edited})
    assert "a dash before each line" in (await browse.get(path)).text


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({"layout": "columns"}, "layout", "'prose', 'numbered' or 'dashes'"),
        ({"typical_words": "-3"}, "typical_words", "greater than or equal to 0"),
        ({"typical_sentences": "some"}, "typical_sentences", "integer"),
        ({"yaml": "layout: columns\ntypical_words: x"}, "yaml", "typical_words"),
        ({"yaml": "- a\n- b"}, "yaml", "fields such as"),
        ({"yaml": "layout: [\n"}, "yaml", "no YAML"),
    ],
)
async def test_a_card_that_cannot_be_comes_back_with_the_error_beside_the_field(
    browser: Browse, page: Any, fields: dict[str, str], name: str, words: str
) -> None:
    browse = browser()
    start = await browse.get("/workbench/cards?radiologist=r17")
    form = {"token": start.token, "radiologist": "r17"}
    form |= fields if "yaml" in fields else {**dict(shown(StyleCard())), **fields}
    answer = await browse.post("/workbench/cards", form)
    assert answer.status_code == 422
    found = page(answer.text)
    (field,) = [a for tag in ("input", "select", "textarea") for a in found.all(tag, id=name)]
    assert field["aria-describedby"] == f"{name}-wrong"
    assert words in found.text
    assert "Nobody has a card yet" in (await browse.get("/workbench/cards")).text
