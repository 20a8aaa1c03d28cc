from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from coarse2fine.agents import Critic
from coarse2fine.app.server import create_app
from coarse2fine.app.service import Options, Service
from coarse2fine.evals.study import create_study
from coarse2fine.graph import FeedbackStore, TraceStore, build_graph
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

FINDINGS = "A 12 mm nodule is seen in the right upper lobe. Small left pleural effusion. No pneumothorax."
TEXT = "12 mm nodule in the right upper lobe. Small left pleural effusion."
VOID = {"meta", "link", "input", "br", "hr", "img", "wbr"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Element(NamedTuple):
    tag: str
    attrs: dict[str, str]
    inside: tuple[str, ...]


class Page(HTMLParser):
    """A page taken apart; what is not well-formed fails."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"{tag} ends before it begins"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str, **attrs: str) -> list[dict[str, str]]:
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attrs.items()}
        return [e.attrs for e in self.elements if e.tag == tag and wanted.items() <= e.attrs.items()]

    @property
    def text(self) -> str:
        return " ".join(self.words.split())

    @property
    def token(self) -> str:
        return self.all("input", name="token")[0]["value"]


class Browser:
    """A browser without scripts, on an app without a socket."""

    def __init__(self, http: httpx.AsyncClient, service: Service) -> None:
        self.http, self.service = http, service

    async def get(self, path: str, status: int = 200) -> Page:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return Page(answer.text)

    async def post(self, path: str, form: dict[str, Any], **headers: str) -> httpx.Response:
        sent = {"Origin": str(self.http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin", **headers}
        return await self.http.post(path, data=form, headers={k: v for k, v in sent.items() if v})

    async def run(self, report: str = FINDINGS, **fields: Any) -> str:
        """Hand in a report; the path of its result."""
        home = await self.get("/workbench/")
        form = {"audience": ["brief", "bullet", "comprehensive"], **fields}
        answer = await self.post("/workbench/runs", {"token": home.token, "report": report, **form})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
async def browser() -> AsyncIterator[Callable[..., Browser]]:
    opened: list[httpx.AsyncClient] = []

    def make(
        replies: Any = (TEXT,),
        study: Path | None = None,
        host: str = "http://localhost",
        critic: Critic | None = None,
        **options: Any,
    ) -> Browser:
        traces = TraceStore()
        model = ScriptedChatModel(replies=replies if callable(replies) else list(replies))
        judge = Critic(ScriptedNLI(0.0))
        graph = build_graph(model, judge, trace_store=traces)
        service = Service(graph, Options(**options), traces, FeedbackStore(), critic=critic or judge)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(service, study)), base_url=host)
        opened.append(http)
        return Browser(http, service)

    yield make
    for one in opened:
        await one.aclose()


@pytest.fixture
def page() -> type[Page]:
    return Page


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of four items, for the readers r1 and r2."""

    def rows(name: str, count: int) -> Path:
        path = tmp_path / f"{name}.jsonl"
        row = {"findings": FINDINGS, "clinical_information": "Cough."}
        lines = [json.dumps({"id": f"{name}{n}", "impression": f"Nodule {name[:1]}{n}.", **row}) for n in range(count)]
        path.write_text("\n".join(lines), "utf-8")
        return path

    wanted = {"generated": 3, "original": 1}
    create_study(rows("generated", 3), rows("original", 1), tmp_path / "study", wanted=wanted, seed=3)
    return tmp_path / "study"
