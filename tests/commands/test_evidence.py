"""`coarse2fine eval select | typos | critic --roc | ceiling | board`: what is printed and written, and exit codes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jinja2
import pytest
from typer.testing import CliRunner, Result

from coarse2fine.cli import app
from coarse2fine.evals import board, selection
from coarse2fine.evals.metrics import facts
from coarse2fine.reports import ModelError
from coarse2fine.serving import LoadedModel, ScriptedChatModel, ScriptedNLI

Run = Callable[..., Result]
LOADED = (board, facts, selection)  # before a test replaces loaders, which they would keep
FINDINGS = [
    ("Small left pleural effusion. No pneumothorax.", "Small left pleural effusion."),
    ("The lungs are clear. The heart is normal in size.", "No acute disease."),
    ("Right lower lobe consolidation. No effusion.", "Right lower lobe consolidation."),
]


@pytest.fixture
def cli() -> Run:
    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["eval", *map(str, arguments)], env={"COLUMNS": "160"})

    return run


@pytest.fixture
def openi(tmp_path: Path) -> Path:
    rows = [{"idx": n, "inputs": findings, "target": said} for n, (findings, said) in enumerate(FINDINGS)]
    for name in ("validate", "train"):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return tmp_path / "validate.jsonl"


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, ScriptedChatModel]:
    """Models by name; any other name is a model that cannot be loaded."""
    chats = {
        "one": ScriptedChatModel(replies=["Small left pleural effusion."]),
        "two": ScriptedChatModel(replies=["No acute disease."]),
    }

    def load(name: str) -> LoadedModel:
        if name not in chats:
            raise ModelError(f"cannot load the model {name!r}")
        return LoadedModel(name, chats[name], "default")

    monkeypatch.setattr("coarse2fine.serving.load_chat_model", load)
    monkeypatch.setattr("coarse2fine.serving.load_nli", lambda name: ScriptedNLI(0.2 if name == "hf:other" else 0.9))
    return chats


# ----------------------------------------------------------------------------------------------------------- select
def test_select_prints_the_table_and_writes_it(
    cli: Run, openi: Path, models: dict[str, ScriptedChatModel], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = ("select", "--models", "one", "two", "gone", "--prompts", "base", "draft", "--data", openi, "--layout",
             "openi", "--metrics", "rouge", "length", "--resamples", "100", "--out", out)  # fmt: skip
    result = cli(*asked)
    assert result.exit_code == 0, result.stderr
    for words in ("one, default/base, loop off", "two, default, loop on", "cannot load the model 'gone'", "leads"):
        assert words in result.stdout
    assert {file.name for file in out.iterdir()} == {
        "systems.csv", "differences.csv", "selection.md", "selection.html", "rows",
    }  # fmt: skip
    assert "<svg" in (out / "selection.html").read_text("utf-8")
    calls = len(models["one"].asked)
    found = json.loads(cli(*asked, "--json").stdout)
    assert len(models["one"].asked) == calls
    assert [bool(one["error"]) for one in found["systems"]] == [False] * 8 + [True]


def test_select_with_no_model_that_works_is_exit_code_3(
    cli: Run, openi: Path, models: dict[str, ScriptedChatModel], tmp_path: Path
) -> None:
    result = cli("select", "--models", "gone", "--data", openi, "--layout", "openi", "--metrics", "rouge",
                 "--out", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 3
    assert "Every system failed." in result.stdout


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("more", "words"),
    [(("--prompts", "poem"), "poem"), (("--metrics", "poem"), "poem"), (("--layout", "closedi"), "closedi"),
     (("stray",), "stray")],
)  # fmt: skip
def test_select_refuses_what_is_unknown(
    cli: Run, openi: Path, tmp_path: Path, more: tuple[str, ...], words: str
) -> None:
    result = cli(*more[:1] * (more[0] == "stray"), "select", "--models", "one", "--data", openi, "--layout", "openi",
                 "--out", tmp_path / "out", *more * (more[0] != "stray"))  # fmt: skip
    assert result.exit_code == 2
    assert words in result.stderr


class _Server(BaseHTTPRequestHandler):
    """Answers as an OpenAI-compatible server that always says the same."""

    asked: list[dict[str, Any]]

    def do_GET(self) -> None:
        names = ("tiny", "adapter", "gemma", "mistral", "llama")
        self._answer({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, **body})
        message = {"role": "assistant", "content": "Small left pleural effusion."}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
        self._answer({"id": "1", "object": "chat.completion", "created": 0, "model": body["model"],
                      "choices": [choice], "usage": usage})  # fmt: skip

    def _answer(self, document: object) -> None:
        text = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(socket_enabled: None) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    _Server.asked = []
    with HTTPServer(("127.0.0.1", 0), _Server) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/v1", _Server.asked
        found.shutdown()
        thread.join()


def test_select_asks_an_openai_compatible_server(
    cli: Run, openi: Path, server: tuple[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("langchain_openai", reason="a server is reached through langchain-openai")
    monkeypatch.setattr("coarse2fine.serving.load_nli", lambda name: ScriptedNLI(0.9))
    url, asked = server
    names = [f"vllm:{url}", f"vllm:{url}#adapter"]
    settings = ("--layout", "openi", "--loop", "off", "--metrics", "rouge", "--resamples", "100", "--json")
    asked_for = ("--models", *names, "--prompts", "base", "draft")
    result = cli("select", *asked_for, "--data", openi, "--out", tmp_path / "out", *settings)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert [(one["model"], one["prompts"], one["error"]) for one in found["systems"]] == [
        (name, prompts, "") for name in names for prompts in ("default/base", "default")
    ]
    assert len(asked) == 4 * len(FINDINGS)
    assert {call["path"] for call in asked} == {"/v1/chat/completions"}
    assert {call["model"] for call in asked} == {"tiny", "adapter"}


def test_select_asks_a_server_by_the_name_of_its_provider(
    cli: Run, openi: Path, server: tuple[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("langchain_openai", reason="openai: needs langchain-openai")
    pytest.importorskip("langchain.chat_models", reason="names of providers need langchain")
    monkeypatch.setattr("coarse2fine.serving.load_nli", lambda name: ScriptedNLI(0.9))
    url, asked = server
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    settings = ("--layout", "openi", "--loop", "on", "--metrics", "rouge", "--resamples", "100", "--json")
    result = cli(
        "select", "--models", "openai:tiny", "--prompts", "base", "--data", openi, "--out", tmp_path, *settings
    )
    assert result.exit_code == 0, result.stderr
    (found,) = json.loads(result.stdout)["systems"]
    assert (found["model"], found["prompts"], found["error"]) == ("openai:tiny", "default/base", "")
    assert {call["model"] for call in asked} == {"tiny"}


def test_the_documented_command_runs_on_the_papers_models(
    cli: Run, openi: Path, server: tuple[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/evaluation.md has it, but for where the servers are, the data, nano and the critic of 11 billion."""
    pytest.importorskip("langchain_openai", reason="a server is reached through langchain-openai")
    monkeypatch.setattr("coarse2fine.serving.load_nli", lambda name: ScriptedNLI(0.9))
    url, asked = server
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    text = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^coarse2fine eval (select .*openai:gpt-4o .*)$", text, re.MULTILINE)
    for port, name in ((8001, "gemma"), (8002, "mistral"), (8003, "llama")):
        line = line.replace(f"http://localhost:{port}/v1", f"{url}#{name}")
    words = line.replace("--models nano", "--models").replace("paper support", "rouge").split()
    has_providers = find_spec("langchain") is not None
    if not has_providers:
        words.remove("openai:gpt-4o")
    words[words.index("--data") + 1], words[words.index("--out") + 1] = str(openi), str(tmp_path / "out")
    result = cli(*words, "--layout", "openi", "--resamples", "100", "--json")
    assert result.exit_code == 0, result.stderr
    systems = json.loads(result.stdout)["systems"]
    wanted = {"gemma", "mistral", "llama", *({"gpt-4o"} if has_providers else ())}
    assert len(systems) == len(wanted) * 5 * 2
    assert {one["error"] for one in systems} == {""}
    assert {call["model"] for call in asked} == wanted
    assert (tmp_path / "out" / "selection.html").exists()


