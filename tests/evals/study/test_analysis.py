"""What a study comes to, where the readers' behaviour is known by construction."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.evals.study import Judgement, StudyFigures, StudyKey, analyze_study, create_study, gather, markdown
from coarse2fine.evals.study.measures import sample_size
from coarse2fine.evals.study.plots import write_radar
from coarse2fine.evals.study.ratings import settle
from coarse2fine.reports import Dimensions, InputError, MissingExtra

Make = Callable[..., StudyKey]
Fill = Callable[[Path, Callable[[str], Mapping[str, object]]], None]
Judge = Callable[..., Judgement]

RATINGS = ("negative", "neutral", "positive")
READERS = ("a", "b", "c")
RIGHT = 0.9
"""How often a simulated reader gives an item its true rating; else one of the two others."""
TRUE = {"generated": (40, 130, 30), "original": (10, 80, 10)}
"""Negative, neutral, positive items of each source."""


def measure(found: StudyFigures, name: str, of: str = "rating", readers: tuple[str, ...] | None = None) -> Any:
    (one,) = (one for one in found.agreement if (one.measure, one.of) == (name, of) and readers in (None, one.readers))
    return one


def answers(key: StudyKey, rng: random.Random, knows: float) -> Callable[[str], dict[str, object]]:
    """A reader: true ratings with errors, generated texts half a point clearer, a guess that is right so often."""
    true: dict[str, str] = {}
    for source, counts in TRUE.items():
        items = sorted(item.id for item in key.items if item.source == source)
        random.Random(0).shuffle(items)
        said = [rating for rating, count in zip(RATINGS, counts, strict=True) for _ in range(count)]
        true.update(zip(items, said, strict=True))
    sources = {item.id: item.source for item in key.items}

    def answer(item: str) -> dict[str, object]:
        generated = sources[item] == "generated"
        rating = true[item] if rng.random() < RIGHT else rng.choice([r for r in RATINGS if r != true[item]])
        right = rng.random() < knows
        base = {name: rng.choice([3, 4]) for name in Dimensions.model_fields}
        return {
            "rating": rating,
            **base,
            "clearance": base["clearance"] + (generated and rng.random() < 0.5),
            "source_guess": "machine" if generated == right else "human",
            "edit_seconds": rng.choice([10, 20, 30]) + (0 if generated else 40),
        }

    return answer


@pytest.fixture(scope="module")
def run(rows: Any, fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., StudyFigures]:
    """Create a study of 300 items for three readers, let them rate it, analyze it."""

    def simulated(knows: float = 0.5, **options: Any) -> StudyFigures:
        folder = tmp_path_factory.mktemp("simulated")
        files = (rows(folder / "g.jsonl", "g", 230), rows(folder / "o.jsonl", "o", 120))
        key = create_study(*files, folder / "study", readers=READERS, seed=5, **options)
        rng = random.Random(11)
        sheets = [folder / "study" / "readers" / reader / "ratings.csv" for reader in READERS]
        for path in sheets:
            fill(path, answers(key, rng, knows))
        return analyze_study(key, gather(key, sheets))

    return simulated


@pytest.fixture(scope="module")
def simulated(run: Callable[..., StudyFigures]) -> StudyFigures:
    return run()


def test_a_study_of_300_items_and_3_readers_gives_back_what_was_put_in(simulated: StudyFigures) -> None:
    found = simulated
    assert (found.ratings, found.missing) == (900, {"a": 0, "b": 0, "c": 0})
    for source, (negative, neutral, positive) in TRUE.items():
        counts = found.counts[source]  # type: ignore[index]
        good = counts.good_of_evaluated
        assert good is not None
        assert good.low < (neutral + positive) / (negative + neutral + positive) < good.high
        assert counts.negative + counts.neutral + counts.positive + counts.excluded == counts.items
        assert abs(counts.negative - negative) <= 0.05 * counts.items
    assert found.evaluated == 300 - len(found.unresolved)
    agree = RIGHT**2 + (1 - RIGHT) ** 2 / 2
    for pair in combinations(READERS, 2):
        assert measure(found, "percent agreement", readers=pair).value == pytest.approx(agree, abs=0.06)
    shares = [sum(TRUE[source][place] for source in TRUE) / 300 for place in range(3)]
    chance = sum((RIGHT * share + (1 - RIGHT) / 2 * (1 - share)) ** 2 for share in shares)
    kappa = (agree - chance) / (1 - chance)
    assert measure(found, "Fleiss' kappa").value == pytest.approx(kappa, abs=0.07)
    for pair in combinations(READERS, 2):
        assert measure(found, "Cohen's kappa", readers=pair).value == pytest.approx(kappa, abs=0.12)
    guessed = measure(found, "Krippendorff's alpha", "source_guess")
    assert guessed.low < 0 < guessed.high
    assert measure(found, "Krippendorff's alpha").low > 0.4


def test_dimensions_that_differ_are_found_and_the_others_are_not(simulated: StudyFigures) -> None:
    found = {one.name: one for one in simulated.dimensions}
    assert found.keys() == Dimensions.model_fields.keys()
    clear = found["clearance"]
    means = [clear.by_source[source].mean for source in ("generated", "original")]
    assert means == pytest.approx([4.0, 3.5], abs=0.1)
    assert clear.p_holm is not None
    assert clear.p_holm < 0.001
    assert all((one.p_holm or 0) > 0.05 for name, one in found.items() if name != "clearance")
    assert all((one.p_holm or 0) >= (one.p or 1) for one in found.values())
    assert {one.test for one in found.values()} == {"rank-sum"}


def test_a_blinding_that_holds_and_one_that_does_not(simulated: StudyFigures, run: Callable[..., StudyFigures]) -> None:
    held = simulated.guesses
    assert held.right is not None
    assert held.right.low < 0.5 < held.right.high
    assert held.chance == pytest.approx(0.5, abs=0.02)
    assert (held.held, held.by_reader.keys()) == (True, set(READERS))
    told = run(knows=0.7)
    assert told.guesses.right is not None
    assert told.guesses.right.low < 0.7 < told.guesses.right.high
    assert told.guesses.held is False
    assert "the blinding did not hold" in markdown(told)


def test_who_always_says_machine_is_often_right_and_knows_nothing(make: Make, judgement: Judge) -> None:
    key = make(generated=80, original=20)
    said = [judgement(item.id, "r1", source_guess="machine") for item in key.items]
    guesses = analyze_study(key, said).guesses
    assert guesses.right is not None
    assert (guesses.right.value, guesses.chance, guesses.held) == (0.8, pytest.approx(0.8), True)


def test_edit_time_is_told_by_source(simulated: StudyFigures) -> None:
    times = simulated.edit_seconds
    assert (times["generated"].median, times["original"].median) == (20, 60)
    assert (times["generated"].lower, times["generated"].upper, times["original"].ratings) == (10, 30, 300)


def test_half_an_overlap_gives_agreement_on_half_the_items(run: Callable[..., StudyFigures]) -> None:
    found = run(overlap=0.5)
    assert found.ratings == 150 * 3 + 150
    assert measure(found, "Fleiss' kappa").items == measure(found, "Krippendorff's alpha").items == 150
    assert found.counts["generated"].unrated == 0


def test_readers_who_differ_on_30_of_300_items_agree_on_nine_in_ten(make: Make, judgement: Judge) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    key = make(generated=200, original=100)
    first = [RATINGS[place % 3] for place in range(300)]
    second = [RATINGS[(place + 1) % 3] if place < 30 else first[place] for place in range(300)]
    said = [
        judgement(item.id, reader, rating)
        for reader, ratings in (("r1", first), ("r2", second))
        for item, rating in zip(key.items, ratings, strict=True)
    ]
    found = analyze_study(key, said)
    assert measure(found, "percent agreement").value == pytest.approx(0.9, abs=1e-6)
    assert measure(found, "Cohen's kappa").value == pytest.approx(metrics.cohen_kappa_score(first, second), abs=1e-6)
    assert measure(found, "Cohen's kappa").value == pytest.approx((0.9 - 1 / 3) / (2 / 3), abs=1e-6)
    assert (found.disputed, len(found.unresolved), found.evaluated) == (30, 30, 270)


def test_alpha_is_ordinal_for_what_has_an_order(make: Make, judgement: Judge) -> None:
    krippendorff = pytest.importorskip("krippendorff")
    key = make(generated=40, original=20)
    rng = random.Random(4)
    said = [[rng.randrange(3) for _ in key.items] for _ in key.readers]
    found = analyze_study(
        key,
        [
            judgement(
                item.id, reader, RATINGS[value], clearance=value + 1, source_guess=("human", "machine")[value > 1]
            )
            for reader, values in zip(key.readers, said, strict=True)
            for item, value in zip(key.items, values, strict=True)
        ],
    )
    ordinal = krippendorff.alpha(said, level_of_measurement="ordinal")
    assert measure(found, "Krippendorff's alpha").value == pytest.approx(ordinal, abs=1e-6)
    assert measure(found, "Krippendorff's alpha", "clearance").value == pytest.approx(ordinal, abs=1e-6)
    guessed = [[int(value > 1) for value in values] for values in said]
    nominal = krippendorff.alpha(guessed, level_of_measurement="nominal")
    assert measure(found, "Krippendorff's alpha", "source_guess").value == pytest.approx(nominal, abs=1e-6)


def test_the_papers_figures(make: Make, judgement: Judge) -> None:
    """145 neutral, 14 positive, 30 negative, 11 excluded of 200: 79.5 %, and 289 reports left."""
    key = make(generated=200, original=100)
    generated = iter(["neutral"] * 145 + ["positive"] * 14 + ["negative"] * 30 + ["disputed"] * 11)
    said = []
    for item in key.items:
        rating = next(generated) if item.source == "generated" else "neutral"
        both = ("neutral", "negative") if rating == "disputed" else (rating, rating)
        said += [judgement(item.id, reader, one) for reader, one in zip(key.readers, both, strict=True)]
    found = analyze_study(key, said)
    counts = found.counts["generated"]
    assert (counts.neutral, counts.positive, counts.negative, counts.excluded) == (145, 14, 30, 11)
    assert counts.good is not None
    assert counts.good.value == pytest.approx(0.795)
    assert (counts.good.low, counts.good.high) == pytest.approx((0.7338, 0.8451), abs=5e-4)
    assert counts.good_of_evaluated is not None
    assert counts.good_of_evaluated.value == pytest.approx(159 / 189)
    assert found.evaluated == 289
    assert "79.5% (159/200; 73.4% to 84.5%)" in markdown(found)


def test_one_reader_alone_has_no_agreement(make: Make, judgement: Judge) -> None:
    key = make(readers=("r1",))
    found = analyze_study(key, [judgement(item.id, "r1", clearance=4, source_guess="human") for item in key.items])
    assert {one.reason for one in found.agreement} == {"not defined with one reader"}
    assert {one.value for one in found.agreement} == {None}
    assert "not defined with one reader" in markdown(found)
    assert found.counts["generated"].neutral == 8


def test_readers_who_share_no_item_have_no_agreement(make: Make, judgement: Judge) -> None:
    key = make(overlap=0.0)
    found = analyze_study(key, [judgement(item.id, item.readers[0]) for item in key.items])
    assert {one.reason for one in found.agreement} == {"no item was rated by two readers"}


def test_ratings_that_are_missing_are_counted(make: Make, judgement: Judge) -> None:
    key = make()
    found = analyze_study(key, [judgement(key.items[0].id, "r1")])
    assert found.missing == {"r1": 11, "r2": 12}
    assert sum(counts.unrated for counts in found.counts.values()) == 11
    assert "**23 ratings are missing** (r1 11, r2 12)." in markdown(found)


def test_excluded_items_do_not_count_in_dimensions(make: Make, judgement: Judge) -> None:
    key = make()
    first, second = [item.id for item in key.items if item.source == "generated"][:2]
    said = [
        judgement(first, "r1", "neutral", clearance=5),
        judgement(first, "r2", "neutral", clearance=4),
        judgement(second, "r1", "neutral", clearance=1),
        judgement(second, "r2", "negative", clearance=1),
    ]
    clear = analyze_study(key, said).dimensions[0]
    assert (clear.by_source["generated"].items, clear.by_source["generated"].mean) == (1, 4.5)
    assert clear.by_rating["generated"]["neutral"].mean == 4.5
    assert clear.by_rating["generated"]["negative"].mean is None
    assert clear.reason == "one group is empty"


def test_pairs_of_one_report_are_tested_as_pairs(make: Make, judgement: Judge, rows: Any, tmp_path: Path) -> None:
    generated, original = rows(tmp_path / "g.jsonl", "x", 20), rows(tmp_path / "o.jsonl", "x", 10)
    key = create_study(
        generated, original, tmp_path / "p", wanted={"generated": 20, "original": 10}, seed=1, design="paired"
    )
    reports = sorted({item.report for item in key.items if item.source == "original"})
    said = []
    for item in key.items:
        value = 2 + (reports.index(item.report) % 3 if item.report in reports else 0)
        said.append(judgement(item.id, "r1", clearance=value + (item.source == "generated"), coherence=3))
    found = {one.name: one for one in analyze_study(key, said).dimensions}
    assert (found["clearance"].test, found["clearance"].tested) == ("signed-rank", 10)
    assert found["clearance"].p is not None
    assert found["clearance"].p < 0.01
    assert (found["coherence"].p, found["coherence"].reason) == (None, "no pair differs")


def test_the_next_study_is_planned_on_this_ones_shares(simulated: StudyFigures) -> None:
    planning = simulated.planning
    assert planning.difference is not None
    assert planning.low is not None
    assert planning.high is not None
    assert planning.low < planning.difference < planning.high
    assert planning.low < -0.1 < planning.high
    wanted = {round(one.difference, 3) for one in planning.needed}
    assert wanted == {round(planning.difference, 3), -0.1}
    good = simulated.counts["original"].good_of_evaluated
    assert good is not None
    last = planning.needed[-1]
    assert (last.generated, last.original) == sample_size(good.value - 0.1, good.value, last.power, 0.5)
    for one in planning.needed:
        assert abs(one.generated - 2 * one.original) <= 1


@pytest.mark.parametrize("detect", [0.0, 1.0, -0.1])
def test_a_difference_that_cannot_be_is_refused(make: Make, judgement: Judge, detect: float) -> None:
    key = make()
    with pytest.raises(InputError, match="between 0 and 1"):
        analyze_study(key, [judgement(key.items[0].id, "r1")], detect=detect)


def test_resolved_items_are_not_excluded(make: Make, judgement: Judge) -> None:
    key = make()
    item = next(item for item in key.items if item.source == "generated")
    said = [judgement(item.id, "r1", "neutral"), judgement(item.id, "r2", "negative")]
    (open_,) = settle(key, said)
    found = analyze_study(key, said, [open_.model_copy(update={"rating": "neutral"})])
    assert (found.disputed, found.unresolved, found.counts["generated"].neutral) == (1, (), 1)


def test_the_radar_is_drawn_or_the_extra_is_named(
    make: Make, judgement: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    key = make()
    found = analyze_study(key, [judgement(item.id, "r1", clearance=4) for item in key.items])
    write_radar(found, tmp_path / "radar.png")
    assert (tmp_path / "radar.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="cannot write"):
        write_radar(found, tmp_path / "none" / "radar.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"coarse2fine\[plots\]"):
        write_radar(found, tmp_path / "radar.png")
