"""`coarse2fine eval critic --roc`: how well an NLI model's scores tell claims apart, and if they are probabilities.

Only claims that reach the model count: the checks before it decide the others, whatever the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from coarse2fine.evals.critic_benchmark import Judged
from coarse2fine.evals.statistics import SEED, Difference, Interval
from coarse2fine.reports import InputError

__all__ = ["BINS", "Bin", "KindScores", "ModelScores", "RocFigures", "ScoredClaim", "area", "reached", "roc", "roc_of"]

BINS = 10
"""Bins of equal width of the calibration."""
RESAMPLES = 2_000
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class ScoredClaim(NamedTuple):
    """The entailment probability of a claim that reached the model, whether it holds, and its kind."""

    place: int
    score: float
    supported: bool
    kind: str


class Bin(NamedTuple):
    """Claims whose scores are alike: how many, their mean score, and the share of them that holds."""

    claims: int
    score: float
    supported: float


class KindScores(NamedTuple):
    """One kind: its claims, their mean score, the AUC against all claims of the other label, and its own ECE."""

    claims: int
    supported: bool
    score: float
    auc: float
    ece: float


class ModelScores(_Frozen):
    """One model's scores.

    Args:
        name: the model's.
        auc: area under the ROC curve with its bootstrap interval.
        curve: (share of unsupported claims that pass, share of supported claims that pass), strictest threshold
            first.
        thresholds: one a point; at or above it a claim passes. Above 1: none does.
        ece: expected calibration error; brier: mean squared error of the score.
        bins: the calibration, empty bins left out.
        kinds: by kind; one with both labels stands twice, as "kind" and "kind (unsupported)".
    """

    name: str
    auc: Interval
    curve: tuple[tuple[float, float], ...]
    thresholds: tuple[float, ...]
    ece: float
    brier: float
    bins: tuple[Bin, ...]
    kinds: dict[str, KindScores]


class RocFigures(_Frozen):
    """All models on the same claims.

    Args:
        claims: of the set; reached: of those, the ones that reach the model; supported: of these, those that hold.
        models: the critic's first.
        auc_gain: the first model's AUC less each other's, paired; p by the bootstrap.
    """

    claims: int
    reached: int
    supported: int
    models: tuple[ModelScores, ...]
    auc_gain: dict[str, Difference]


def reached(judged: Sequence[Judged]) -> list[ScoredClaim]:
    """The claims that the model decided."""
    return [
        ScoredClaim(place, j.score, j.row.supported, j.row.kind)
        for place, j in enumerate(judged)
        if j.layer == "nli" and j.score is not None
    ]


def roc(judged: Mapping[str, Sequence[Judged]], *, resamples: int = RESAMPLES, seed: int = SEED) -> RocFigures:
    """Figures of models that judged the same rows.

    Args:
        judged: model → what the critic with it says of each row.

    Raises:
        InputError: all claims that reach the model hold, or none does; or the models were asked about different claims.
    """
    found = {name: reached(verdicts) for name, verdicts in judged.items()}
    first = next(iter(found.values()))
    if any([c.place for c in claims] != [c.place for c in first] for claims in found.values()):
        raise InputError("the models were asked about different claims")
    labels = np.array([claim.supported for claim in first])
    if not labels.any() or labels.all():
        raise InputError(
            f"{len(first)} claims reach the model, of which {int(labels.sum())} hold: a ROC curve needs both kinds"
        )
    scores = {name: np.array([claim.score for claim in claims]) for name, claims in found.items()}
    drawn = {name: _drawn(values, labels, resamples, seed) for name, values in scores.items()}
    lead = next(iter(scores))
    return RocFigures(
        claims=len(next(iter(judged.values()))),
        reached=len(first),
        supported=int(labels.sum()),
        models=tuple(_model(name, found[name], scores[name], labels, drawn[name]) for name in found),
        auc_gain={
            name: _gain(area(scores[lead], labels) - area(values, labels), drawn[lead] - drawn[name])
            for name, values in scores.items()
            if name != lead
        },
    )


def _model(name: str, claims: Sequence[ScoredClaim], scores: Floats, labels: Marks, drawn: Floats) -> ModelScores:
    low, high = np.quantile(drawn, (0.025, 0.975))
    curve, thresholds = roc_of(scores, labels)
    bins = _bins(scores, labels)
    return ModelScores(
        name=name,
        auc=Interval(area(scores, labels), float(low), float(high)),
        curve=curve,
        thresholds=thresholds,
        ece=_ece(bins),
        brier=float(np.mean((scores - labels) ** 2)),
        bins=bins,
        kinds=_kinds(claims, scores, labels),
    )


def area(scores: Floats, labels: Marks) -> float:
    """AUC: how often a supported claim scores above an unsupported one; a tie counts half."""
    mine, theirs = scores[labels], np.sort(scores[~labels])
    below, not_above = (np.searchsorted(theirs, mine, side) for side in ("left", "right"))
    return float((below + not_above).sum() / (2 * len(mine) * len(theirs)))


def roc_of(scores: Floats, labels: Marks) -> tuple[tuple[tuple[float, float], ...], tuple[float, ...]]:
    """The points of the curve with their thresholds, from (0, 0) to (1, 1)."""
    cuts = [float("inf"), *np.unique(scores)[::-1].tolist()]
    good, bad = np.sort(scores[labels]), np.sort(scores[~labels])
    points = [tuple(1 - float(np.searchsorted(side, cut)) / len(side) for side in (bad, good)) for cut in cuts]
    return tuple((x, y) for x, y in points), (1.1, *cuts[1:])


def _drawn(scores: Floats, labels: Marks, resamples: int, seed: int) -> Floats:
    """The AUC of resamples, supported and unsupported claims drawn apart, the same ones for every model."""
    rng = np.random.default_rng(seed)
    good, bad = np.flatnonzero(labels), np.flatnonzero(~labels)
    marks = np.arange(len(labels)) < len(good)
    found = []
    for _ in range(resamples):
        chosen = np.concatenate([rng.choice(good, len(good)), rng.choice(bad, len(bad))])
        found.append(area(scores[chosen], marks))
    return np.array(found)


def _gain(value: float, drawn: Floats) -> Difference:
    low, high = np.quantile(drawn, (0.025, 0.975))
    p = (1 + np.count_nonzero(np.abs(drawn - value) >= abs(value) - 1e-12)) / (1 + len(drawn))
    return Difference(value, float(low), float(high), float(p))


def _bins(scores: Floats, labels: Marks) -> tuple[Bin, ...]:
    places = np.minimum((scores * BINS).astype(int), BINS - 1)
    held = [places == place for place in range(BINS)]
    return tuple(Bin(int(m.sum()), float(scores[m].mean()), float(labels[m].mean())) for m in held if m.any())


def _ece(bins: Iterable[Bin]) -> float:
    """Expected calibration error (Naeini, Cooper and Hauskrecht 2015): |score - share that holds|, mean over claims."""
    known = list(bins)
    return sum(b.claims * abs(b.score - b.supported) for b in known) / sum(b.claims for b in known)


def _kinds(claims: Sequence[ScoredClaim], scores: Floats, labels: Marks) -> dict[str, KindScores]:
    found: dict[str, KindScores] = {}
    kinds = np.array([claim.kind for claim in claims])
    for supported in (True, False):
        for kind in sorted(set(kinds[labels == supported])):
            own = (kinds == kind) & (labels == supported)
            against = own | (labels != supported)
            name = f"{kind} (unsupported)" if kind in found else str(kind)
            found[name] = KindScores(
                claims=int(own.sum()),
                supported=supported,
                score=float(scores[own].mean()),
                auc=area(scores[against], labels[against]),
                ece=_ece(_bins(scores[own], labels[own])),
            )
    return found
