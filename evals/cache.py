"""Rows of a long run on disk, each under a key of all that it depends on: a run that was killed goes on."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from coarse2fine.reports import InputError

__all__ = ["RowCache", "code_hash", "digest", "file_hash", "folder_hash", "model_hash"]

Row = TypeVar("Row", bound=BaseModel)

_WORKING = ("reports", "prompts", "serving", "agents", "graph")
"""The packages whose code and data decide what is written."""
_HUGE = 1 << 30
_WEIGHTS = (".safetensors", ".bin", ".json", ".jinja", ".model")


class RowCache(Generic[Row]):
    """Rows in a JSON lines file; the last one under a key counts. A line that a kill cut short is none.

    Args:
        path: made with the first row, folders on the way included.
        kind: of the rows.

    Raises:
        InputError: (also in `put`) the file cannot be read or written.
    """

    def __init__(self, path: Path, kind: type[Row]) -> None:
        self.path, self.kind = path, kind
        self._rows: dict[str, Row] = {}
        self._whole = True
        if path.exists():
            self._read()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str) -> Row | None:
        """The row under a key, None where there is none."""
        return self._rows.get(key)

    def put(self, key: str, row: Row) -> None:
        """Keep a row; it is on the disk when this returns."""
        line = json.dumps({"key": key, "row": row.model_dump(mode="json")}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(line if self._whole else f"\n{line}")
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error
        self._rows[key], self._whole = row, True

    def _read(self) -> None:
        try:
            text = self.path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from error
        self._whole = not text or text.endswith("\n")
        for line in text.splitlines():
            try:
                held = json.loads(line)
                self._rows[str(held["key"])] = self.kind.model_validate(held["row"])
            except (ValueError, LookupError, TypeError, ValidationError):
                continue


def digest(*parts: object) -> str:
    """A short hash of values, hexadecimal; of texts as they are, of anything else by its JSON."""
    whole = "\x1e".join(p if isinstance(p, str) else json.dumps(p, sort_keys=True, default=str) for p in parts)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def file_hash(path: Path) -> str:
    """sha256 of a file, hexadecimal.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def folder_hash(folder: Path) -> str:
    """A short hash of the weights, settings and tokenizer in a model's folder; huge files go by size and time."""
    found = sorted(path for path in folder.iterdir() if path.suffix in _WEIGHTS and path.is_file())
    return digest([(path.name, _mark(path)) for path in found])


def _mark(path: Path) -> str:
    held = path.stat()
    return f"{held.st_size} {held.st_mtime_ns}" if held.st_size > _HUGE else file_hash(path)


def model_hash(name: str, model: object) -> str:
    """A short hash of a model: of its folders where it lies on this machine, else of its name.

    Args:
        name: what it was asked for by.
        model: a chat model or NLI model; its `folder`, `path` and `adapter` are looked at.
    """
    places = (getattr(model, where, None) for where in ("folder", "path", "adapter"))
    folders = [Path(place) for place in places if isinstance(place, str | Path)]
    return digest(name, *(folder_hash(folder) for folder in folders if folder.is_dir()))


@cache
def code_hash(*also: str) -> str:
    """A short hash of the code, lexicons and prompts that decide what is written: another version, other rows.

    Args:
        also: more packages, such as "evals".
    """
    root: Any = files("coarse2fine")
    found = []
    for package in (*_WORKING, *also):
        folder = Path(str(root / package))
        held = (p for p in folder.rglob("*") if p.suffix in (".py", ".yaml", ".j2") and "models" not in p.parts)
        found += [(package, p.relative_to(folder).as_posix(), file_hash(p)) for p in sorted(held)]
    return digest(found)
