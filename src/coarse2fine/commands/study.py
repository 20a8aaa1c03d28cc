"""`coarse2fine study`: a blinded reader study as in the paper (5.2): made, handed out, analyzed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, errors, print_json, write_file

if TYPE_CHECKING:
    from coarse2fine.evals.study import StudyFigures, StudyKey

__all__ = ["app"]

app = typer.Typer(cls=CatchingGroup, no_args_is_help=True, help="A blinded reader study: items out, ratings in.")

_ROWS = "JSON lines: id, findings, impression, and clinical_information where there is any."


@app.command()
def create(
    generated: Annotated[Path, typer.Argument(metavar="GENERATED", help=f"Rows with generated impressions. {_ROWS}")],
    original: Annotated[
        Path, typer.Argument(metavar="ORIGINAL", help="Rows with radiologists' impressions; same form.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A new folder: key.json and readers/.")],
    generated_items: Annotated[int, typer.Option("--generated", min=1, help="So many generated impressions.")] = 200,
    original_items: Annotated[int, typer.Option("--original", min=0, help="So many original ones.")] = 100,
    reader: Annotated[list[str] | None, typer.Option(metavar="ID", help="Once for each; by default r1 and r2.")] = None,
    overlap: Annotated[
        float, typer.Option(min=0, max=1, help="Share of items that every reader rates; the others go to one.")
    ] = 1.0,
    paired: Annotated[
        bool, typer.Option("--paired", help="Show each original's report with its generated impression, too.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            help="The same seed gives the same files. It is part of the blind: tell no reader; drawn if not given."
        ),
    ] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Draw, blind and shuffle impressions for readers. Give readers their folder only; key.json tells the sources.

    Each reader's folder holds the items, a sheet (ratings.csv) to fill in, and both for Label Studio.
    """
    from coarse2fine.evals.study import create_study

    key = create_study(
        generated,
        original,
        out,
        readers=tuple(reader or ("r1", "r2")),
        wanted={"generated": generated_items, "original": original_items},
        overlap=overlap,
        seed=seed,
        design="paired" if paired else "independent",
    )
    given = {name: sum(name in item.readers for item in key.items) for name in key.readers}
    errors.print(_created(key, given, out), markup=False, soft_wrap=True)
    if as_json:
        print_json({"out": str(out), "study": key.study, "items": len(key.items), "readers": given}, indent=2)


def _created(key: StudyKey, given: dict[str, int], out: Path) -> str:
    shared = sum(len(item.readers) > 1 for item in key.items)
    items = ", ".join(f"{reader} {count:,}" for reader, count in given.items())
    return (
        f"study {key.study}: {len(key.items):,} items, {shared:,} rated by more than one reader; {items}\n"
        f"hand out the folders under {out / 'readers'}; keep {out / 'key.json'} from readers"
    )


@app.command()
def analyze(
    key: Annotated[Path, typer.Argument(metavar="KEY", help="key.json of the study.")],
    ratings: Annotated[
        list[Path], typer.Argument(metavar="RATINGS...", help="CSV, JSON lines, or Label Studio's JSON export.")
    ],
    resolved: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Disputed items that readers agreed upon: item, rating (CSV or JSON lines)."),
    ] = None,
    keep: Annotated[
        Literal["refuse", "last"], typer.Option(help="What to do where a reader rated an item twice.")
    ] = "refuse",
    readers: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Check the readers' folders against the key's hashes.")
    ] = None,
    detect: Annotated[float, typer.Option(help="Difference of shares that the next study should see.")] = 0.1,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write report.md and report.json there.")
    ] = None,
    plots: Annotated[bool, typer.Option("--plots", help="With --out: radar.png, the paper's figure 5.")] = False,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Unblind the ratings: shares, dimensions, agreement, whether the blinding held, the size of the next study."""
    from coarse2fine.evals.study import analyze_study, gather, markdown, read_key
    from coarse2fine.evals.study.key import check_files
    from coarse2fine.evals.study.plots import require_radar
    from coarse2fine.evals.study.ratings import read_resolved, settle
    from coarse2fine.reports import InputError

    if plots and out is None:
        raise InputError("--plots needs --out FOLDER")
    if plots:
        require_radar()
    opened = read_key(key)
    if readers is not None:
        check_files(opened, readers)
    judgements = gather(opened, ratings, keep)
    settled = settle(opened, judgements, read_resolved(resolved) if resolved else ())
    found = analyze_study(opened, judgements, settled, detect=detect)
    missing = sum(found.missing.values())
    if missing:
        errors.print(f"warning: {missing:,} ratings are missing", style="yellow")
    if out is not None:
        _write(found, out, plots)
    if as_json:
        print_json(found.model_dump(mode="json"), indent=2)
    else:
        typer.echo(markdown(found), nl=False)


def _write(found: StudyFigures, out: Path, plots: bool) -> None:
    from coarse2fine.evals.study import markdown
    from coarse2fine.evals.study.plots import write_radar

    write_file(out / "report.json", found.model_dump_json(indent=2) + "\n")
    if plots:
        write_radar(found, out / "radar.png")
    write_file(out / "report.md", markdown(found, radar="radar.png" if plots else ""))
    errors.print(f"report written to {out}", markup=False, soft_wrap=True)