def test_gemmas_template_takes_a_system_turn() -> None:
    source = (Path(__file__).parents[2] / "examples" / "gemma-2-chat-template.jinja").read_text("utf-8")
    turns = [("system", "Rules."), ("user", " One "), ("assistant", "Two"), ("user", "Three")]
    settings = {"bos_token": "<bos>", "add_generation_prompt": True}
    wanted = "<start_of_turn>model\nTwo<end_of_turn>\n<start_of_turn>user\nThree<end_of_turn>\n<start_of_turn>model\n"
    for first, given in (("Rules.\n\n One", turns), ("One", turns[1:])):
        messages = [{"role": role, "content": content} for role, content in given]
        told = jinja2.Template(source).render(messages=messages, **settings)
        assert told == f"<bos><start_of_turn>user\n{first}<end_of_turn>\n{wanted}"


def test_select_tells_that_a_server_is_not_there(cli: Run, openi: Path, tmp_path: Path, server: Any) -> None:
    pytest.importorskip("langchain_openai", reason="a server is reached through langchain-openai")
    result = cli("select", "--models", "vllm:http://127.0.0.1:9/v1#a", "--prompts", "base", "--data", openi,
                 "--layout", "openi", "--loop", "off", "--metrics", "rouge", "--out", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 3
    assert "ModelError" in result.stdout


# ------------------------------------------------------------------------------------------------------------ typos
def test_typos_tells_what_is_lost(cli: Run, openi: Path, models: dict[str, ScriptedChatModel], tmp_path: Path) -> None:
    asked = ("typos", "--rates", "0", "0.05", "0.3", "--data", openi, "--layout", "openi", "--model", "one",
             "--metrics", "rouge", "fc", "--resamples", "100", "--out", tmp_path / "out")  # fmt: skip
    result = cli(*asked)
    assert result.exit_code == 0, result.stderr
    assert "Lost against rate 0" in result.stdout
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "typos.csv", "typos.md", "typos.html", "rows.jsonl",
    }  # fmt: skip
    found = json.loads(cli(*asked, "--json").stdout)
    assert [one["rate"] for one in found["rates"]] == [0, 0.05, 0.3]
    assert found["rates"][2]["struck"] == pytest.approx(0.3, abs=0.1)


