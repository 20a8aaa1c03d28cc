"""`coarse2fine style`: the style card of a radiologist, learnt from remembered reports, shown, edited by hand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import CatchingGroup, JsonFlag, output, print_json
from coarse2fine.commands.memory import RadiologistOption

if TYPE_CHECKING:
    from coarse2fine.agents.style_card import StyleCard

__all__ = ["app"]

app = typer.Typer(
    cls=CatchingGroup, no_args_is_help=True, help="How a radiologist writes: a short card, yours to edit."
)


@app.command()
def learn(
    radiologist: RadiologistOption,
    again: Annotated[bool, typer.Option("--again", help="Learn anew even where the card was edited by hand.")] = False,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Learn the card from the radiologist's remembered reports (`coarse2fine memory add`), the newest 2,000 at most."""
    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.agents.style_card import StyleCards
    from coarse2fine.agents.style_learn import learn_style
    from coarse2fine.reports import InputError

    cards = StyleCards(HOME_MEMORY.store)
    before = cards.get(radiologist)
    if before is not None and before.edited and not again:
        raise InputError("the style card was edited by hand and stays as it is; --again learns it anew")
    if not HOME_MEMORY.count(radiologist):
        raise InputError("no reports of this radiologist are remembered: coarse2fine memory add FILE --radiologist ID")
    card = learn_style(HOME_MEMORY.cases(radiologist))
    cards.put(radiologist, card)
    _print(card, as_json)


@app.command()
def show(radiologist: RadiologistOption, as_json: Annotated[bool, JsonFlag] = False) -> None:
    """Show the card as instruct models read it; with --json all its fields."""
    _print(_card(radiologist), as_json)


@app.command()
def edit(
    radiologist: RadiologistOption,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE|-", help="Take the card from a YAML file. [default: open the editor]"),
    ] = None,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Edit the card as YAML, in $EDITOR or from a file; an edited card stays until `style learn --again`."""
    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.agents.style_card import StyleCards

    card = _card(radiologist)
    card = card.edited_as(_edited(card.to_yaml()) if source is None else _read(source))
    StyleCards(HOME_MEMORY.store).put(radiologist, card)
    _print(card, as_json)


@app.command()
def use(
    radiologist: RadiologistOption,
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Such as nano#outputs/r17. [default: say which it is]")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Draft with everybody's model again.")] = False,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Draft this radiologist's reports with a model of their own: a base and the adapter trained on their texts."""
    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.agents.personal_model import PersonalModels
    from coarse2fine.reports import InputError

    if none and model:
        raise InputError("give a model or --none, not both")
    models = PersonalModels(HOME_MEMORY.store)
    if none:
        models.forget(radiologist)
    elif model:
        models.put(radiologist, _checked(model))
    found = models.get(radiologist)
    if as_json:
        print_json({"radiologist": radiologist, "model": found})
    else:
        output.print(found or "everybody's model", markup=False, soft_wrap=True)


def _checked(model: str) -> str:
    """The name with its adapter's folder made absolute, so that it is found from any folder.

    Raises:
        InputError: the folder holds no adapter.
        ModelError: the name is none.
    """
    from coarse2fine.reports import InputError
    from coarse2fine.serving import load_chat_model

    base, mark, folder = model.partition("#")
    if mark and not base.startswith("vllm:"):
        path = Path(folder).expanduser().resolve()
        if not (path / "adapter_config.json").is_file():
            raise InputError(f"{path} holds no adapter (no adapter_config.json); `coarse2fine train` writes one")
        model = f"{base}#{path}"
    load_chat_model(model)
    return model


def _card(radiologist: str) -> StyleCard:
    """The radiologist's card.

    Raises:
        InputError: there is none.
    """
    from coarse2fine.agents.memory import HOME_MEMORY
    from coarse2fine.agents.style_card import StyleCards
    from coarse2fine.reports import InputError

    card = StyleCards(HOME_MEMORY.store).get(radiologist)
    if card is None:
        raise InputError("this radiologist has no style card yet: coarse2fine style learn --radiologist ID")
    return card


def _edited(text: str) -> str:
    """The text as the user's editor leaves it.

    Raises:
        InputError: there is no editor, or it failed.
    """
    from coarse2fine.reports import InputError

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    with tempfile.TemporaryDirectory() as folder:  # readable by its owner only
        file = Path(folder) / "style-card.yaml"
        file.write_text(text, "utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"the editor {editor!r} failed ({error}); set EDITOR, or give --from FILE") from error
        return _read(str(file))


def _read(source: str) -> str:
    from coarse2fine.reports import InputError

    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source} cannot be read: {error}") from error


def _print(card: StyleCard, as_json: bool) -> None:
    if as_json:
        print_json({**card.model_dump(mode="json"), "text": card.text(), "style_words": card.words()})
    else:
        from coarse2fine.graph.trace_text import plain

        output.print(plain(card.text()), markup=False, soft_wrap=True)
