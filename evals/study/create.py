"""`coarse2fine study create`: draw, blind, shuffle and hand out the items of a reader study (paper, 5.2)."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator

from coarse2fine.evals.study.draw import assign, draw, lot, order
from coarse2fine.evals.study.key import Design, KeyItem, Source, StudyKey, sealed, sha256, study_id, versions
from coarse2fine.evals.study.label_studio import LABELLING_CONFIG, task
from coarse2fine.evals.study.ratings import COLUMNS
from coarse2fine.evals.study.records import all_good, json_rows, placed, refuse
from coarse2fine.reports import MAX_CHARACTERS, InputError, ReportError

__all__ = ["ITEMS", "LABELS", "RATINGS", "TASKS", "StudyRow", "create_study", "read_rows"]

ITEMS, RATINGS, TASKS, LABELS = "items.jsonl", "ratings.csv", "label-studio.json", "label-studio.xml"
PAPER_ITEMS: Mapping[Source, int] = {"generated": 200, "original": 100}
_READER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SEED_BITS = 64


class StudyRow(BaseModel):
    """A report with one impression; other fields of the row are not read, so that none can give its source away."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str
    findings: str
    clinical_information: str | None = None
    impression: str

    @field_validator("id", "findings", "impression")
    @classmethod
    def _said(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("is empty")
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    def shown(self) -> dict[str, str]:
        """What a reader sees of it."""
        return {
            "findings": self.findings,
            "clinical_information": (self.clinical_information or "").strip(),
            "impression": self.impression,
        }


def read_rows(path: Path) -> list[StudyRow]:
    """Rows of a JSON lines file.

    Raises:
        InputError: the file cannot be read, a row is none, a text is empty, an id stands twice (both rows are named).
    """
    rows = all_good(
        outcome
        for found in json_rows(path)
        for outcome in ([found] if isinstance(found, ReportError) else placed(found[1], StudyRow, str(path), found[0]))
    )
    first: dict[str, int] = {}
    twice = [
        row.error(f"the id {row.record.id!r} stands in row {first[row.record.id]} already", "id")
        for row in rows
        if first.setdefault(row.record.id, row.row) != row.row
    ]
    refuse(twice)
    return [row.record for row in rows]


class _Item(NamedTuple):
    key: KeyItem
    shown: dict[str, str]


def create_study(
    generated: Path,
    original: Path,
    out: Path,
    *,
    readers: Sequence[str] = ("r1", "r2"),
    wanted: Mapping[Source, int] | None = None,
    overlap: float = 1.0,
    seed: int | None = None,
    design: Design = "independent",
) -> StudyKey:
    """Write a study into a new folder: `key.json` (its owner's only) and `readers/ID/` with each reader's files.

    A reader's files hold nothing but text, opaque ids and the reader's id: items.jsonl, the sheet ratings.csv to fill
    in, and the same for Label Studio (tasks and labelling configuration). The same rows, readers and seed give the
    same bytes, whatever the order of the rows.

    Args:
        generated, original: JSON lines with id, findings, impression and, where there is any, clinical_information.
        readers: opaque ids.
        wanted: items by source; as in the paper 200 generated and 100 original where it is None.
        overlap: share of items that every reader rates; the others are rated by one. The paper's readers rate all.
        seed: drawn where it is None; the key tells it.

    Raises:
        InputError: rows, readers or numbers cannot be used, clinical information would give the source away, or the
            folder cannot be written.
    """
    counts = PAPER_ITEMS if wanted is None else wanted
    _check(readers, counts, overlap)
    rows = {"generated": read_rows(generated), "original": read_rows(original)}
    seed = secrets.randbits(_SEED_BITS) if seed is None else seed
    items = _items(rows, readers, counts, overlap, seed, design)
    keys = tuple(item.key for item in items)
    study = study_id(seed, tuple(readers), keys)
    files = {name: text for reader in readers for name, text in _files(study, reader, items, seed).items()}
    key = sealed(
        StudyKey(
            study=study,
            seed=seed,
            design=design,
            overlap=overlap,
            readers=tuple(readers),
            items=keys,
            inputs={"generated": sha256(generated.read_bytes()), "original": sha256(original.read_bytes())},
            files={name: sha256(text) for name, text in files.items() if not name.endswith(RATINGS)},
            versions=versions(),
        )
    )
    _write(out, key, files)
    return key


def _check(readers: Sequence[str], counts: Mapping[Source, int], overlap: float) -> None:
    if not readers:
        raise InputError("a study needs at least one reader")
    for reader in readers:
        if not _READER.fullmatch(reader):
            raise InputError(f"reader {reader!r}: an id has 1 to 64 letters, digits, - and _, and is nobody's name")
    if len({reader.lower() for reader in readers}) < len(readers):
        raise InputError(f"a reader is named twice among {', '.join(readers)}")
    if not 0 <= overlap <= 1:
        raise InputError(f"the overlap is a share of the items, 0 to 1, not {overlap}")
    if min(counts.values()) < 0 or counts["generated"] < 1:
        raise InputError("a study needs at least one generated item, and no negative number of any")


def _items(
    rows: Mapping[str, Sequence[StudyRow]],
    readers: Sequence[str],
    counts: Mapping[Source, int],
    overlap: float,
    seed: int,
    design: Design,
) -> list[_Item]:
    by_id = {source: {row.id: row for row in found} for source, found in rows.items()}
    drawn = draw(list(by_id["generated"]), list(by_id["original"]), counts, seed, design)
    shown = {source: {name: by_id[source][name].shown() for name in drawn[source]} for source in drawn}
    _refuse_telling_information(shown)
    ids = {
        source: {name: _opaque(seed, source, name, text) for name, text in texts.items()}
        for source, texts in shown.items()
    }
    given = assign({source: list(names.values()) for source, names in ids.items()}, readers, overlap, seed)
    found = [
        _Item(
            KeyItem(
                id=ids[source][name], source=source, report=name, sha256=_hash(text), readers=given[ids[source][name]]
            ),
            text,
        )
        for source, texts in shown.items()
        for name, text in texts.items()
    ]
    return sorted(found, key=lambda item: item.key.id)


def _hash(shown: Mapping[str, str]) -> str:
    return sha256(json.dumps(shown, ensure_ascii=False, sort_keys=True))


def _opaque(seed: int, source: Source, report: str, shown: Mapping[str, str]) -> str:
    return f"i{lot(seed, 'item', source, report, _hash(shown)):064x}"[:13]


def _refuse_telling_information(shown: Mapping[Source, Mapping[str, Mapping[str, str]]]) -> None:
    """One source with clinical information and one without any: readers would tell them apart at a glance."""
    told = {
        source: sum(bool(text["clinical_information"]) for text in texts.values())
        for source, texts in shown.items()
        if texts
    }
    if any(told.values()) and not all(told.values()):
        having, lacking = sorted(told, key=lambda source: -told[source])
        raise InputError(
            f"{told[having]:,} {having} items have clinical_information and no {lacking} item has any: that would give "
            "the source away; give it to both or to neither"
        )


def _files(study: str, reader: str, items: Sequence[_Item], seed: int) -> dict[str, str]:
    """Path under the readers' folder → text, of one reader."""
    mine = {item.key.id: item for item in items if reader in item.key.readers}
    sequence = order({name: item.key.report for name, item in mine.items()}, reader, seed)
    shown = [{"study": study, "item": name, "reader": reader, **mine[name].shown} for name in sequence]
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({"study": study, "item": name, "reader": reader} for name in sequence)
    texts = {
        ITEMS: "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in shown),
        RATINGS: sheet.getvalue(),
        TASKS: json.dumps([task(item) for item in shown], ensure_ascii=False, indent=1) + "\n",
        LABELS: LABELLING_CONFIG,
    }
    return {f"{reader}/{name}": text for name, text in texts.items()}


def _write(out: Path, key: StudyKey, files: Mapping[str, str]) -> None:
    """The whole folder or none of it."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out} is there already and not empty: name a new folder")
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            _fill(folder, key, files)
            if out.exists():
                out.rmdir()
            folder.rename(out)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from error


def _fill(folder: Path, key: StudyKey, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / "readers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    with os.fdopen(os.open(folder / "key.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write((key.model_dump_json(indent=1) + "\n").encode())
