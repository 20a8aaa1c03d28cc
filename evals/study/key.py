"""The sealed key of a study: what each blinded item is, and the hashes that tie items, files and ratings together."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from coarse2fine.evals.study.records import Frozen, refuse
from coarse2fine.reports import InputError

__all__ = [
    "Design",
    "KeyItem",
    "Source",
    "StudyKey",
    "check_files",
    "read_key",
    "sealed",
    "sha256",
    "study_id",
    "versions",
]

Source = Literal["generated", "original"]
Design = Literal["independent", "paired"]
"""independent: no report is shown twice; paired: each original's report is shown with its generated impression, too."""


class KeyItem(Frozen):
    """One item.

    Args:
        id: opaque, i and 12 hexadecimal digits (no spreadsheet takes it for a number); all that readers see but text.
        report: the row's id in the file that it came from.
        sha256: of the text that is shown.
        readers: who rates it.
    """

    id: str
    source: Source
    report: str
    sha256: str
    readers: tuple[str, ...]


class StudyKey(Frozen):
    """What unblinds a study. It must not reach a reader before the last rating is in.

    Args:
        study: s and 16 hexadecimal digits of a hash over seed, readers and items; stands in each reader's files.
        seed: draws items, ids, orders and who rates what.
        overlap: share of items that every reader rates, 0 to 1.
        inputs: source → sha256 of the file that it came from.
        files: path under the readers' folder → sha256, of the files that readers do not write into.
        versions: of what wrote it.
        seal: sha256 of all else in this key.
    """

    version: Literal[1] = 1
    study: str
    seed: int
    design: Design
    overlap: float = Field(ge=0, le=1)
    readers: tuple[str, ...]
    items: tuple[KeyItem, ...]
    inputs: dict[str, str]
    files: dict[str, str]
    versions: dict[str, str]
    seal: str = ""

    def by_id(self) -> Mapping[str, KeyItem]:
        """Item id → item."""
        return {item.id: item for item in self.items}


def sha256(data: bytes | str) -> str:
    """Hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def study_id(seed: int, readers: tuple[str, ...], items: tuple[KeyItem, ...]) -> str:
    """The id of a study of these items. Without the seed it tells nothing of them."""
    words = [str(seed), *readers, *(item.model_dump_json() for item in items)]
    return "s" + sha256("\n".join(words))[:16]


def sealed(key: StudyKey) -> StudyKey:
    """The key with its seal."""
    return key.model_copy(update={"seal": _seal(key)})


def _seal(key: StudyKey) -> str:
    return sha256(json.dumps(key.model_dump(mode="json", exclude={"seal"}), sort_keys=True))


def versions() -> dict[str, str]:
    """What writes a key."""
    return {"coarse2fine": version("coarse2fine"), "python": platform.python_version()}


def read_key(path: Path) -> StudyKey:
    """A key as `create_study` wrote it.

    Raises:
        InputError: the file cannot be read, is no key, or was changed since it was sealed.
    """
    try:
        key = StudyKey.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, detail["loc"]))
        raise InputError(f"{path} is no study key: {where + ': ' if where else ''}{detail['msg']}") from None
    if key.seal != _seal(key) or key.study != study_id(key.seed, key.readers, key.items):
        raise InputError(f"{path} does not match its seal: it was changed after `study create` wrote it")
    return key


def check_files(key: StudyKey, folder: Path) -> None:
    """See to it that readers were given the texts that the key names.

    Raises:
        InputError: a file is missing or its hash is another; names each.
    """
    problems = []
    for name, expected in key.files.items():
        try:
            found = sha256((folder / name).read_bytes())
        except OSError as error:
            problems.append(InputError(f"cannot read {folder / name}: {error.strerror or error}"))
            continue
        if found != expected:
            problems.append(InputError(f"{folder / name}: its hash is not the key's: readers saw another file"))
    refuse(problems)
