"""Home and away: figures of sets with known means, and rows that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from coarse2fine.evals.drop import Drop, drops, read_rows
from coarse2fine.evals.external import Row, TextRow
from coarse2fine.evals.rouge import Rouge
from coarse2fine.evals.statistics import apart, mean_of
from coarse2fine.reports import InputError, ReportError


def row(number: int, draft: float, *, abnormal: bool = False, status: str = "passed", **floors: float) -> Row:
    scores = {"draft": draft, **floors}
    return Row(
        id=str(number), reference="Normal.", abnormal=abnormal, seen=False, seconds=1.0,
        texts={"draft": TextRow(text="Normal.", status=status, rounds=1, stop_reason="passed")} if status else {},
        rouge={name: Rouge(value / 2, value / 4, value) for name, value in scores.items()},
    )  # fmt: skip


HOME = [row(n, 80.0 if n % 2 else 40.0, constant=30.0) for n in range(100)]
AWAY = [row(n, 48.0, abnormal=n < 10, constant=30.0, status="needs_review" if n < 12 else "passed") for n in range(48)]


def found(score: str, system: str = "draft", group: str = "all") -> Drop:
    (one,) = [d for d in drops(HOME, AWAY, resamples=400) if (d.score, d.system, d.group) == (score, system, group)]
    return one


def test_the_drop_is_home_less_away_and_its_share() -> None:
    one = found("rougeL")
    assert (one.home.value, one.away.value, one.home_rows, one.away_rows) == (60.0, 48.0, 100, 48)
    assert one.drop.value == pytest.approx(12.0)
    assert one.lost == pytest.approx(0.2)
    assert 60 - 48 - 3 * 2 < one.drop.low < 12 < one.drop.high < 12 + 3 * 2  # 20 / sqrt(100) is 2
    assert found("rouge1").drop.value == pytest.approx(6.0)


def test_a_floor_that_is_as_good_everywhere_drops_by_nothing() -> None:
    one = found("rougeL", "constant")
    assert tuple(one.drop) == (0.0, 0.0, 0.0)


def test_passed_drafts_drop_too() -> None:
    assert found("passed").drop.value == pytest.approx(25.0)


def test_a_group_that_one_set_lacks_is_left_out() -> None:
    assert {one.group for one in drops(HOME, AWAY, resamples=100)} == {"all"}
    both = drops([*HOME, row(100, 20.0, abnormal=True, constant=0.0)], AWAY, resamples=100)
    assert {one.group for one in both} == {"all", "abnormal"}


def test_a_figure_that_is_0_at_home_has_no_share() -> None:
    (one,) = [d for d in drops([row(0, 0.0)], [row(0, 5.0)], resamples=100) if d.score == "rougeL"]
    assert (one.drop.value, one.lost) == (-5.0, None)


def test_failed_runs_are_not_passed() -> None:
    (one,) = [d for d in drops([row(0, 1.0)], [row(0, 1.0, status="")], resamples=100) if d.score == "passed"]
    assert (one.home.value, one.away.value) == (100.0, 0.0)


def test_rows_come_back_from_the_file_that_external_wrote(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(one.model_dump_json() + "\n" for one in AWAY), "utf-8")
    assert [one for _, one in read_rows(file)] == AWAY


@pytest.mark.parametrize(("text", "says"), [("", "holds no row"), ('{"id": "1"}\n', "row 1, field 'reference'")])
def test_a_file_of_something_else_is_told(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(text, "utf-8")
    with pytest.raises((InputError, ReportError), match=says):
        read_rows(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(tmp_path / "none.jsonl")


def test_sets_are_resampled_apart() -> None:
    """Two sets of the same values: resampled together the difference would always be 0."""
    values = [0.0, 1.0] * 50
    (gap,) = apart([mean_of(values)], [mean_of(values)], resamples=2000)
    assert gap.value == 0
    assert gap.high - gap.low == pytest.approx(2 * 1.96 * (2 * 0.25 / 100) ** 0.5, rel=0.1)
    with pytest.raises(InputError, match="different figures"):
        apart([mean_of(values)], [])
