"""Label Studio: tasks and labelling configuration out, the export (JSON, not JSON-MIN) back in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from coarse2fine.reports import Dimensions, InputError, ReportError

__all__ = ["LABELLING_CONFIG", "annotation_rows", "task"]

_DIMENSIONS = tuple(Dimensions.model_fields)
_VALUES = {"choices": "choices", "rating": "rating", "number": "number", "textarea": "text"}
"""Kind of a result → where its value stands."""


def _config() -> str:
    def choices(name: str, title: str, values: tuple[str, ...], required: bool) -> list[str]:
        options = "".join(f"<Choice value={quoteattr(value)}/>" for value in values)
        needed = ' required="true"' if required else ""
        asked = f'name="{name}" toName="impression" choice="single" showInline="true"{needed}'
        return [
            f"  <Header value={quoteattr(title)}/>",
            f"  <Choices {asked}>{options}</Choices>",
        ]

    lines = ["<View>"]
    for name in ("clinical_information", "findings", "impression"):
        title = name.replace("_", " ").capitalize()
        lines += [f"  <Header value={quoteattr(title)}/>", f'  <Text name="{name}" value="${name}"/>']
    question = "Against what you would have written, this impression is better (positive), as good (neutral), worse"
    lines += choices("rating", f"{question} (negative)", ("positive", "neutral", "negative"), required=True)
    for name in _DIMENSIONS:
        title = f"{name.replace('_', ' ').capitalize()}, 1 (worst) to 5 (best)"
        lines += [
            f"  <Header value={quoteattr(title)}/>",
            f'  <Rating name="{name}" toName="impression" maxRating="5"/>',
        ]
    lines += choices("source_guess", "Who wrote it?", ("human", "machine"), required=False)
    lines += [
        '  <Header value="Seconds that you would need, or needed, to edit it until you would sign it"/>',
        '  <Number name="edit_seconds" toName="impression" min="0"/>',
        '  <Header value="Comment"/>',
        '  <TextArea name="comment" toName="impression" rows="3" maxSubmissions="1" editable="true"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


LABELLING_CONFIG = _config()
"""The labelling interface: rating, the five dimensions, a guess of the source, seconds, a comment."""


def task(shown: Mapping[str, str]) -> dict[str, Any]:
    """One item as a task to import; where there is no clinical information, it says so."""
    return {"data": {name: text or "(none given)" for name, text in shown.items()}}


def annotation_rows(path: Path) -> Iterator[tuple[int, dict[str, object]] | ReportError]:
    """Ratings of an export, with the 1-based number of their task as row; skipped annotations are left out.

    The reader is the one that the task was made for, not Label Studio's account.

    Raises:
        InputError: the file cannot be read or is no export of this form.
    """
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}; JSON lines belong in a .jsonl file") from None
    if not isinstance(document, list):
        raise InputError(f"{path} is no Label Studio export: it holds no list of tasks")
    for row, entry in enumerate(document, start=1):
        if not (isinstance(entry, dict) and isinstance(entry.get("data"), dict)):
            message = "is no task with data and annotations: export as JSON, not as JSON-MIN"
            yield ReportError(message, source=str(path), row=row)
            continue
        for annotation in entry.get("annotations") or ():
            if not annotation.get("was_cancelled"):
                yield _answers(entry["data"], annotation, str(path), row)


def _answers(
    data: Mapping[str, object], annotation: Mapping[str, Any], source: str, row: int
) -> tuple[int, dict[str, object]] | ReportError:
    found: dict[str, object] = {name: data[name] for name in ("study", "item", "reader") if name in data}
    for result in annotation.get("result") or ():
        name, kind = result.get("from_name"), result.get("type")
        value = (result.get("value") or {}).get(_VALUES.get(kind, ""))
        if value is None:
            return ReportError(f"a result of the type {kind!r} cannot be read", source=source, row=row, field=str(name))
        if kind == "rating" and value == 0:
            continue  # stars that were taken back
        if isinstance(value, list):
            if kind == "choices" and len(value) != 1:
                message = f"{len(value)} choices where one is wanted"
                return ReportError(message, source=source, row=row, field=str(name))
            value = "\n".join(map(str, value))
        found[str(name)] = value
    return row, found
