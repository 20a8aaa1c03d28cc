"""`coarse2fine eval score` and `eval bench-metrics`: metrics of texts that any system wrote, and how fast they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import JsonFlag, errors, output, print_json, write_file
from coarse2fine.commands.options import CriticOption

if TYPE_CHECKING:
    from coarse2fine.evals.metrics import Metric
    from coarse2fine.serving import NLIModel

__all__ = ["EncoderOption", "bench_metrics", "load_metrics", "score"]

EncoderOption = Annotated[
    str, typer.Option("--encoder", metavar="PATH_OR_ID", help="Of BERTScore; by default all-MiniLM-L6-v2, offline.")
]


def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='Rows {"id", "candidate", "reference", "findings"?}.')],
    more: Annotated[list[str] | None, typer.Argument(metavar="METRIC", help="More names, as for --metrics.")] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            metavar="NAME ...",
            help="rouge, bleu, bertscore, fc, support, coverage, errors, length, readability, radgraph, chexbert, "
            "green; or a group: paper, facts, plain. By default plain.",
        ),
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE2", help="A second system on the same ids.")
    ] = None,
    critic: CriticOption = "nano-critic",
    encoder: EncoderOption = "",
    layer: Annotated[int | None, typer.Option("--layer", min=0, help="Of the encoder; by default the last.")] = None,
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstrap and of the test.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same intervals and p values.")] = 20260101,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the scores of each sample as CSV.")] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Score texts against references and findings, with intervals; against a second system, with p values."""
    from coarse2fine.evals.metrics import metric_names
    from coarse2fine.evals.metrics.rows import aligned, read_samples
    from coarse2fine.evals.scoring import score_all, score_csv, score_table

    names = metric_names(" ".join([*(metrics or []), *(more or [])]) or "plain")
    samples = read_samples(file)
    second = aligned(samples, read_samples(against), (str(file), str(against))) if against else None
    loaded = load_metrics(names, critic, encoder, layer)
    scored = score_all(loaded, samples, second, lambda name: errors.print(f"{name} done", style="dim"))
    table = score_table(scored, resamples=resamples, seed=seed)
    if out is not None:
        write_file(out, score_csv(scored))
    if as_json:
        print_json({"file": str(file), "against": str(against) if against else None, **table.model_dump()}, indent=2)
    else:
        from coarse2fine.commands.score_table import score_tables

        output.print(score_tables(table, str(file), str(against) if against else ""))


def load_metrics(names: list[str], critic: str | NLIModel, encoder: str, layer: int | None = None) -> list[Metric]:
    """Metrics by name, those on facts by this critic, BERTScore by this encoder."""
    from coarse2fine.evals.metrics import GROUPS, load_metric

    judged = {"critic": critic}
    settings = dict.fromkeys(GROUPS["facts"], judged)
    return [
        load_metric(name, encoder=encoder, layer=layer)
        if name == "bertscore"
        else load_metric(name, **settings.get(name, {}))
        for name in names
    ]


def bench_metrics(
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of texts for ROUGE.")] = 10_000,
    texts: Annotated[int, typer.Option(min=0, help="Texts for BERTScore and FC; 0 leaves both out.")] = 500,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Real reports in place of made-up ones.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", metavar="NAME", help="Of --data: openi, chexpert-plus or mimic-cxr.")
    ] = None,
    critic: CriticOption = "nano-critic",
    encoder: EncoderOption = "",
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Time ROUGE against rouge-score, and BERTScore and FC in batches against one text at a time."""
    from coarse2fine.evals.layouts import read_cases
    from coarse2fine.evals.metrics_bench import bench, real

    given = real(read_cases(layout, data)) if data else None
    found = bench(pairs=pairs, texts=texts, critic=critic, encoder=encoder, data=given)
    if as_json:
        print_json([row.model_dump() for row in found], indent=2)
        return
    from coarse2fine.commands.score_table import bench_table

    output.print(bench_table(found))
