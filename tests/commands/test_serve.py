"""`coarse2fine serve`: what it refuses before it listens, and that it serves until it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from coarse2fine.cli import app
from coarse2fine.commands.serve import keys_of
from coarse2fine.reports import InputError

KEY = "a-key-of-sixteen-and-more"
SERVING = """
import coarse2fine, sys
from coarse2fine.agents import Critic
from coarse2fine.cli import main
from coarse2fine.graph import build_graph
from coarse2fine.reports import ModelError
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI
def breaks(_):
    raise ModelError("no weights")
def build(model, critic, **settings):
    chat = ScriptedChatModel(replies=REPLIES)
    return build_graph(chat, Critic(ScriptedNLI(0.0)), **settings)
coarse2fine.build_graph = build
sys.argv = ["coarse2fine", "serve", "--port", "0"]
main()
"""
CODE = SERVING.replace("REPLIES", '["Small left pleural effusion."]')
BROKEN = SERVING.replace("REPLIES", "breaks")
TAKEN = CODE.replace('"0"]', 'str(taken.getsockname()[1])]').replace(
    "sys.argv", 'import socket\ntaken = socket.create_server(("127.0.0.1", 0))\nsys.argv', 1
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COARSE2FINE_API_KEY", raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_alone_needs_no_key(host: str) -> None:
    assert keys_of(None, host) == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "radiology.example", ""])
def test_other_hosts_need_a_key(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="an API key is needed"):
        keys_of(None, host)
    monkeypatch.setenv("COARSE2FINE_API_KEY", KEY)
    assert keys_of(None, host) == (KEY,)


def test_keys_come_from_a_file_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# ward 3\n{KEY}\n\n  another-key-of-sixteen \n", "utf-8")
    assert keys_of(file, "0.0.0.0") == (KEY, "another-key-of-sixteen")


@pytest.mark.parametrize("content", [None, "", "# none\n"])
def test_a_file_without_keys_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "keys").write_text(content, "utf-8")
    with pytest.raises(InputError, match="api-key-file"):
        keys_of(tmp_path / "keys", "127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "an API key is needed"),
        (["--model", "hf:nothing/at/all", "--critic", "poem"], 3, "poem"),
        (["--port", "70000"], 2, ""),
        (["--workers-in-flight", "0"], 2, ""),
        (["--max-body", "1"], 2, ""),
    ],
)
def test_what_cannot_be_served_is_told_at_once(arguments: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(app, ["serve", *arguments])
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COARSE2FINE_API_KEY", "short")
    assert CliRunner().invoke(app, ["serve"]).exit_code == 2


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_without_the_extra_it_says_how_to_get_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 4
    assert "coarse2fine[app]" in result.stderr


def test_a_model_that_breaks_while_it_is_loaded_ends_the_server() -> None:
    ran = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, timeout=60, env=os.environ)
    assert ran.returncode == 3
    assert "no weights" in ran.stderr
    assert ran.stdout == ""


def test_a_port_that_is_taken_is_named_with_the_way_out() -> None:
    done = subprocess.run([sys.executable, "-c", TAKEN], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot listen there, see above; --port 0 takes a free port" in " ".join(done.stderr.split())


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    import httpx

    log = tmp_path / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=stderr, env=os.environ)
    try:
        url = _url(log)
        _wait(lambda: httpx.get(f"{url}/readyz").status_code == 200)
        body: Any = {"report": "FINDINGS: Small left pleural effusion.", "audiences": ["brief"]}
        got = httpx.post(f"{url}/v1/impressions", json=body)
        assert got.json()["impressions"]["brief"]["text"] == "Small left pleural effusion."
        listed = httpx.get(f"{url}/v1/traces").json()["traces"]
        assert [one["id"] for one in listed] == [got.json()["trace_id"]], "loading the models leaves no trace"
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    said = log.read_text("utf-8")
    assert out == b""
    assert "POST /v1/impressions 200" in said
    assert "effusion" not in said
    assert json.dumps(body) not in said


def _url(log: Path) -> str:
    _wait(lambda: "running on http" in log.read_text("utf-8"))
    line = next(line for line in log.read_text("utf-8").splitlines() if "running on" in line)
    return line.split("running on ")[1].split()[0]


def _wait(true: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)
