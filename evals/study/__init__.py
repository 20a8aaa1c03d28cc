"""The reader study (paper, 5.2 and figure 5): blinded items, a sealed key, and what the ratings come to."""

from coarse2fine.evals.study.analysis import StudyFigures, analyze_study
from coarse2fine.evals.study.create import create_study
from coarse2fine.evals.study.key import StudyKey, read_key
from coarse2fine.evals.study.ratings import Judgement, gather
from coarse2fine.evals.study.report import markdown

__all__ = [
    "Judgement",
    "StudyFigures",
    "StudyKey",
    "analyze_study",
    "create_study",
    "gather",
    "markdown",
    "read_key",
]
