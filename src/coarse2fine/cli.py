"""The command line: `coarse2fine`. Models, graph and trainers load when a command needs them, never for `--help`.

Exit codes: 0 done · 1 failed · 2 bad input or usage · 3 a model is missing or broken · 4 an optional package is
missing · 5 done, but a text needs a person's review (docs/cli.md).
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from coarse2fine.commands import (
    batch,
    data,
    doctor,
    evaluate,
    feedback,
    impress,
    mcp,
    memory,
    serve,
    serve_model,
    study,
    style,
    trace,
    train,
)
from coarse2fine.commands.console import CatchingGroup, version

__all__ = ["app", "main"]

app = typer.Typer(
    cls=CatchingGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Radiology findings in, impressions for several readers out, every sentence proven against the findings.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad input, 3 model missing or broken, 4 package missing, 5 needs review.",
)


@app.callback()
def _options(
    store: Annotated[
        str, typer.Option(metavar="URL", help="postgresql://…: radiologists' cases and cards, shared by machines.")
    ] = "",
    show_version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del show_version
    if store:
        os.environ["COARSE2FINE_STORE"] = store


app.command("impress")(impress.impress)
app.command("batch")(batch.batch)
app.add_typer(trace.app, name="trace")
app.add_typer(data.app, name="data")
app.add_typer(feedback.app, name="feedback")
app.add_typer(memory.app, name="memory")
app.add_typer(style.app, name="style")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="eval")
app.add_typer(study.app, name="study")
app.command("serve")(serve.serve)
app.command("serve-model")(serve_model.serve_model)
app.command("mcp")(mcp.mcp)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line; ends the process with an exit code."""
    app()
