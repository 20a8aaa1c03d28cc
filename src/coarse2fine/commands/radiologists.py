"""`coarse2fine eval radiologists`: does personal style work, on simulated radiologists that no training ever saw?"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coarse2fine.commands.console import JsonFlag, errors, output, print_json
from coarse2fine.commands.options import CriticOption, ModelOption

if TYPE_CHECKING:
    from coarse2fine.agents.memory import CaseMemory
    from coarse2fine.evals.personal import Arm, Personal
    from coarse2fine.reports import Report
    from coarse2fine.training.simulated import Simulated

    Draft = Callable[[Report, str | None], Awaitable[str]]

__all__ = ["radiologists"]


def radiologists(
    model: ModelOption = "nano",
    critic: CriticOption = "nano-critic",
    past: Annotated[int, typer.Option(min=3, help="Past reports of each, which are also the feedback.")] = 50,
    held: Annotated[int, typer.Option(min=1, help="Reports of each on which styles are compared.")] = 20,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="RECIPE", help="Also train an adapter of each by `train dpo` with this recipe."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same reports.")] = 0,
    as_json: Annotated[bool, JsonFlag] = False,
) -> None:
    """Style of drafts before and after a radiologist's past reports are remembered, and after training on edits."""
    import asyncio

    from coarse2fine.training.simulated import simulated_radiologists

    every = simulated_radiologists(seed, past, held)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_measure(every, model, critic, recipe, Path(folder)))
    if as_json:
        print_json(found.model_dump(), indent=2)
    else:
        from coarse2fine.commands.tables import personal_table

        output.print(personal_table(found, f"{len(every)} simulated radiologists, {past} past reports each, {model}"))


async def _measure(every: Sequence[Simulated], model: str, critic: str, recipe: Path | None, folder: Path) -> Personal:
    from coarse2fine.agents.memory import CaseMemory
    from coarse2fine.agents.sqlite_store import SqliteStore
    from coarse2fine.evals.personal import Personal, compare
    from coarse2fine.serving import load_nli

    memory = CaseMemory(SqliteStore(folder / "memory.sqlite"))
    judge = load_nli(critic)
    plain, remembering = _drafter(model, critic), _drafter(model, critic, memory)
    arms: dict[str, list[Arm]] = {}
    for one in every:
        _remember(memory, one)
        before = [await plain(report, None) for report in one.held]
        after = {"memory and card": [await remembering(report, one.id) for report in one.held]}
        if recipe is not None:
            shown = [await plain(report, None) for report in one.past]
            trained = _drafter(_adapted(one, shown, model, recipe, folder), critic)
            after["trained on edits"] = [await trained(report, None) for report in one.held]
        for name, texts in after.items():
            arms.setdefault(name, []).append(compare(one.id, one.held, before, texts, judge))
    return Personal(arms={name: tuple(found) for name, found in arms.items()})


def _drafter(model: str, critic: str, memory: CaseMemory | None = None) -> Draft:
    """Drafts as the loop leaves them; what the radiologist wrote of a report is never shown."""
    from coarse2fine import build_graph

    graph = build_graph(model, critic, audiences=(), trace_store=None, memory=memory)

    async def draft(report: Report, radiologist: str | None) -> str:
        asked = report.model_copy(update={"impression": None, "radiologist": radiologist})
        done = await graph.ainvoke({"report": asked})
        return str(done["result"].draft.text)

    return draft


def _remember(memory: CaseMemory, one: Simulated) -> None:
    from coarse2fine.agents.style_card import StyleCards
    from coarse2fine.agents.style_learn import learn_style

    memory.add(one.past, one.id)
    StyleCards(memory.store).put(one.id, learn_style(one.past))


def _adapted(one: Simulated, shown: Sequence[str], model: str, recipe: Path, folder: Path) -> str:
    """The name of the model with an adapter trained on the radiologist's edits of what was shown."""
    from coarse2fine.reports import Feedback, write_feedback
    from coarse2fine.training.preference import load_policy_recipe, train

    records = [
        Feedback(id=f"{one.id}-{i}", radiologist=one.id, report=report, text=text, edited=report.impression)
        for i, (report, text) in enumerate(zip(one.past, shown, strict=True))
        if text.strip()
    ]
    file, out = folder / f"{one.id}.jsonl", folder / one.id
    write_feedback(records, file)
    asked = load_policy_recipe(recipe, "dpo").on(file, None, model).model_copy(update={"output": out})
    train(asked, report=lambda line: errors.print(f"{one.id}: {line}", markup=False))
    return f"{model}#{out}"
