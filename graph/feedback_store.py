"""Where feedback is kept: one SQLite file on this machine beside the run traces, readable by its owner only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from coarse2fine.agents.critique import Critique
from coarse2fine.agents.sqlite_file import SqliteFile
from coarse2fine.graph.routing import best_round
from coarse2fine.graph.state import TextRun
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.reports import Feedback, InputError
from coarse2fine.reports.home import home_folder

__all__ = ["Added", "FeedbackStore", "Judgement", "feedback_of"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (
  id TEXT PRIMARY KEY, created TEXT NOT NULL, radiologist TEXT NOT NULL, record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS feedback_radiologist ON feedback (radiologist, created);
CREATE TABLE IF NOT EXISTS critiques (id TEXT PRIMARY KEY, critic TEXT NOT NULL, critique TEXT NOT NULL);
"""


class Added(NamedTuple):
    """What became of records: new ones, ones that were there word for word, and ids that stand for another record."""

    new: int
    known: int
    conflicts: tuple[str, ...]


class Judgement(NamedTuple):
    """What a critic, by its model's name, says of an edit."""

    critic: str
    critique: Critique

    @property
    def passed(self) -> bool:
        """Whether nobody needs to look at the edit again."""
        return self.critique.passed and not self.critique.warnings


class FeedbackStore:
    """Keeps feedback, and what the critic says of edits; safe with many threads and processes. Adding a record again
    changes nothing.

    Args:
        path: the SQLite file; None for `feedback.sqlite` in `home_folder()`, looked up at each use. Made on first
            write, with mode 0600 as it holds report text.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._file = SqliteFile(lambda: self.path, _SCHEMA)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._path or home_folder() / "feedback.sqlite"

    def add(self, records: Iterable[Feedback]) -> Added:
        """Keep records. One whose id stands for another record is not taken: the first stays, and the id is named.

        Raises:
            OSError, sqlite3.Error: the file cannot be written.
        """
        new, known, conflicts = 0, 0, []
        with self._file.connection() as connection, connection:
            for record in records:
                text = record.model_dump_json()
                row = connection.execute("SELECT record FROM feedback WHERE id = ?", (record.id,)).fetchone()
                if row is None:
                    values = (record.id, record.created.isoformat(), record.radiologist, text)
                    connection.execute("INSERT INTO feedback VALUES (?, ?, ?, ?)", values)
                    new += 1
                elif row[0] == text:
                    known += 1
                else:
                    conflicts.append(record.id)
        return Added(new, known, tuple(conflicts))

    def list(self, radiologist: str | None = None, most: int | None = None) -> list[Feedback]:
        """Records, oldest first; with `most`, the newest so many.

        Args:
            radiologist: only theirs; None for all.

        Raises:
            InputError: a record was written by a version that this one does not read.
        """
        where = "" if radiologist is None else "WHERE radiologist = ?"
        query = f"SELECT id, record FROM feedback {where} ORDER BY created DESC, id DESC LIMIT ?"
        values = (*(() if radiologist is None else (radiologist,)), -1 if most is None else most)
        return [_parse(record, record_id) for record_id, record in reversed(self._select(query, values))]

    def forget(self, radiologist: str) -> int:
        """Delete all feedback of a radiologist for good; the file shrinks. Returns how many records there were."""
        if not self.path.exists():
            return 0
        with self._file.connection() as connection, connection:
            deleted = connection.execute("DELETE FROM feedback WHERE radiologist = ?", (radiologist,)).rowcount
            connection.execute("DELETE FROM critiques WHERE id NOT IN (SELECT id FROM feedback)")
        self._file.shrink()
        return deleted

    def keep_judgement(self, record_id: str, judgement: Judgement) -> None:
        """Keep what the critic says of an edit, in place of what it said before; nothing where the record is gone.

        Raises:
            OSError, sqlite3.Error: the file cannot be written.
        """
        values = (record_id, judgement.critic, judgement.critique.model_dump_json(), record_id)
        query = "INSERT OR REPLACE INTO critiques SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM feedback WHERE id = ?)"
        with self._file.connection() as connection, connection:
            connection.execute(query, values)

    def judgements(self, record_ids: Sequence[str]) -> dict[str, Judgement]:
        """Record id → what the critic said of its edit; one that this version does not read is left out."""
        query = f"SELECT id, critic, critique FROM critiques WHERE id IN ({', '.join('?' * len(record_ids))})"
        found: dict[str, Judgement] = {}
        for record_id, critic, critique in self._select(query, record_ids):
            with suppress(ValidationError):
                found[record_id] = Judgement(critic, Critique.model_validate_json(critique))
        return found

    def _select(self, query: str, values: Sequence[object]) -> Sequence[tuple[str, ...]]:
        if not self.path.exists():
            return []
        with self._file.connection() as connection:
            return connection.execute(query, tuple(values)).fetchall()


def _parse(record: str, record_id: str) -> Feedback:
    try:
        return Feedback.model_validate_json(record)
    except ValidationError as error:
        raise InputError(
            f"feedback {record_id} is not a record that this version reads: {error.errors()[0]['msg']}"
        ) from error


def feedback_of(trace: RunTrace) -> list[Feedback]:
    """The edits that a person made in the review of a run, as feedback; the same trace gives the same records."""
    shown = {text.audience: _shown(text) for text in trace.texts}
    return [
        Feedback(
            id=f"{trace.id}-{text.audience}",
            created=trace.created,
            radiologist=trace.settings.radiologist or trace.report.radiologist or "",
            report=trace.report,
            audience=text.audience,
            text=shown[text.audience],
            draft="" if text.audience == "draft" else shown["draft"],
            style=trace.settings.style,
            words=trace.settings.words,
            edited=text.text,
            trace_id=trace.id,
        )
        for text in trace.texts
        if text.stop_reason == "edited" and text.text != shown[text.audience]
    ]


def _shown(text: TextRun) -> str:
    """A text as it was before a person edited it."""
    written = [r for r in text.rounds if r.step != "edit" and r.text]
    return best_round(written).text if written else ""
