"""`coarse2fine eval board`: the whole evidence in one command, section by section; finished sections are kept."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from coarse2fine.agents import Critic
from coarse2fine.evals.board_data import Board
from coarse2fine.evals.cache import RowCache, digest
from coarse2fine.evals.critic_benchmark import ClaimRow, Judged, figures, judge, read_claims
from coarse2fine.evals.critic_set import derive
from coarse2fine.evals.external import FLOORS
from coarse2fine.evals.floors import Nearest
from coarse2fine.evals.metrics import Samples
from coarse2fine.evals.metrics.rouge import RougeMetric
from coarse2fine.evals.pages import Page, Part, Section, interval, picture, table, words
from coarse2fine.evals.plots import can_draw, draw_curves, svg
from coarse2fine.evals.roc import ModelScores, roc
from coarse2fine.evals.selection import Columns, contrasts, scores_of
from coarse2fine.evals.selection_page import contrast_table
from coarse2fine.evals.statistics import SEED
from coarse2fine.evals.systems import Written
from coarse2fine.evals.typos import Noise, typos
from coarse2fine.evals.typos_page import loss_table, typos_page
from coarse2fine.reports import Coarse2FineError, InputError

__all__ = ["FAILED", "PUBLISHED", "SECTIONS", "board_page"]

FAILED = "This section failed: "

PUBLISHED: Sequence[tuple[str, str, str]] = (
    ("constant string", "test, 343", "45.5 / 34.8 / 45.5"),
    ("TF-IDF, medoid of the 10 nearest training reports", "test, 343", "64.9 / 59.4 / 64.7"),
    ("WGSum, as claimed", "its own", "61.6 / 51.0 / 61.7"),
    ("WGSum, rerun by a user", "its own", "59.6 / 49.6 / 59.3"),
    ("GPT-4 without examples (clin-summ)", "test", "– / – / 17.5"),
    ("GPT-4 with the 64 nearest examples (clin-summ)", "test", "– / – / 68.8"),
    ("an adapted system of GPT-4's class", "test, abnormal, 72", "48.5 / 31.2 / 44.8"),
)
"""Published figures on Open-I: system, reports, ROUGE-1 / 2 / L in percent."""
_SCORES = ("rouge", "bleu", "bertscore", "fc", "support", "coverage", "length")


async def board_page(board: Board, started: Callable[[str], None] = lambda _: None) -> Page:
    """All sections. One that fails says so, and the others go on; finished ones are taken as they are kept.

    Args:
        started: told the title of a section that is worked on.

    Raises:
        InputError: a file of the data cannot be read.
    """
    kept, key = RowCache(board.rows / "sections.jsonl", Section), board.key
    sections = []
    for title, make in SECTIONS.items():
        place = digest(key, title)
        section = kept.get(place)
        if section is None:
            started(title)
            section = await _section(title, make, board)
            if not any(part.text.startswith(FAILED) for part in section.parts):
                kept.put(place, section)
        sections.append(section)
    return Page(f"Board: {board.layout} {board.part}, model {board.name}", sections)


async def _section(title: str, make: Make, board: Board) -> Section:
    try:
        return Section(title=title, parts=tuple(await make(board)))
    except Coarse2FineError as error:
        return Section(title=title, parts=(words(f"{FAILED}{type(error).__name__}: {error}"),))


# ------------------------------------------------------------------------------------------------------------- rouge
async def _published(board: Board) -> Sequence[Part]:
    drafts = await board.full()
    floors = {**FLOORS, **Nearest(board.past).floors()}
    texts = {
        "draft, with the loop": [row.text(True) for row in drafts],
        "first draft, no critic": [row.text(False) for row in drafts],
        "draft, with the training reports as memory": [row.text(True) for row in await board.remembering()],
        **{f"floor: {name}": [floor(case) for case in board.cases] for name, floor in floors.items()},
    }
    return [words(_counts(board, drafts)), *_rouge_tables(board, texts), _texts(drafts), _others()]


def _counts(board: Board, rows: Sequence[Written]) -> str:
    groups = ", ".join(f"{name} {int(marks.sum())}" for name, marks in board.groups.items())
    failed = sum(bool(row.error) for row in rows)
    return (
        f"Reports: {groups}; failed, and counted as empty: {failed}. Unseen: the findings do not stand word for word "
        "in the training reports; abnormal: by evals/normal.py."
    )


def _rouge_tables(board: Board, texts: Mapping[str, Sequence[str]]) -> Iterator[Part]:
    references = [case.reference for case in board.cases]
    scores = {name: RougeMetric().score(Samples(found, references)).columns for name, found in texts.items()}
    yield table(
        ("ROUGE-1 / 2 / L, F1, %", *board.groups),
        (
            (name, *(" / ".join(f"{100 * columns[c].values[m].mean():.1f}" for c in _ROUGE) for m in _marks(board)))
            for name, columns in scores.items()
        ),
    )
    yield table(
        ("ROUGE-L with interval", *board.groups),
        (
            (name, *(interval(found) for found in board.by_group(columns["rougeL"].values).values()))
            for name, columns in scores.items()
        ),
        f"Percentile bootstrap over reports, 95 %, {board.resamples:,} resamples.",
    )


_ROUGE = ("rouge1", "rouge2", "rougeL")


def _marks(board: Board) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    yield from board.groups.values()


def _texts(rows: Sequence[Written]) -> Part:
    names = list(dict.fromkeys(name for row in rows for name in row.texts))
    held = {name: [row.texts[name] for row in rows if name in row.texts] for name in names}
    return table(
        ("text", "texts", "passed", "needs review", "error", "rounds"),
        (
            (
                name,
                len(found),
                *(f"{sum(t.status == s for t in found) / len(found):.1%}" for s in ("passed", "needs_review", "error")),
                f"{statistics.mean(t.rounds for t in found):.2f}",
            )
            for name, found in held.items()
        ),
    )


def _others() -> Part:
    note = "Published figures stand on other reports of Open-I than these: they tell the size of things."
    return table(("published", "reports", "ROUGE-1 / 2 / L"), PUBLISHED, note)


# --------------------------------------------------------------------------------------------------------- contrasts
def _score(board: Board, texts: Sequence[str], *names: str) -> Columns:
    return scores_of(board.metrics(*(names or _SCORES)), board.cases, texts, {})


def _contrast(board: Board, one: tuple[str, Columns], other: tuple[str, Columns]) -> Part:
    (found,) = contrasts([(*one, *other)], board.resamples, SEED)
    return contrast_table(found)


async def _loop(board: Board) -> Sequence[Part]:
    rows = await board.full()
    on, off = (_score(board, [row.text(loop) for row in rows]) for loop in (True, False))
    return [_contrast(board, ("loop on", on), ("loop off", off))]


async def _memory(board: Board) -> Sequence[Part]:
    drafts, remembering = await board.full(), await board.remembering()
    on, off = (_score(board, [row.text(True) for row in rows]) for rows in (remembering, drafts))
    note = words(f"{len(board.past):,} training reports as one radiologist's memory.")
    return [note, _contrast(board, ("memory on", on), ("memory off", off))]


async def _ceiling(board: Board) -> Sequence[Part]:
    names = ("support", "fc", "coverage", "length")
    human = _score(board, [case.reference for case in board.cases], *names)
    ours = _score(board, [row.text(True) for row in await board.full()], *names)
    means = table(
        ("score", "draft", "radiologists"),
        ((name, f"{ours[name].corpus.value():.3f}", f"{human[name].corpus.value():.3f}") for name in ours),
        "Radiologists' own impressions under the same critic: what they know beyond the findings counts against them.",
    )
    return [means, _contrast(board, ("draft", ours), ("radiologists", human))]


async def _typos(board: Board) -> Sequence[Part]:
    metrics = board.metrics("rouge", "bertscore", "fc", "support")
    await board.full()
    kept, resamples = board.kept, board.resamples
    found = await typos(
        board.system, board.cases, metrics, Noise(), kept=kept, workers=board.workers, resamples=resamples,
        done=board.done,
    )  # fmt: skip
    page = typos_page(found, board.part, pictures=False)
    parts = [*page.sections[0].parts, *page.sections[1].parts, loss_table(found.rates)]
    if can_draw():
        curves = {n: [(100 * r.rate, r.columns[n]) for r in found.rates] for n in ("rougeL", "fc", "support")}
        parts.append(picture(svg(draw_curves(curves, "words struck, %", "score")), "Scores by rate of errors"))
    return parts


# ------------------------------------------------------------------------------------------------------ critic, speed
async def _critic(board: Board) -> Sequence[Part]:
    reports = [case.report for case in board.cases]
    sets: dict[str, list[ClaimRow]] = {file.name: read_claims(file) for file in board.claims}
    sets[f"derived from {board.part}"] = derive(reports)
    rows, kinds = [], []
    for name, claims in sets.items():
        chosen = _limited(claims, board.limit)
        judged = judge(chosen, Critic(board.critic))
        found = figures(judged)
        scores = _model_scores(judged, board)
        told = (found.balanced_accuracy, found.accepted, found.caught, found.overlap_oracle)
        extra = ("–", "–") if scores is None else (interval(scores.auc), f"{scores.ece:.3f}")
        rows.append((name, len(chosen), *(f"{share:.3f}" for share in told), *extra))
        kinds += [(name, k, f.rows, "accepted" if f.supported else "caught", f.right) for k, f in found.by_kind.items()]
    head = ("claims", "number", "balanced accuracy", "accepted", "caught", "word-overlap oracle", "AUC", "calibration")
    by_kind = ((f"{name}: {kind}", n, meaning, f"{right:.3f}") for name, kind, n, meaning, right in kinds)
    note = (
        "AUC and expected calibration error: of the NLI scores, on the claims that reach the model. The critic's "
        "thresholds were chosen on dev.jsonl: its figures are not blind."
    )
    return [table(head, rows, note), table(("kind", "claims", "judged right means", "share"), by_kind)]


def _model_scores(judged: Sequence[Judged], board: Board) -> ModelScores | None:
    try:
        return roc({board.critic.name: judged}).models[0]
    except InputError:
        return None


def _limited(claims: Sequence[ClaimRow], limit: int | None) -> list[ClaimRow]:
    """The first claims of either label."""
    good, bad = ([row for row in claims if row.supported is wanted] for wanted in (True, False))
    return list(claims) if limit is None else [*good[:limit], *bad[:limit]]


async def _speed(board: Board) -> Sequence[Part]:
    rows = [row for row in await board.full() if not row.error]
    seconds, drafting = (sorted(v) for v in ([r.seconds for r in rows], [r.first_seconds for r in rows]))
    return [
        table(
            ("seconds a report", "mean", "median", "95th percentile"),
            (
                (name, *(f"{v:.2f}" for v in (statistics.mean(found), statistics.median(found), _percentile(found))))
                for name, found in (("draft and three audiences, whole graph", seconds), ("first draft", drafting))
                if found
            ),
            f"{board.workers} at once, models warm; {os.cpu_count()} cores, {platform.machine()}. Other work on the "
            "machine counts.",
        )
    ]


def _percentile(values: Sequence[float]) -> float:
    return values[max(0, -(-95 * len(values) // 100) - 1)]


async def _pinned(board: Board) -> Sequence[Part]:
    names = ("coarse2fine", "torch", "transformers", "langgraph", "rouge-score", "sacrebleu", "bert-score")
    held = [*board.pinned.items(), *((name, _version(name)) for name in names)]
    return [table(("what", "hash or version"), held), words(f"Python {platform.python_version()}; seed {SEED}.")]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


Make = Callable[[Board], Awaitable[Sequence[Part]]]
SECTIONS: Mapping[str, Make] = {
    "Published reports": _published,
    "The loop, on less off": _loop,
    "Memory, on less off": _memory,
    "Radiologists under the critic": _ceiling,
    "Errors in the findings": _typos,
    "The critic": _critic,
    "Speed": _speed,
    "Pinned": _pinned,
}
"""Title → what makes the section."""
