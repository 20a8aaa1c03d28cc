"""The way in where an API key is asked for, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def serious(page: Any, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 10
    return [one["id"] for one in found["violations"] if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_key_opens_the_workbench_and_a_wrong_one_is_told(
    chromium: Any, locked: Any, axe: str, scheme: Any, width: int
) -> None:
    with chromium.new_context(
        base_url=locked.url, viewport={"width": width, "height": 900}, color_scheme=scheme
    ) as context:
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto("/")
        assert page.url.endswith("/workbench/login")
        assert page.locator("#key").evaluate("field => field === document.activeElement")
        assert serious(page, axe) == []
        page.keyboard.type("not the key")
        page.keyboard.press("Enter")
        page.locator("#key[aria-invalid=true]").wait_for()
        described = str(page.locator("#key").get_attribute("aria-describedby"))
        assert page.locator(f"#{described}").inner_text().strip()
        assert "not the key" not in page.content()
        assert serious(page, axe) == []
        page.locator("#key").fill(locked.key)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Write impressions").wait_for()
        (cookie,) = context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert locked.key not in cookie["value"]
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/workbench/login")
        page.goto("/workbench/runs")
        assert page.url.endswith("/workbench/login")


def test_a_script_without_the_key_gets_nothing(chromium: Any, locked: Any) -> None:
    with chromium.new_context(base_url=locked.url) as context:
        assert context.request.get("/v1/models").status == 401
        assert context.request.get("/v1/models", headers={"Authorization": f"Bearer {locked.key}"}).status == 200
        refused = context.request.post("/workbench/runs", form={"report": "FINDINGS: clear."}, max_redirects=0)
        assert refused.status in (303, 401, 403)
        assert context.cookies() == []
