"""Train, validate and test parts of one collection, written with a manifest, or not at all where anything leaks."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from coarse2fine.reports.collection import report_line
from coarse2fine.reports.errors import InputError, ReportError
from coarse2fine.reports.ingest import read_reports
from coarse2fine.reports.normalise import fingerprint, normalised
from coarse2fine.reports.parts import PARTS, By, PartName, Rows, Size, assign, findings_key, stratum
from coarse2fine.reports.report import Report
from coarse2fine.reports.tables import Outcome

__all__ = ["PAPER_SIZES", "InputFile", "Manifest", "Part", "check_leaks", "parse_size", "split_reports"]

PAPER_SIZES: Mapping[PartName, Size] = {"train": 500, "validate": 0, "test": 50}
"""What the paper draws."""


class InputFile(BaseModel):
    """A file that was split: its name without its folder, so that the manifest names no machine."""

    model_config = ConfigDict(frozen=True)

    file: str
    bytes: int
    sha256: str


class Part(BaseModel):
    """One part as it was written: reports in all, by stratum, and of how many patients that are named."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    reports: int
    patients: int
    strata: dict[str, int]


class Manifest(BaseModel):
    """How a split came to be: the same input, sizes, seed and grouping give it again, byte for byte.

    Args:
        format: of this manifest.
        by: what no group of which crosses parts.
        sizes: counts or shares that were asked for.
        reports: pairs that were there; strata: by sex and age band; without_patient: those that name none, each of
            which counts as a patient of its own.
        left_out: reports in no part, by reason.
        rejected: records that could not be read.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    seed: int
    by: By
    sizes: dict[PartName, Size]
    inputs: list[InputFile]
    reports: int
    without_patient: int
    strata: dict[str, int]
    parts: dict[PartName, Part]
    left_out: dict[str, int]
    rejected: int


def parse_size(text: str) -> Size:
    """A part's size as people write it: "500" reports, "0.8" or "80%" of all.

    Raises:
        InputError: it is neither.
    """
    try:
        if text.isdecimal():
            return int(text)
        size = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        size = -1.0
    if not 0 <= size <= 1:
        raise InputError(f"{text!r} is no size: write a count such as 500, or a share such as 0.8 or 80%")
    return size


def split_reports(
    source: Path,
    out: Path,
    read: Callable[[], Iterable[Outcome]],
    *,
    sizes: Mapping[PartName, Size] = PAPER_SIZES,
    by: By = "patient",
    seed: int = 0,
    rejected: Callable[[ReportError], None] | None = None,
) -> Manifest:
    """Split a file into parts in a new folder: a file of JSON lines a part, and `manifest.json`.

    The file is read twice; no text stays in memory, but some 300 bytes a report: hashes and its group.

    Args:
        source: the file.
        out: a folder that is not there, or is empty.
        read: reads `source` from the beginning.
        sizes: counts, or shares, of each part.
        by: groups that never cross: patients, or radiologists. Patients never cross either way.
        seed: another seed, another draw.
        rejected: is given each record that cannot be read, once.

    Raises:
        InputError: the sizes cannot be met, something leaks from one part into another, `source` changes meanwhile,
            or `out` cannot be written.
    """
    _refuse_full(out)
    inputs, rows, left_out, bad = _input_file(source), Rows(), Counter[str](), 0
    for outcome in read():
        if isinstance(outcome, ReportError):
            bad += 1
            if rejected:
                rejected(outcome)
        elif (report := normalised(outcome)).impression:
            rows.add(report, by)
        else:
            left_out["no impression"] += 1
    assigned = assign(rows, sizes, seed)
    with _new_folder(out) as folder:
        files = {part: folder / f"{part}.jsonl" for part in PARTS if part in set(assigned.parts)}
        parts = _write(files, zip(_pairs(read()), assigned.parts, strict=True))
        check_leaks(files, by)
        if _input_file(source) != inputs:
            raise InputError(f"{source} changed while it was read: split it again")
        manifest = Manifest(
            seed=seed,
            by=by,
            sizes=dict(sizes),
            inputs=[inputs],
            reports=len(rows),
            without_patient=rows.patients.count(0),
            strata=_strata(rows),
            parts=parts,
            left_out=dict((left_out + assigned.left_out).most_common()),
            rejected=bad,
        )
        (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n", "utf-8")
    return manifest


def check_leaks(files: Mapping[PartName, Path], by: By = "patient") -> None:
    """Read the parts and refuse them where one holds findings, a patient or a group that another holds, too.

    Raises:
        InputError: it does; the message counts what leaks.
    """
    seen: dict[int, PartName] = {}
    leaks: Counter[str] = Counter()
    for part, file in files.items():
        for report in _pairs(read_reports(file)):
            for kind, value in _leaking(report, by):
                first = seen.setdefault(fingerprint(f"{kind}\0{value}"), part)
                if first != part:
                    leaks[f"{kind} in {first} and {part}"] += 1
    if leaks:
        found = ", ".join(f"{what}: {count:,} times" for what, count in leaks.most_common())
        raise InputError(f"the parts leak ({found}): nothing that one part holds may stand in another")


def _leaking(report: Report, by: By) -> Iterator[tuple[str, str]]:
    yield "the same findings", str(findings_key(report))
    if report.patient:
        yield "the same patient", report.patient
    if by == "radiologist" and report.radiologist:
        yield "the same radiologist", report.radiologist


def _pairs(outcomes: Iterable[Outcome]) -> Iterator[Report]:
    reports = (normalised(outcome) for outcome in outcomes if isinstance(outcome, Report))
    return (report for report in reports if report.impression)


def _write(files: Mapping[PartName, Path], assigned: Iterable[tuple[Report, PartName | None]]) -> dict[PartName, Part]:
    hashes = {part: hashlib.sha256() for part in files}
    strata: dict[PartName, Counter[str]] = {part: Counter() for part in files}
    patients: dict[PartName, set[str]] = {part: set() for part in files}
    with ExitStack() as stack:
        streams = {part: stack.enter_context(file.open("wb")) for part, file in files.items()}
        for report, part in _unchanged(assigned):
            if part is not None:
                line = report_line(report).encode()
                streams[part].write(line)
                hashes[part].update(line)
                strata[part][stratum(report)] += 1
                patients[part].update([report.patient] if report.patient else [])
    return {
        part: Part(
            file=file.name,
            sha256=hashes[part].hexdigest(),
            reports=strata[part].total(),
            patients=len(patients[part]),
            strata=dict(sorted(strata[part].items())),
        )
        for part, file in files.items()
    }


def _unchanged(assigned: Iterable[tuple[Report, PartName | None]]) -> Iterator[tuple[Report, PartName | None]]:
    try:
        yield from assigned
    except ValueError as error:  # strict zip: the second reading gave another number of reports
        raise InputError("the input changed while it was read: split it again") from error


def _strata(rows: Rows) -> dict[str, int]:
    counts = Counter(rows.places)
    return {name: counts[rows.strata[name]] for name in sorted(rows.strata)}


def _input_file(source: Path) -> InputFile:
    try:
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
            return InputFile(file=source.name, bytes=stream.tell(), sha256=digest.hexdigest())
    except IsADirectoryError:
        raise InputError(f"{source} is a folder: bring it into one file with `data ingest` first") from None
    except FileNotFoundError:
        words = "there is no such file (standard input will not do: a split reads its input twice)"
        raise InputError(f"{source}: {words}") from None
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror or error}") from error


def _refuse_full(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already and not empty: name a new folder")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder that appears at once, whole, or not at all; readable by its owner only, as it holds reports."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from error
    try:
        yield folder
        folder.replace(out)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
