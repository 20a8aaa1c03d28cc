"""Feedback as a record: what it must say, what it does not keep, and how bad lines are named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from coarse2fine.agents import Audience
from coarse2fine.reports import Dimensions, Feedback, InputError, Report, ReportError, read_feedback, write_feedback

REPORT = {"id": "e1", "findings": "Small left effusion.", "patient": "p7", "impression": "Effusion."}


def record(**fields: Any) -> Feedback:
    return Feedback.model_validate({"id": "f1", "report": REPORT, "text": "Effusion.", "rating": "neutral", **fields})


def test_a_record_keeps_no_patient_and_no_impression() -> None:
    report = record().report
    assert (report.patient, report.impression, report.radiologist) == (None, None, None)
    assert (report.id, report.findings) == ("e1", "Small left effusion.")


def test_the_five_dimensions_of_the_papers_reader_study() -> None:
    names = ["clearance", "completeness", "human_likeness", "conciseness", "coherence"]
    assert list(Dimensions.model_fields) == names
    with pytest.raises(ValidationError, match="less than or equal to 5"):
        Dimensions(clearance=6)


def test_the_audiences_are_those_of_the_agents() -> None:
    assert get_args(Feedback.model_fields["audience"].annotation) == get_args(Audience)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"rating": None}, "says nothing of the text"),
        ({"rating": "good"}, "positive"),
        ({"text": " "}, "is empty"),
        ({"edited": ""}, "is empty"),
        ({"created": datetime(2026, 11, 24)}, "no time zone"),
        ({"version": 2}, "1"),
        ({"name": "Dr. No"}, "Extra inputs"),
        ({"words": 0}, "greater than 0"),
    ],
)
def test_what_a_record_may_not_say(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        record(**fields)


def test_an_edit_or_dimensions_alone_say_enough() -> None:
    assert record(rating=None, edited="Small effusion.").edited == "Small effusion."
    assert record(rating=None, dimensions={"coherence": 4}).dimensions.coherence == 4


def test_written_and_read_again(tmp_path: Path) -> None:
    records = [record(), record(id="f2", edited="- Effusion.\n", words=20, created="2026-11-24T10:00:00+02:00")]
    assert write_feedback(records, tmp_path / "new" / "out.jsonl") == 2
    assert list(read_feedback(tmp_path / "new" / "out.jsonl")) == records
    assert records[1].created == datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_a_bad_line_is_named_and_loses_no_other(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    good = record().model_dump_json()
    path.write_bytes(b"\n".join([good.encode(), b"", b'{"id": "f2", "text": "x"}', b"\xff", b"{", good.encode()]))
    found = list(read_feedback(path))
    assert [isinstance(one, ReportError) for one in found] == [False, True, True, True, False]
    faults = [one for one in found if isinstance(one, ReportError)]
    assert [(fault.row, fault.field) for fault in faults] == [(3, "report"), (4, ""), (5, "")]
    assert "in.jsonl, row 3, field 'report'" in str(faults[0])


def test_errors_hold_no_report_text(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "Secret effusion.", "report": {"findings": "Secret mass."}, "rating": "bad"}', "utf-8")
    (fault,) = read_feedback(path)
    assert isinstance(fault, ReportError)
    assert "Secret" not in str(fault)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        list(read_feedback(tmp_path / "none.jsonl"))


def test_a_report_is_still_checked() -> None:
    with pytest.raises(ValidationError, match="impression cannot be written"):
        record(report={"findings": " "})
    assert record(report=Report(findings="Clear.")).report.findings == "Clear."
