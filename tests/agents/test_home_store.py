"""Which store this installation looks into."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from coarse2fine.agents.home_store import home_store
from coarse2fine.agents.memory import HOME_MEMORY
from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.reports import InputError, MissingExtra, Report

VARIABLE = "COARSE2FINE_STORE"
PAST = Report(findings="Small left pleural effusion.", impression="Effusion.")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "home"


def test_a_file_where_nothing_is_named(home: Path) -> None:
    assert HOME_MEMORY.add([PAST], "r1").added == 1
    assert isinstance(HOME_MEMORY.store, SqliteStore)
    assert HOME_MEMORY.store.path == home / "memory.sqlite"
    assert HOME_MEMORY.count("r1") == 1


def test_what_is_no_database_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv(VARIABLE, "mysql://me:secret@host/db")
    with pytest.raises(InputError, match="must read postgresql://") as raised:
        HOME_MEMORY.add([PAST], "r1")
    assert "secret" not in str(raised.value)
    assert not home.exists(), "nothing goes elsewhere instead"


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "postgresql://host/db")
    monkeypatch.setitem(sys.modules, "psycopg_pool", None)
    with pytest.raises(MissingExtra, match=r"coarse2fine\[postgres\]"):
        home_store()


@pytest.mark.filterwarnings("ignore")
def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("psycopg_pool", reason="needs the extra postgres")
    monkeypatch.setattr("coarse2fine.agents.home_store._PATIENCE", 0.2)
    monkeypatch.setenv(VARIABLE, f"postgresql://me:secret@/db?host={tmp_path}")
    with pytest.raises(InputError, match="names cannot be used") as raised:
        home_store()
    assert "secret" not in str(raised.value)
