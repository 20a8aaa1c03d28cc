"""A real browser on a real `coarse2fine serve`, on loopback; skipped where there is no browser to drive.

CHROMIUM names the browser, else one of the usual names on PATH is taken; AXE_CORE names axe.min.js, else the one that
axe-playwright-python carries is taken. PICTURES names a folder for screenshots of the pages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from coarse2fine.evals.study import create_study

FINDINGS = "A 12 mm nodule is seen in the right upper lobe. Small left pleural effusion. No pneumothorax."
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
SECONDS = 120.0


class Site(NamedTuple):
    """A server under test, where it keeps what it is given, and its API key."""

    url: str
    home: Path
    key: str = ""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser; closed with its module, as its event loop would be in the way of asynchronous tests."""
    for name in ("nano", "critic"):
        if not (Path(__file__).parents[2] / "serving" / "models" / name / "config.json").exists():
            pytest.skip(f"this checkout carries no serving/models/{name}")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: coarse2fine[browser]")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no browser: install chromium, or name one in CHROMIUM")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    named = os.environ.get("AXE_CORE")
    if named:
        return Path(named).read_text("utf-8")
    pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: coarse2fine[browser]")
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def site(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`coarse2fine serve` with the shipped models, a home of its own and a study of four items."""
    folder = tmp_path_factory.mktemp("site")
    with served(folder, "--study", str(make_study(folder))) as here:
        yield here


@pytest.fixture(scope="module")
def locked(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same behind an API key."""
    with served(tmp_path_factory.mktemp("locked"), key="a-key-of-this-test") as here:
        yield here


@contextmanager
def served(folder: Path, *options: str, key: str = "") -> Iterator[Site]:
    """A server that is ready; its home is in `folder`."""
    log = folder / "log"
    command = [str(Path(sys.executable).with_name("coarse2fine")), "serve", "--port", "0", *options]
    environment = {**os.environ, "COARSE2FINE_HOME": str(folder / "home"), "COARSE2FINE_API_KEY": key}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as server:
        try:
            yield Site(url_in(log, server), folder / "home", key)
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def url_in(log: Path, server: subprocess.Popen[bytes]) -> str:
    """Where the server says that it is, once its models are loaded."""
    end = time.monotonic() + 2 * SECONDS
    while time.monotonic() < end and server.poll() is None:
        said = log.read_text("utf-8")
        found = re.search(r"running on (http://[\d.]+:\d+)", said)
        if found and re.search(r"INFO:\s+ready", said):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {log.read_text('utf-8')}")


def make_study(folder: Path) -> Path:
    """Items for the readers r1 and r2."""

    def rows(name: str, count: int) -> Path:
        path = folder / f"{name}.jsonl"
        row = {"findings": FINDINGS, "clinical_information": "Cough."}
        impression = "12 mm nodule in the right upper lobe. Small left effusion."
        lines = [json.dumps({"id": f"{name}{n}", "impression": impression, **row}) for n in range(count)]
        path.write_text("\n".join(lines), "utf-8")
        return path

    create_study(rows("generated", 3), rows("original", 1), folder / "study",
                 wanted={"generated": 3, "original": 1}, seed=3)  # fmt: skip
    return folder / "study"


@pytest.fixture
def open_page(chromium: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Pages in a window of their own; an error on a page's console fails the test."""
    opened, faults = [], []

    def make(path: str = "/", scheme: str = "light", size: str = "wide") -> Any:
        context = chromium.new_context(
            base_url=site.url, viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        context.set_default_timeout(SECONDS * 1000)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(path)
        return page

    yield make
    for context in opened:
        context.close()
    assert not [fault for fault in faults if "status of" not in fault]


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keeps a screenshot where PICTURES says so."""
    folder = os.environ.get("PICTURES")

    def keep(page: Any, name: str, *, whole: bool = False) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)

    return keep
