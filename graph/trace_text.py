"""A run trace for the terminal: each round's diff, verdicts and evidence. Colours repeat what words and signs say."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from coarse2fine.agents.critique import Critique, Omission, Verdict
from coarse2fine.graph.state import Round, TextRun
from coarse2fine.graph.trace_record import RunTrace

__all__ = ["SIGNS", "STYLES", "plain", "trace_text"]

SIGNS = {
    "supported": "✔", "passed": "✔", "contradicted": "✘", "unsupported": "✘", "undecided": "?", "needs_review": "!",
    "error": "✘", "failed": "✘",
}  # fmt: skip
"""A sign for each label and status; the word always stands beside it."""

STYLES = {
    "supported": "green", "passed": "green", "contradicted": "bold red", "unsupported": "red", "undecided": "yellow",
    "needs_review": "yellow", "error": "bold red", "failed": "bold red",
}  # fmt: skip


def plain(text: str) -> str:
    """Text without control characters: a report cannot move the cursor or change the terminal."""
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


def trace_text(trace: RunTrace) -> RenderableType:
    """A trace as something that a rich console prints."""
    return Group(*_blocks(trace))


def _blocks(trace: RunTrace) -> Iterator[RenderableType]:
    yield _headline(trace)
    if trace.error:
        yield Text(f"failed: {plain(trace.error)}", "bold red")
    yield Rule("findings", align="left")
    yield Text(plain(trace.report.findings))
    for text in trace.texts:
        yield from _text(text)
    yield Rule("model calls", align="left")
    yield _calls(trace)


def _headline(trace: RunTrace) -> Text:
    models = ", ".join(f"{agent} {model}" for agent, model in trace.models.items())
    line = Text.assemble(("run ", "bold"), (trace.id, "bold"), "  ", _word(trace.status))
    line.append(
        f"\nreport {plain(trace.report.id)}, {trace.created:%Y-%m-%d %H:%M:%S} UTC, coarse2fine {trace.package}"
    )
    line.append(f"\n{models}\n{trace.wall_seconds:.2f} s, of which {trace.model_seconds:.2f} s inside model calls")
    if trace.review:
        line.append(f"\na person chose to {trace.review}")
    return line


def _word(label: str) -> Text:
    return Text(f"{SIGNS[label]} {label.replace('_', ' ')}", STYLES[label])


def _text(run: TextRun) -> Iterator[RenderableType]:
    rounds = f"{len(run.rounds)} round{'s' * (len(run.rounds) != 1)}"
    title = Text.assemble(
        (run.audience, "bold"), "  ", _word(run.status), f"  {rounds}, ended: {run.stop_reason.replace('_', ' ')}"
    )
    yield Rule(title, align="left")
    for reason in run.reasons:
        yield Text(f"! {plain(reason)}", "yellow")
    for this in run.rounds:
        chosen = this.text == run.text and this.critique is run.critique
        yield Padding(Group(*_round(this, chosen)), (0, 0, 0, 2))


def _round(this: Round, chosen: bool) -> Iterator[RenderableType]:
    yield Text(f"round {this.number}: {this.step}{' (kept)' * chosen}", "bold")
    for line in this.told:
        yield Text(f"  told: {plain(line)}", "italic")
    for note in this.notes:
        yield Text(f"  note: {plain(note)}", "italic")
    if any(change.op != "same" for change in this.diff):
        yield Padding(_diff(this), (0, 0, 0, 2))
    yield from _critique(this.critique)


def _diff(this: Round) -> Text:
    line = Text("diff: ")
    for op, words in this.diff:
        words = plain(words)
        if op == "same":
            line.append(f"{words} ", "dim")
        else:
            line.append(
                f"[-{words}-] " if op == "removed" else f"{{+{words}+}} ", "red" if op == "removed" else "green"
            )
    return line


def _critique(critique: Critique) -> Iterator[RenderableType]:
    for verdict in critique.verdicts:
        yield Padding(_verdict(verdict), (0, 0, 0, 2))
    for omission in critique.omissions:
        yield Padding(_omission(omission), (0, 0, 0, 2))
    for warning in critique.warnings:
        yield Text(f"  ! report: {plain(warning)}", "yellow")


def _verdict(verdict: Verdict) -> Text:
    line = Text.assemble(_word(verdict.label), "  ", plain(verdict.text))
    score = "" if verdict.score is None else f" {verdict.score:.2f}"
    needed = "" if verdict.threshold is None else f", needed {verdict.threshold:.2f}"
    line.append(f"  ({verdict.layer}{score}{needed})", "dim")
    for reason in verdict.reasons:
        line.append(f"\n    because {plain(reason)}", "red")
    for evidence in verdict.evidence:
        line.append(f"\n    “{plain(evidence.text)}” [{evidence.start}:{evidence.end}]", "cyan")
    return line


def _omission(omission: Omission) -> Text:
    return Text(
        f"! not addressed ({omission.significance})  “{plain(omission.text)}” [{omission.start}:{omission.end}]",
        "yellow",
    )


def _calls(trace: RunTrace) -> Table:
    table = Table("agent", "task", "model", "tokens in", "tokens out", "ms", "prompt", box=None, header_style="dim")
    for call in trace.calls:
        tokens = ["-" if n is None else str(n) for n in (call.input_tokens, call.output_tokens)]
        prompt = f"{call.prompts} {call.prompt_sha256[:8]}" if call.prompts else f"{call.questions} pairs"
        table.add_row(call.agent, call.task, Text(call.model), *tokens, f"{call.milliseconds:.0f}", prompt)
    return table
