"""What supervised fine-tuning learns from: reports with impressions, as the ids that serving would send and expect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from langchain_core.messages import BaseMessage

from coarse2fine.agents.drafter import Drafter
from coarse2fine.agents.memory import Case, CaseMemory
from coarse2fine.agents.sqlite_store import SqliteStore
from coarse2fine.agents.writer import AS_USUAL
from coarse2fine.prompts import prompt_set
from coarse2fine.reports import InputError, Report, ReportError, read_reports
from coarse2fine.reports.lines import read_lines
from coarse2fine.serving import LoadedModel, load_chat_model, model_folder
from coarse2fine.serving import codec as marks
from coarse2fine.training.nano_data import IGNORED

__all__ = ["Base", "Example", "Examples", "Part", "encode", "encoder", "find_base", "read_part", "remembering"]

_NAMED = 5
"""So many bad lines are named; the others are counted."""


class Part(NamedTuple):
    """The reports of a file, and the sha256 of its bytes."""

    name: str
    reports: list[Report]
    sha256: str


class Example(NamedTuple):
    """Token ids of a prompt and its answer, and the same with `IGNORED` where nothing is learnt.

    Args:
        asked: length of the prompt.
    """

    ids: list[int]
    labels: list[int]
    asked: int


class Examples(NamedTuple):
    """What fits the recipe's length, and how many reports did not."""

    kept: list[Example]
    too_long: int


class Base(NamedTuple):
    """The model that is adapted: its name in the recipe, where it lies, and how it is served."""

    name: str
    path: str
    loaded: LoadedModel

    @property
    def is_nano(self) -> bool:
        """Whether it reads and writes through a slot codec."""
        return self.loaded.prompts == "nano"


def find_base(name: str) -> Base:
    """The base model of a recipe; nothing is loaded yet.

    Raises:
        InputError: it is an adapter.
        ModelError: this installation does not carry nano.
    """
    path = str(model_folder("nano")) if name == "nano" else name
    if (Path(path) / "adapter_config.json").exists():
        raise InputError(f"the base {name} is an adapter: name the model that it was trained on")
    return Base(name, path, load_chat_model("nano" if name == "nano" else f"hf:{name}"))


def read_part(path: Path) -> Part:
    """Reports to learn from.

    Raises:
        InputError: the file cannot be read, holds no report, or a line has no findings or no impression; says which.
    """
    outcomes = list(read_reports(path, format="jsonl"))
    bad = [outcome for outcome in outcomes if isinstance(outcome, ReportError)]
    reports = [outcome for outcome in outcomes if isinstance(outcome, Report)]
    if not bad:
        bad = [_no_impression(path, line) for line, report in _numbered(path, reports) if not _said(report)]
    if bad:
        rest = f"; and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else ""
        raise InputError("; ".join(str(error) for error in bad[:_NAMED]) + rest)
    return Part(path.name, reports, hashlib.sha256(path.read_bytes()).hexdigest())


def _said(report: Report) -> bool:
    return bool(report.impression and report.impression.strip())


def _no_impression(path: Path, row: int) -> ReportError:
    return ReportError(
        "has no impression to learn from; `coarse2fine data ingest` leaves such reports out",
        source=str(path),
        row=row,
        field="impression",
    )


def _numbered(path: Path, reports: Sequence[Report]) -> list[tuple[int, Report]]:
    """Reports with the numbers of their lines: blank lines hold none."""
    with path.open("rb") as file:
        rows = [row for row, line in enumerate(read_lines(file, str(path)), start=1) if line.text.strip()]
    return list(zip(rows, reports, strict=True))


Recall = Callable[[Report], Sequence[Case]]


@contextmanager
def remembering(part: Part, number: int) -> Iterator[Recall]:
    """What gives the `number` other reports of a file that are nearest to a report, as the drafter sees them.

    The file's reports are one memory, whoever wrote them; it lies in a temporary folder and is gone afterwards.
    """
    if not number:
        yield lambda _: ()
        return
    with TemporaryDirectory() as folder:
        memory = CaseMemory(SqliteStore(Path(folder) / "memory.sqlite"))
        memory.add((report.model_copy(update={"radiologist": None}) for report in part.reports), "everybody")
        yield lambda report: memory.nearest(report, "everybody", number)


def encode(base: Base, reports: Sequence[Report], longest: int, recall: Recall = lambda _: ()) -> Examples:
    """Reports as examples, through the prompts that the drafter sends to this model.

    Args:
        recall: gives the past reports that stand in a report's prompt.

    Raises:
        ModelError: the base's tokenizer or codec cannot be loaded.
    """
    drafter = Drafter(base.loaded, prompt_set(base.loaded.prompts))
    example = encoder(base)
    made = [
        example(drafter.render("draft", report, AS_USUAL, cases=recall(report)), _answer(report)) for report in reports
    ]
    kept = [e for e in made if len(e.ids) <= longest]
    return Examples(kept, len(made) - len(kept))


def encoder(base: Base) -> Callable[[Sequence[BaseMessage], str], Example]:
    """What makes an example of a prompt's messages and an answer.

    Raises:
        ModelError: the base's tokenizer or codec cannot be loaded.
    """
    return _of_nano(base) if base.is_nano else _of_hugging_face(base)


def _answer(report: Report) -> str:
    return (report.impression or "").strip()


def _of_nano(base: Base) -> Callable[[Sequence[BaseMessage], str], Example]:
    from coarse2fine.serving.nano import NanoChat

    chat = base.loaded.chat
    if not isinstance(chat, NanoChat):
        raise TypeError(f"{base.name} is not served as nano")
    engine = chat.engine

    def example(messages: Sequence[BaseMessage], answer: str) -> Example:
        prompt = engine.prompt(messages)
        writable = frozenset(prompt.allowed)
        tokens = [*engine.codec.encode(marks.neutralise(answer), prompt.session), marks.END]
        ids = [engine.ids[token] for token in tokens]
        # what decoding will not let it write (a word or side that the findings lack) is not learnt either
        labels = [i if i in writable else IGNORED for i in ids]
        return Example([*prompt.ids, *ids], [IGNORED] * len(prompt.ids) + labels, len(prompt.ids))

    return example


def _of_hugging_face(base: Base) -> Callable[[Sequence[BaseMessage], str], Example]:
    from coarse2fine.serving.huggingface import encode_answer, encode_messages, load_tokenizer

    tokenizer = load_tokenizer(base.path)

    def example(messages: Sequence[BaseMessage], answer: str) -> Example:
        prompt, said = encode_messages(tokenizer, messages), encode_answer(tokenizer, messages, answer)
        return Example([*prompt, *said], [IGNORED] * len(prompt) + said, len(prompt))

    return example
