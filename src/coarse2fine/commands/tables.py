"""Figures as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from coarse2fine.evals.critic_benchmark import BenchmarkFigures, Judged
    from coarse2fine.evals.drop import Drop
    from coarse2fine.evals.external import ExternalFigures
    from coarse2fine.evals.personal import Personal

__all__ = ["benchmark_tables", "drop_table", "external_tables", "mistake_lines", "personal_table"]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def external_tables(found: ExternalFigures, title: str) -> RenderableType:
    """Figures of `eval external`."""
    seen = f", {found.seen} with findings that stand in the training rows" if found.seen else ""
    head = f"{title}\n{found.rows} rows, {found.abnormal} abnormal by evals/normal.py{seen}; {found.failed} failed"
    note = "ROUGE: rouge-score F1 in percent, no stemming, mean over rows, against the radiologist's impression."
    speed = (
        f"seconds a report: mean {found.seconds_mean:.2f}, 95th percentile {found.seconds_p95:.2f} "
        f"({found.workers} at once, models warm; {found.seconds:.0f} s in all)"
    )
    contradicted = sum(text.contradicted for text in found.texts.values())
    audit = f"passed texts that the auditor finds contradicted (side, number, polarity): {contradicted}"
    parts: list[RenderableType] = [Text(head), _rouge_table(found), _text_table(found)]
    parts += [_support_table(found)] * bool(found.support)
    return Group(*parts, Text(audit), Text(speed), Text(note, style="dim"))


def _rouge_table(found: ExternalFigures) -> Table:
    table = _table("", "ROUGE-1 / 2 / L", *(f"{group} rows" for group in found.rouge))
    for system in found.rouge["all"]:
        cells = (
            f"{r.rouge1:.1f} / {r.rouge2:.1f} / {r.rougeL:.1f}"
            for r in (group[system] for group in found.rouge.values())
        )
        table.add_row(system, *cells)
    return table


def _text_table(found: ExternalFigures) -> Table:
    table = _table("", "text", "passed", "needs review", "error", "rounds", "contradicted", "stopped because")
    for name, text in found.texts.items():
        reasons = ", ".join(f"{reason} {count}" for reason, count in text.stop_reasons.items())
        shares = (f"{share:.1%}" for share in (text.passed, text.needs_review, text.error))
        table.add_row(name, *shares, f"{text.rounds:.2f}", str(text.contradicted), reasons)
    return table


def _support_table(found: ExternalFigures) -> Table:
    table = _table("", "support by the findings", "claims", "do not hold", "mean FC")
    for name, support in found.support.items():
        table.add_row(name, str(support.claims), str(support.unsupported), f"{support.consistency:.3f}")
    return table


def drop_table(found: Sequence[Drop], home: str) -> RenderableType:
    """What is lost away from the home set: ROUGE-L of each system, and the share of drafts that passed."""
    parts: list[RenderableType] = [Text()]
    for group in dict.fromkeys(one.group for one in found):
        rows = [one for one in found if one.group == group and one.score in ("rougeL", "passed")]
        head = f"{group} rows: {rows[0].home_rows} of {home}, {rows[0].away_rows} here"
        table = _table(head, "%", "at home", "here", "drop (95 %)", "of its value")
        for one in rows:
            name = "draft passed" if one.score == "passed" else f"ROUGE-L, {one.system}"
            gap = f"{one.drop.value:+.1f} ({one.drop.low:+.1f} to {one.drop.high:+.1f})"
            share = "–" if one.lost is None else f"{one.lost:+.1%}"
            table.add_row(name, f"{one.home.value:.1f}", f"{one.away.value:.1f}", gap, share)
        parts.append(table)
    note = "drop: at home less here, each set resampled by itself; floors tell how much harder the reports are"
    return Group(*parts, Text(note, style="dim"))


def benchmark_tables(found: BenchmarkFigures, title: str) -> RenderableType:
    """Figures of `eval critic`."""
    lines = (
        f"{title}: {found.rows} claims",
        f"balanced accuracy {found.balanced_accuracy:.3f}  (supported claims accepted {found.accepted:.3f}, "
        f"unsupported claims caught {found.caught:.3f})",
        f"word-overlap oracle {found.overlap_oracle:.3f}  (best threshold on this set, {found.overlap_threshold:.2f})",
        "decided by: " + ", ".join(f"{layer} {count}" for layer, count in found.layers.items()),
    )
    table = _table("", "kind", "claims", "judged right", "meaning")
    for kind, figures in found.by_kind.items():
        table.add_row(kind, str(figures.rows), f"{figures.right:.3f}", "accepted" if figures.supported else "caught")
    return Group(*(Text(line) for line in lines), table)


def mistake_lines(judged: Judged) -> RenderableType:
    """One mistake of the critic, with what it went by."""
    row = judged.row
    verdict = "accepted, but unsupported" if judged.accepted else "refused, but supported"
    score = "" if judged.score is None else f" {judged.score:.2f}"
    lines = (
        f"{row.kind}: {row.claim}",
        f"  {verdict} ({judged.layer}{score}) {'; '.join(judged.reasons)}",
        f"  findings: {row.findings}",
    )
    return Group(Text(), Text(lines[0], style="bold"), Text(lines[1], style="yellow"), Text(lines[2], style="dim"))


def personal_table(found: Personal, title: str) -> RenderableType:
    """Figures of `eval radiologists`."""
    parts: list[RenderableType] = [Text(title)]
    for name, arms in found.arms.items():
        columns = ("better", "equal", "worse", "won", "match before", "after", "unsupported before", "after")
        table = _table("", name, *columns)
        for arm in arms:
            counts = (str(arm.better), str(arm.equal), str(arm.worse), f"{arm.share:.0%}")
            matches = (f"{arm.match_before:.2f}", f"{arm.match_after:.2f}")
            support = (arm.support_before, arm.support_after)
            table.add_row(arm.radiologist, *counts, *matches, *(f"{s.unsupported} of {s.claims}" for s in support))
        before, after = found.consistency(name)
        won = f"{name}: {found.share(name):.1%} of pairs won; mean FC {before:.3f} before, {after:.3f} after"
        parts += [table, Text(won)]
    note = "A pair is won by the draft that matches the radiologist's own text better; a tie is half a win."
    return Group(*parts, Text(note, style="dim"))
