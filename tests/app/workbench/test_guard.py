"""Who gets in, and whose forms are taken; pages that anybody can read."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.app.workbench.sessions import Sessions
from coarse2fine.reports import InputError

Browse = Callable[..., Any]
KEY = "a-key-of-sixteen-and-more"
FINDINGS = "Small left pleural effusion. No pneumothorax."
POSTS = ("runs", "runs/none/feedback", "cards", "study/r1/1", "logout", "login")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", POSTS)
async def test_a_form_of_another_site_is_refused(
    browser: Browse, study: Path, path: str, headers: dict[str, str]
) -> None:
    browse = browser(study=study)
    token = (await browse.get("/workbench/")).token
    answer = await browse.post(f"/workbench/{path}", {"token": token, "report": FINDINGS}, **headers)
    assert answer.status_code == 403
    assert not browse.service.traces.list()


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", ["", "0" * 64, "ü"])
async def test_a_form_without_the_token_of_the_visit_is_refused(
    browser: Browse, study: Path, path: str, token: str
) -> None:
    browse = browser(study=study)
    await browse.get("/workbench/")
    assert (await browse.post(f"/workbench/{path}", {"token": token, "report": FINDINGS})).status_code == 403


async def test_the_token_of_another_visit_is_refused(browser: Browse) -> None:
    browse = browser()
    token = (await browse.get("/workbench/")).token
    browse.http.cookies.clear()
    assert (await browse.post("/workbench/runs", {"token": token, "report": FINDINGS})).status_code == 403
    assert (await browse.get("/workbench/")).token != token


async def test_a_body_that_is_no_form_or_too_large_is_refused(browser: Browse) -> None:
    browse = browser(max_body=2_000)
    headers = {"Content-Type": "application/json"}
    assert (await browse.http.post("/workbench/runs", content="{}", headers=headers)).status_code == 415
    assert (await browse.post("/workbench/runs", {"report": "x" * 3_000})).status_code == 413
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browse.http.post("/workbench/runs", content=b"report=%ff", headers=headers)).status_code == 400


async def test_with_keys_pages_need_a_session_and_the_cookie_is_well_kept(browser: Browse, page: Any) -> None:
    browse = browser(keys=(KEY,), host="https://radiology.example")
    for path in ("/", "/workbench/", "/workbench/runs", "/workbench/cards", "/workbench/nothing"):
        answer = await browse.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/login")
    login = await browse.get("/workbench/login")
    assert not login.all("nav")
    assert (await browse.post("/workbench/runs", {"token": login.token, "report": FINDINGS})).status_code == 401
    wrong = await browse.post("/workbench/login", {"token": login.token, "key": f"{KEY}x"})
    assert wrong.status_code == 401
    assert KEY not in wrong.text
    before = browse.http.cookies["coarse2fine"]
    token = page(wrong.text).token
    answer = await browse.post("/workbench/login", {"token": token, "key": KEY})
    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Secure", "Path=/workbench"))
    assert KEY not in cookie
    assert browse.http.cookies["coarse2fine"] != before, "who knew the visit before is not let in"
    await browse.get(await browse.run(FINDINGS))
    token = (await browse.get("/workbench/")).token
    visit = browse.http.cookies["coarse2fine"]
    assert (await browse.post("/workbench/logout", {"token": token})).headers["location"] == "/workbench/login"
    answer = await browse.http.get("/workbench/", headers={"Cookie": f"coarse2fine={visit}"})
    assert answer.status_code == 303, "a session that was left stays closed"


async def test_a_session_opens_pages_and_not_the_api(browser: Browse) -> None:
    browse = browser(keys=(KEY,), host="http://radiology.example")
    login = await browse.get("/workbench/login")
    await browse.post("/workbench/login", {"token": login.token, "key": KEY})
    headers = {"Cookie": f"coarse2fine={browse.http.cookies['coarse2fine']}"}
    assert (await browse.http.get("/workbench/", headers=headers)).status_code == 200
    for path in ("/v1/traces", "/metrics", "/openapi.json"):
        assert (await browse.http.get(path, headers=headers)).status_code == 401
    bearer = {"Authorization": f"Bearer {KEY}"}
    browse.http.cookies.clear()
    assert (await browse.http.get("/workbench/runs", headers=bearer)).status_code == 200


async def test_guesses_of_a_key_are_limited(browser: Browse) -> None:
    browse = browser(keys=(KEY,), rate=3)
    token = (await browse.get("/workbench/login")).token
    tries = [await browse.post("/workbench/login", {"token": token, "key": f"wrong{n}"}) for n in range(4)]
    assert [answer.status_code for answer in tries] == [401, 401, 429, 429]


def test_a_session_ends_after_half_a_day() -> None:
    now = 0.0
    sessions = Sessions((KEY,), lambda: now)
    visit = sessions.enter(KEY)
    now = 12 * 3_600 - 1
    assert sessions.admits(visit)
    now += 2
    assert not sessions.admits(visit)
    assert not sessions.admits("")


async def test_another_host_is_refused_without_a_key(browser: Browse) -> None:
    answer = await browser().http.get("/workbench/", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_a_study_that_is_not_there_is_named_at_the_start(browser: Browse, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--study"):
        browser(study=tmp_path / "none")


@pytest.fixture
async def pages(browser: Browse, study: Path) -> dict[str, Any]:
    """Every page."""
    browse = browser(replies=["Probable pneumonia.", "Small left pleural effusion."], study=study)
    where = await browse.run(FINDINGS)
    paths = [
        "/workbench/", where, f"{where}/trace", "/workbench/runs", "/workbench/study", "/workbench/study/r1/1",
        "/workbench/cards", "/workbench/cards?radiologist=r17",
    ]  # fmt: skip
    found = {path: await browse.get(path) for path in paths}
    found["problem"] = await browse.get("/workbench/runs/none", 404)
    found["login"] = await browser(keys=(KEY,)).get("/workbench/login")
    return found


async def test_every_field_has_a_label_and_every_page_its_landmarks(pages: dict[str, Any]) -> None:
    for path, page in pages.items():
        labelled = {e["for"] for e in page.all("label")}
        fields = [a for tag in ("input", "select", "textarea", "progress") for a in page.all(tag)]
        for field in fields:
            if field.get("type") != "hidden":
                assert field["id"] in labelled, f"{path}: {field}"
        ids = [e.attrs["id"] for e in page.elements if "id" in e.attrs]
        assert labelled <= set(ids), path
        assert len(ids) == len(set(ids)), path
        assert len(page.all("h1")) == 1
        assert page.elements[0].attrs == {"lang": "en"}
        assert page.all("a", class_="skip", href="#main")
        assert page.all("main", id="main")
        described = {name for e in page.elements for name in e.attrs.get("aria-describedby", "").split()}
        assert described <= set(ids), path
        assert all(e.get("scope") for e in page.all("th"))
        assert re.search(r"<title>\S.* · coarse2fine</title>", page.html), path


async def test_shortcuts_are_listed_where_they_work(pages: dict[str, Any]) -> None:
    script = (files("coarse2fine.app.workbench") / "static" / "workbench.js").read_text("utf-8")
    for page in pages.values():
        assert "Keyboard shortcuts" in page.text
        assert page.all("input", id="single-keys")
    (item,) = (page for path, page in pages.items() if path.endswith("/study/r1/1"))
    for key in ("1 2 3worse, as good, better", "0back to the rating", "n pnext, previous item"):
        assert key in item.text
    (result,) = (page for path, page in pages.items() if re.fullmatch(r"/workbench/runs/[^/]+", path))
    for key in ("j knext, previous sentence", "eedit the text", "ccopy the text"):
        assert key in result.text
    for key in ("j:", "k:", "c:", "e:", "n:", "p:", "0:", '"?":'):
        assert key in script


async def test_pages_need_no_other_host_and_allow_no_inline_script(browser: Browse, pages: dict[str, Any]) -> None:
    browse = browser()
    answer = await browse.http.get("/workbench/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("same-origin", "no-store")
    assert "HttpOnly" in answer.headers["set-cookie"]
    for page in pages.values():
        for element in page.elements:
            assert element.tag != "style"
            assert "style" not in element.attrs
            assert not [name for name in element.attrs if name.startswith("on")]
            for name in ("src", "href", "action"):
                assert element.attrs.get(name, "/").startswith(("/", "#")), element
        (script,) = page.all("script")
        assert script["src"].startswith("/workbench/static/")
    for path in (script["src"], page.all("link", rel="stylesheet")[0]["href"], page.all("link", rel="icon")[0]["href"]):
        got = await browse.http.get(path)
        assert got.status_code == 200
        assert "immutable" in got.headers["cache-control"]
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import", got.text)
    assert (await browse.http.get("/workbench/static/..%2Fdesk.py")).status_code == 404
    assert (await browse.http.get("/workbench/static/desk.py")).status_code == 404


def colours() -> list[dict[str, str]]:
    """The colours of the light and of the dark page."""
    css = (files("coarse2fine.app.workbench") / "static" / "workbench.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w+)", part)) for part in css.split("@media", 2)[:2])
    return [light, dark]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *((ink, on, 4.5) for ink in ("ink", "dim", "good", "bad", "warn") for on in ("paper", "soft", "review")),
        ("ink", "lit", 4.5), ("ink", "add", 4.5), ("ink", "cut", 4.5), ("dim", "add", 4.5), ("dim", "cut", 4.5),
        ("on-main", "main", 4.5), ("line", "paper", 3.0), ("line", "soft", 2.7), ("focus", "paper", 3.0),
        ("focus", "soft", 3.0),
    ],
)  # fmt: skip
def test_contrast_is_wcag_aa(theme: int, ink: str, ground: str, least: float) -> None:
    found = colours()[theme]
    one, other = sorted((luminance(found[ink]), luminance(found[ground])))
    assert (other + 0.05) / (one + 0.05) >= least
