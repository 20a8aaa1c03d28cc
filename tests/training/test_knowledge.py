"""The shipped knowledge base keeps its promises."""

from __future__ import annotations

import pytest

from coarse2fine.reports import InputError
from coarse2fine.training.corpus.check import check
from coarse2fine.training.corpus.knowledge import Exam, knowledge, load_exams


def test_breadth() -> None:
    exams = knowledge()
    assert len(exams) >= 14
    assert {e.modality for e in exams} == {"XR", "CT", "MR", "US", "MG", "NM"}
    assert sum(len(e.findings) for e in exams) >= 400


@pytest.mark.parametrize("exam", knowledge(), ids=lambda e: e.exam)
def test_every_template_can_be_used(exam: Exam) -> None:
    assert check(exam) == []


def test_a_fault_names_the_exam_and_the_place() -> None:
    with pytest.raises(InputError, match="exam broken"):
        load_exams([("broken.yaml", "exam: broken\nmodality: XR\n")])


def test_a_file_that_is_no_mapping_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load_exams([("bad.yaml", "- just\n- a list\n")])
