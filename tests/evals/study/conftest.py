"""Studies of invented rows, and readers whose behaviour is known."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.evals.study import Judgement, StudyKey, create_study

Make = Callable[..., StudyKey]


def write_rows(path: Path, prefix: str, count: int, **extra: Any) -> Path:
    rows = (
        {"id": f"{prefix}{n}", "findings": f"Finding {n}.", "impression": f"Impression {n}.", **extra}
        for n in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="session")
def rows() -> Callable[..., Path]:
    return write_rows


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Create a study in `tmp_path / name`, of 8 generated and 4 original items unless told otherwise."""

    def made(name: str = "study", *, generated: int = 8, original: int = 4, **options: Any) -> StudyKey:
        first = write_rows(tmp_path / "generated.jsonl", "g", generated)
        second = write_rows(tmp_path / "original.jsonl", "o", original)
        wanted = {"generated": generated, "original": original}
        return create_study(first, second, tmp_path / name, **{"wanted": wanted, "seed": 5, **options})

    return made


def judge(item: str, reader: str, rating: str = "neutral", **answers: Any) -> Judgement:
    return Judgement.model_validate({"item": item, "reader": reader, "rating": rating, **answers})


@pytest.fixture
def judgement() -> Callable[..., Judgement]:
    return judge


@pytest.fixture(scope="session")
def fill() -> Callable[[Path, Callable[[str], Mapping[str, object]]], None]:
    """Fill in a reader's sheet as the reader would: item → answers."""

    def filled(sheet: Path, answer: Callable[[str], Mapping[str, object]]) -> None:
        with sheet.open(encoding="utf-8", newline="") as file:
            given = list(csv.DictReader(file))
        with sheet.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(given[0]))
            writer.writeheader()
            writer.writerows({**row, **answer(row["item"])} for row in given)

    return filled
