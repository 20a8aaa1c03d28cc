"""A study's folders as `study create` writes them: readers' items in, their ratings out. The key is never opened."""

from __future__ import annotations

import csv
import io
import os
import tempfile
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.study.create import ITEMS, RATINGS
from coarse2fine.evals.study.ratings import COLUMNS, Judgement, read_ratings
from coarse2fine.evals.study.records import all_good, json_rows, placed
from coarse2fine.reports import InputError, ReportError

__all__ = ["ReaderFiles", "StudyFiles", "StudyItem"]


class StudyItem(BaseModel):
    """What a reader sees of an item, and its opaque id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    item: str
    reader: str
    findings: str
    clinical_information: str = ""
    impression: str


class ReaderFiles:
    """One reader's folder.

    Args:
        folder: holds items.jsonl; ratings.csv is written there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, threading.Lock()

    @cached_property
    def items(self) -> tuple[StudyItem, ...]:
        """The items, in the order in which the reader sees them.

        Raises:
            InputError: the file cannot be read, or a row is no item.
        """
        path = self.folder / ITEMS
        rows = all_good(
            outcome
            for found in json_rows(path)
            for outcome in (
                [found] if isinstance(found, ReportError) else placed(found[1], StudyItem, str(path), found[0])
            )
        )
        if not rows:
            raise InputError(f"{path} holds no item")
        return tuple(row.record for row in rows)

    @property
    def reader(self) -> str:
        """The reader's id."""
        return self.items[0].reader

    def ratings(self) -> dict[str, Judgement]:
        """Item id → what the reader said of it.

        Raises:
            InputError: the sheet cannot be read; names row and field.
        """
        path = self.folder / RATINGS
        return {found.record.item: found.record for found in read_ratings(path)} if path.exists() else {}

    def rate(self, judgement: Judgement) -> None:
        """Keep a judgement in the sheet in place of an older one of the item; the others stay as they are.

        Raises:
            InputError: the sheet cannot be read or written.
        """
        with self._lock:
            kept = {**self.ratings(), judgement.item: judgement}
            _replace(self.folder / RATINGS, self._sheet(kept))

    def _sheet(self, kept: Mapping[str, Judgement]) -> str:
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for item in self.items:
            said = kept[item.item].model_dump(exclude_none=True) if item.item in kept else {}
            writer.writerow({**said, "study": item.study, "item": item.item, "reader": item.reader})
        return sheet.getvalue()


class StudyFiles:
    """The readers of a study.

    Args:
        folder: of the study (with `readers/`), of its readers, or of one reader.

    Raises:
        InputError: no reader's folder is there, one cannot be read, or two are of the same reader.
    """

    def __init__(self, folder: Path) -> None:
        places = [folder, *sorted(folder.glob("*")), *sorted(folder.glob("readers/*"))]
        found = [ReaderFiles(place) for place in places if (place / ITEMS).is_file()]
        if not found:
            raise InputError(f"--study {folder}: holds no reader's folder with {ITEMS}; `study create` writes them")
        self.readers = {files.reader: files for files in found}
        if len(self.readers) < len(found):
            raise InputError(f"--study {folder}: two folders are of the same reader")


def _replace(path: Path, text: str) -> None:
    """The whole file or the old one."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                os.chmod(name, path.stat().st_mode & 0o777)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
