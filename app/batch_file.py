"""The file of a batch: one JSON line a report, each whole, that a second run goes on with."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from coarse2fine.reports import InputError

__all__ = ["Kept", "ResultFile"]

_BEGIN = b'{"id": '
_END = re.compile(rb'"key": "([0-9a-f]{16})"\}\n?\Z')
_encoded = json.JSONEncoder(ensure_ascii=False).encode


class Kept:
    """Which rows are there already, each as often as it is: 16 bytes a row.

    Args:
        keys: unsigned hashes of 64 bits.
    """

    def __init__(self, keys: Iterable[int]) -> None:
        self._keys, self._left = np.unique(np.fromiter(keys, dtype=np.uint64), return_counts=True)

    @property
    def left(self) -> int:
        """Rows that nobody has asked for."""
        return int(self._left.sum())

    def take(self, key: int) -> bool:
        """Whether a row is there that was not taken yet; it is now."""
        at = int(np.searchsorted(self._keys, np.uint64(key)))
        if at == len(self._keys) or int(self._keys[at]) != key or not self._left[at]:
            return False
        self._left[at] -= 1
        return True


class _Held(NamedTuple):
    """What a file holds: its rows, the bytes of its whole lines, whether the last one lacks its end."""

    kept: Kept
    whole: int
    torn: bool


class ResultFile:
    """Results one a line in the order in which they come, failures in a file beside it.

    A last line that a kill cut short is taken away; one that only lacks its line end gets it. The failures are those of
    the last run: each run tries them again. Both files are readable by their owner only, as they hold texts.

    Args:
        path: made where it is not there, folders on the way included.
        source: of the reports, which it must not be.

    Raises:
        InputError: (also later) it cannot be read or written, is the source, or has a line that no batch wrote.
    """

    def __init__(self, path: Path, source: str = "-") -> None:
        self.path = path
        self.failures = path.with_name(f"{path.name.removesuffix('.jsonl')}.failed.jsonl")
        for file in (path, self.failures):
            if source != "-" and file.exists() and Path(source).exists() and file.samefile(source):
                raise InputError(f"{file} is the input: name another file with --out")
        with _named_failures(path):
            found = self._held()
        self.kept, self._whole, self.mended = found.kept, found.whole, found.torn
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> ResultFile:
        with _named_failures(self.path):
            self._mend()
            self._files = [_opened(self.path, os.O_APPEND)]
        with _named_failures(self.failures):
            self.failures.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            with suppress(OSError):  # what could not be written was told when it was
                file.close()

    def write(self, result: Mapping[str, Any], key: str) -> None:
        """Add a result; the system has it when this returns."""
        with _named_failures(self.path):
            _put(self._files[0], {**result, "key": key})

    def fail(self, failure: Mapping[str, Any]) -> None:
        """Add a report that could not be done."""
        with _named_failures(self.failures):
            if len(self._files) == 1:
                self._files.append(_opened(self.failures, os.O_TRUNC))
            _put(self._files[1], failure)

    def _held(self) -> _Held:
        if not self.path.exists():
            return _Held(Kept(()), 0, torn=False)
        whole, torn = 0, False

        def keys() -> Iterator[int]:
            nonlocal whole, torn
            with self.path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    found = _END.search(line) if line.startswith(_BEGIN) else None
                    if found is None and not _cut_short(line):
                        raise InputError(f"{self.path}, line {number}: no batch wrote it; name another file with --out")
                    torn = not line.endswith(b"\n")
                    if found is not None:
                        whole += len(line)
                        yield int(found[1], 16)

        return _Held(Kept(keys()), whole, torn)

    def _mend(self) -> None:
        """Leave whole lines only."""
        if not self.mended:
            return
        with self.path.open("r+b") as file:
            file.truncate(self._whole)
            file.seek(max(0, self._whole - 1))
            if self._whole and file.read(1) != b"\n":
                file.write(b"\n")


@contextmanager
def _named_failures(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot use {path}: {error.strerror or error}") from error


def _cut_short(line: bytes) -> bool:
    """Whether a line is the beginning of a result: it has no end, and is no JSON document of anybody's."""
    if line.endswith(b"\n") or not (line.startswith(_BEGIN) or _BEGIN.startswith(line)):
        return False
    try:
        json.loads(line)
    except ValueError:
        return True
    return False


def _opened(path: Path, mode: int) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o600), "wb")


def _put(file: IO[bytes], row: Mapping[str, Any]) -> None:
    file.write(_encoded(row).encode("utf-8", "backslashreplace") + b"\n")
    file.flush()
