"""Personal style, measured: drafts before and after a system knows its radiologist, beside the radiologist's own."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.style_match import style_match, wins
from coarse2fine.evals.support import SupportFigures, judge_support, sum_up
from coarse2fine.reports import Report
from coarse2fine.serving import NLIModel

__all__ = ["Arm", "Personal", "compare"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Arm(_Frozen):
    """One radiologist's drafts, before and after.

    Args:
        better, equal, worse: reports whose later draft matches the radiologist's own text better, as well, worse.
        match_before, match_after: mean `style_match`, 0 to 1.
        support_before, support_after: claims that do not hold, and the mean factual consistency.
    """

    radiologist: str
    better: int
    equal: int
    worse: int
    match_before: float
    match_after: float
    support_before: SupportFigures
    support_after: SupportFigures

    @property
    def share(self) -> float:
        """Of the pairs those won, a tie being half a win."""
        return (self.better + self.equal / 2) / (self.better + self.equal + self.worse)


class Personal(_Frozen):
    """All radiologists, by way of knowing them."""

    arms: dict[str, tuple[Arm, ...]]

    def share(self, arm: str) -> float:
        """Share of all pairs won, each radiologist's counting alike."""
        return sum(one.share for one in self.arms[arm]) / len(self.arms[arm])

    def consistency(self, arm: str) -> tuple[float, float]:
        """Mean factual consistency before and after."""
        found = self.arms[arm]
        before = sum(one.support_before.consistency for one in found) / len(found)
        return before, sum(one.support_after.consistency for one in found) / len(found)

    def unsupported(self, arm: str) -> tuple[int, int]:
        """Claims that do not hold, before and after."""
        found = self.arms[arm]
        before = sum(one.support_before.unsupported for one in found)
        return before, sum(one.support_after.unsupported for one in found)


def compare(
    radiologist: str, held: Sequence[Report], before: Sequence[str], after: Sequence[str], judge: NLIModel
) -> Arm:
    """Compare two drafts of each report with what its radiologist wrote.

    Args:
        held: reports with the radiologist's own impression.
        before, after: a draft of each, in their order.
        judge: for `judge_support`.

    Raises:
        ValueError: there are more of one than of the others.
    """
    matches: tuple[list[float], list[float]] = ([], [])
    judged = []
    for report, one, other in zip(held, before, after, strict=True):
        for place, text in enumerate((one, other)):
            matches[place].append(style_match(text, report.impression or "", report.exam))
        judged.append(judge_support(report, (one, other), judge))
    found = wins(*matches)
    return Arm(
        radiologist=radiologist,
        **found._asdict(),
        match_before=sum(matches[0]) / len(held),
        match_after=sum(matches[1]) / len(held),
        support_before=sum_up(pair[0] for pair in judged),
        support_after=sum_up(pair[1] for pair in judged),
    )
