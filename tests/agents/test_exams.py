"""Titles of examinations and what they are called in the knowledge base."""

from __future__ import annotations

import pytest

from coarse2fine.agents.exams import exam_of
from coarse2fine.agents.lexicon import lexicon
from coarse2fine.training.corpus.knowledge import knowledge


@pytest.mark.parametrize(
    ("title", "exam"),
    [
        ("Chest X-ray", "xr-chest"),
        ("CHEST PA AND LATERAL", "xr-chest"),
        ("xr-chest", "xr-chest"),
        ("CT pulmonary angiogram", "ct-chest"),
        ("CT of the abdomen & pelvis with contrast", "ct-abdomen-pelvis"),
        ("MRI lumbar spine without contrast", "mr-lumbar-spine"),
        ("XR C-SPINE 3 VIEWS", "xr-spine"),
        ("Doppler ultrasound, left leg veins", "us-leg-veins"),
        ("Echocardiogram, chest", ""),
        ("Left wrist, 3 views", "xr-extremity"),
        ("", ""),
    ],
)
def test_what_a_title_names(title: str, exam: str) -> None:
    assert exam_of(title) == exam


def test_the_knowledge_base_s_own_titles() -> None:
    titles = [(title, exam.exam) for exam in knowledge() for title in exam.titles]
    named = [(title, exam, exam_of(title)) for title, exam in titles]
    wrong = {row for row in named if row[2] and row[2] != row[1]}
    assert wrong == {  # kidneys may be looked at in either
        ("US RENAL AND BLADDER", "us-abdomen", "us-kidney-bladder"),
        ("Renal ultrasound", "us-abdomen", "us-kidney-bladder"),
    }
    assert sum(not found for *_, found in named) <= len(named) // 20


def test_what_matters_depends_on_the_examination() -> None:
    lex = lexicon()
    name = ("multilevel", "degenerative", "change")
    ids = next(m.value for m in lex.names.find(name))
    assert lex.significance(ids, "mr-lumbar-spine", name=name) == "significant"
    assert lex.significance(ids, "xr-chest", name=name) == "incidental"
