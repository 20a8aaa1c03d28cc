"""Case memory and checkpoints in PostgreSQL, on a cluster of its own that listens to no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from coarse2fine import Report, build_graph
from coarse2fine.agents.memory import CaseMemory
from coarse2fine.agents.style_card import StyleCard, StyleCards
from coarse2fine.graph import checkpoint_serializer
from coarse2fine.reports import InputError
from coarse2fine.serving import ScriptedNLI

pytest.importorskip("psycopg", reason="needs psycopg and langgraph-checkpoint-postgres")
pytest.importorskip("langgraph.store.postgres", reason="needs psycopg and langgraph-checkpoint-postgres")

TEXT = "Small left pleural effusion."
PAST = [
    Report(id="e", exam="CT chest", findings="Small left pleural effusion. No pneumothorax.", impression="Effusion."),
    Report(id="k", exam="MR knee", findings="Tear of the medial meniscus.", impression="Meniscus tear."),
]
ASKED = Report(exam="CT chest", findings="Moderate left pleural effusion. No pneumothorax.")
THREAD: Any = {"configurable": {"thread_id": "t1"}}


def _programs() -> Path | None:
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(found).parent if found else places[-1].parent if places else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A connection string of a new cluster; root, whom PostgreSQL refuses, runs it as the user postgres."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}

    def run(*command: str | Path) -> None:
        subprocess.run(
            list(map(str, command)),
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
            cwd="/",
            **user,  # type: ignore[call-overload]
        )

    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        folder.chmod(0o777)
        try:
            run(programs / "initdb", "-D", folder / "data", "-U", "tester", "-A", "trust", "--no-sync")
        except (KeyError, LookupError):
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        run(programs / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"host={folder} user=tester dbname=postgres"
        finally:
            run(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")


@pytest.fixture
def store(server: str) -> Iterator[Any]:
    from langgraph.store.postgres import PostgresStore

    with PostgresStore.from_conn_string(server) as made:
        made.setup()
        yield made


def test_a_shared_memory_keeps_radiologists_apart(store: Any) -> None:
    memory = CaseMemory(store)
    assert memory.add(PAST, "r1") == (2, 0, {})
    assert memory.add(PAST, "r1") == (0, 2, {})
    memory.add(PAST[1:], "r10")
    memory.add(PAST[1:], "r_1.x/ü")
    assert [case.report_id for case in memory.nearest(ASKED, "r1", 1)] == ["e"]
    assert memory.nearest(ASKED, "r2") == []
    assert memory.list() == [("r1", 2), ("r10", 1), ("r_1.x/ü", 1)]
    cards = StyleCards(store)
    cards.put("r1", StyleCard(layout="numbered"))
    assert cards.get("r10") is None
    assert memory.forget("r1") == 2
    assert memory.list() == [("r10", 1), ("r_1.x/ü", 1)]


def test_a_run_recalls_from_it(store: Any, scripted: Any, prompts: Any) -> None:
    CaseMemory(store).add(PAST, "r3")
    chat, _ = scripted(draft=[TEXT])
    graph = build_graph(chat, ScriptedNLI(), prompts, audiences=[], memory=store, radiologist="r3", trace_store=None)
    trace = graph.invoke({"report": ASKED})["trace"]
    assert len(trace.texts[0].cases) == 1, "the knee has no word in common"


def test_a_server_that_is_gone_is_told_and_costs_no_draft(store: Any, scripted: Any, prompts: Any) -> None:
    store.conn.close()
    with pytest.raises(InputError, match="the memory in PostgresStore cannot be used"):
        CaseMemory(store).count("r1")
    chat, _ = scripted(draft=[TEXT])
    graph = build_graph(chat, ScriptedNLI(), prompts, audiences=[], memory=store, radiologist="r1", trace_store=None)
    trace = graph.invoke({"report": ASKED})["trace"]
    assert "without the radiologist's past reports" in trace.texts[0].rounds[0].notes[0]


def test_a_review_goes_on_in_another_process(server: str, scripted: Any, prompts: Any, effusion: Report) -> None:
    """Nothing of the first graph is left but what is in the database."""
    from langgraph.checkpoint.postgres import PostgresSaver

    def step(given: Any) -> Any:
        chat, _ = scripted(draft=[TEXT])
        with PostgresSaver.from_conn_string(server) as saver:
            saver.serde = checkpoint_serializer()
            saver.setup()
            graph = build_graph(
                chat, ScriptedNLI(), prompts, audiences=["brief"], review=True, checkpointer=saver, trace_store=None
            )
            return graph.invoke(given, THREAD)

    assert step({"report": effusion})["__interrupt__"][0].value["report_id"] == "r1"
    edited = step(Command(resume={"action": "edit", "texts": {"brief": "Small right pleural effusion."}}))
    assert edited["result"].impressions["brief"].stop_reason == "edited"
    assert edited["result"].draft.text == TEXT


def test_a_store_by_name_is_every_commands(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from coarse2fine.agents import home_store
    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.cli import app

    held = dict(part.split("=", 1) for part in server.split())
    address = f"postgresql://{held['user']}@/{held['dbname']}?host={held['host']}"
    monkeypatch.setenv("COARSE2FINE_STORE", "")  # taken back at the end, as --store sets it
    (tmp_path / "past.jsonl").write_text("".join(one.model_dump_json() + "\n" for one in PAST), "utf-8")

    def cli(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["--store", address, *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    try:
        added = cli("memory", "add", str(tmp_path / "past.jsonl"), "--radiologist", "named")
        assert added == "2 added, 0 there already\n"
        assert "named" in cli("memory", "list")
        assert [case.report_id for case in HOME_MEMORY.nearest(ASKED, "named", 1)] == ["e"]
        assert not (tmp_path / "home").exists()
        assert cli("memory", "forget", "--radiologist", "named") == "forgot 2 cases\n"
    finally:
        home_store._shared(address).conn.close()  # type: ignore[attr-defined]
        home_store._shared.cache_clear()


async def test_coroutines_keep_their_checkpoints_there(
    server: str, scripted: Any, prompts: Any, effusion: Report
) -> None:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    chat, _ = scripted(draft=[TEXT])
    thread: Any = {"configurable": {"thread_id": "t2"}}
    async with AsyncPostgresSaver.from_conn_string(server) as saver:
        saver.serde = checkpoint_serializer()
        await saver.setup()
        graph = build_graph(
            chat, ScriptedNLI(), prompts, audiences=["brief"], review=True, checkpointer=saver, trace_store=None
        )
        await graph.ainvoke({"report": effusion}, thread)
        done = await graph.ainvoke(Command(resume={"action": "accept"}), thread)
    assert done["result"].status == "passed"