@pytest.mark.usefixtures("models")
def test_typos_wants_rate_0(cli: Run, openi: Path) -> None:
    result = cli("typos", "--rates", "0.1", "--data", openi, "--layout", "openi", "--model", "one")
    assert result.exit_code == 2
    assert "rates need 0" in result.stderr


# ------------------------------------------------------------------------------------------------------- critic --roc
@pytest.mark.usefixtures("models")
def test_critic_writes_curves_of_two_models(cli: Run, tmp_path: Path) -> None:
    claims = tmp_path / "claims.jsonl"
    rows = [("Left fluid is seen.", True, "good"), ("The picture suggests overload.", False, "bad")] * 3
    claims.write_text(
        "".join(
            json.dumps({"findings": "Left effusion. Heart is normal.", "claim": c, "supported": s, "kind": k}) + "\n"
            for c, s, k in rows
        ),
        "utf-8",
    )
    out = tmp_path / "roc"
    result = cli("critic", claims, "--roc", out, "--against", "hf:other")
    assert result.exit_code == 0, result.stderr
    assert {file.name for file in out.iterdir()} == {"roc.json", "roc.html", "roc.png", "calibration.png"}
    found = json.loads((out / "roc.json").read_text("utf-8"))
    assert [model["name"] for model in found["models"]] == ["nano-critic", "hf:other"]
    assert found["auc_gain"]["hf:other"][0] == 0
    assert "AUC of nano-critic less that of hf:other" in result.stdout
    assert json.loads(cli("critic", claims, "--roc", out, "--json").stdout)["roc"]["reached"] == found["reached"] > 0
    assert cli("critic", claims, "--against", "hf:other").exit_code == 2


# ---------------------------------------------------------------------------------------------------- ceiling, board
@pytest.mark.usefixtures("models")
def test_ceiling_stands_beside_our_rows(cli: Run, openi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = json.loads(cli("ceiling", "openi", openi, "--resamples", "100", "--json").stdout)
    assert {figure["column"] for figure in alone["figures"]} >= {"support", "fc", "coverage", "words"}
    assert alone["figures"][0]["against"] is None
    rows = tmp_path / "rows.jsonl"
    text = {"text": "Small left pleural effusion.", "status": "passed", "rounds": 1, "stop_reason": "passed"}
    rows.write_text(
        "".join(
            json.dumps({"id": str(n), "reference": said, "abnormal": True, "seen": False, "texts": {"draft": text},
                        "rouge": {}, "seconds": 1.0}) + "\n"
            for n, (_, said) in enumerate(FINDINGS)
        ),
        "utf-8",
    )  # fmt: skip
    result = cli("ceiling", "openi", openi, "--rows", rows, "--resamples", "100")
    assert result.exit_code == 0, result.stderr
    assert "against draft of" in result.stdout
    assert "support" in result.stdout


@pytest.mark.usefixtures("models")
def test_board_writes_both_forms(cli: Run, openi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {name: board.SECTIONS[name] for name in ("Published reports", "Speed", "Pinned")}
    monkeypatch.setattr(board, "SECTIONS", wanted)
    asked = ("board", "--data", "openi", openi.parent, "--out", tmp_path / "docs" / "board.md", "--model", "one",
             "--limit", "2", "--resamples", "100", "--rows", tmp_path / "rows")  # fmt: skip
    result = cli(*asked)
    assert result.exit_code == 0, result.stderr
    text = (tmp_path / "docs" / "board.md").read_text("utf-8")
    assert "Reports: all 2, abnormal 1" in text
    assert "| floor: TF-IDF, nearest report |" in text
    assert (tmp_path / "docs" / "board.html").read_text("utf-8").startswith("<!doctype html>")
    assert [one["title"] for one in json.loads(cli(*asked, "--json").stdout)["sections"]] == list(wanted)


def test_external_has_floors_of_the_training_rows(cli: Run, openi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import coarse2fine
    from coarse2fine.agents import Critic
    from coarse2fine.graph import build_graph

    def build(model: str, critic: str, **settings: Any) -> Any:
        return build_graph(ScriptedChatModel(replies=["Normal."]), Critic(ScriptedNLI(0.0)), **settings)

    monkeypatch.setattr(coarse2fine, "build_graph", build, raising=False)
    train = openi.parent / "train.jsonl"
    found = json.loads(cli("external", "openi", openi, "--draft-only", "--seen", train, "--json").stdout)
    assert {"TextRank, 1 sentence", "TF-IDF, nearest report", "TF-IDF, medoid of 10"} <= set(found["rouge"]["all"])
