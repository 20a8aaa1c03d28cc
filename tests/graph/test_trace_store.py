from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coarse2fine import Report, build_graph
from coarse2fine.graph import RunTrace, TraceStore, read_jsonl, write_jsonl
from coarse2fine.reports import InputError
from coarse2fine.serving import ScriptedNLI


@pytest.fixture
def trace(scripted: Any, prompts: Any, effusion: Report) -> RunTrace:
    chat, _ = scripted(draft=["Small right pleural effusion."], draft_revised=["Small left pleural effusion."])
    made: RunTrace = build_graph(chat, ScriptedNLI(), prompts, trace_store=None).invoke({"report": effusion})["trace"]
    return made


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    return TraceStore(tmp_path / "traces.sqlite")


def aged(trace: RunTrace, name: str, days: float = 0) -> RunTrace:
    return trace.model_copy(update={"id": name, "created": datetime.now(UTC) - timedelta(days=days)})


def test_a_run_is_recorded_at_home(scripted: Any, prompts: Any, effusion: Report, home: Path) -> None:
    chat, _ = scripted(draft=["Small left pleural effusion."])
    out = build_graph(chat, ScriptedNLI(), prompts).invoke({"report": effusion})
    assert TraceStore().get(out["result"].trace_id) == out["trace"]
    for file in home.glob("traces.sqlite*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_record_says_what_was_done(trace: RunTrace, effusion: Report) -> None:
    assert trace.version == 1
    assert trace.report == effusion
    assert [text.audience for text in trace.texts] == ["draft", "brief", "bullet", "comprehensive"]
    assert [(c.agent, c.task) for c in trace.calls if c.agent == "drafter"] == [
        ("drafter", "draft"),
        ("drafter", "revise"),
    ]
    drafting, revising = (c for c in trace.calls if c.agent == "drafter")
    assert len(drafting.prompt_sha256) == 64
    assert drafting.prompt_sha256 != revising.prompt_sha256
    assert 0 <= trace.model_seconds <= trace.wall_seconds
    assert trace.settings.max_rounds == 3


def test_a_record_survives_json(trace: RunTrace) -> None:
    assert RunTrace.model_validate_json(trace.model_dump_json()) == trace


def test_get_by_id_beginning_or_last(store: TraceStore, trace: RunTrace) -> None:
    store.put(aged(trace, "20260101-a", days=2))
    store.put(aged(trace, "20260102-b", days=1))
    assert store.get("20260101-a").id == "20260101-a"
    assert store.get("20260102").id == "20260102-b"
    assert store.get("last").id == "20260102-b"
    assert [summary.id for summary in store.list()] == ["20260102-b", "20260101-a"]
    with pytest.raises(InputError, match="more than one"):
        store.get("2026")
    for missing in ("x", "", "%"):
        with pytest.raises(InputError, match="there is no trace"):
            store.get(missing)


def test_an_empty_store_makes_no_file(store: TraceStore) -> None:
    assert store.list() == []
    assert store.purge(timedelta(0)) == 0
    with pytest.raises(InputError, match="there is no trace 'last'"):
        store.get("last")
    assert not store.path.exists()


def test_purge_leaves_no_words_behind(store: TraceStore, trace: RunTrace) -> None:
    secret = trace.report.model_copy(update={"findings": "Zygomatic secret. " * 50})
    store.put(aged(trace, "old", days=40).model_copy(update={"report": secret}))
    store.put(aged(trace, "new", days=1))
    assert store.purge(timedelta(days=30)) == 1
    assert [summary.id for summary in store.list()] == ["new"]
    assert all(b"Zygomatic" not in file.read_bytes() for file in store.path.parent.glob("traces.sqlite*"))


def test_many_writers(tmp_path: Path, trace: RunTrace) -> None:
    path = tmp_path / "traces.sqlite"

    def write(number: int) -> None:
        own = TraceStore(path)
        for index in range(10):
            own.put(aged(trace, f"{number}-{index}"))
        own.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(TraceStore(path).list(most=100)) == 60


def test_a_file_that_was_deleted_is_made_again(store: TraceStore, trace: RunTrace) -> None:
    store.put(aged(trace, "one"))
    for file in store.path.parent.glob("traces.sqlite*"):
        file.unlink()
    store.put(aged(trace, "two"))
    assert [summary.id for summary in store.list()] == ["two"]


def test_json_lines(tmp_path: Path, trace: RunTrace) -> None:
    path = tmp_path / "traces.jsonl"
    assert write_jsonl([trace, trace], path) == 2
    assert list(read_jsonl(path)) == [trace, trace]
    path.write_text(trace.model_dump_json().replace('"version":1', '"version":2'))
    with pytest.raises(InputError, match="line 1 is not a trace"):
        list(read_jsonl(path))
