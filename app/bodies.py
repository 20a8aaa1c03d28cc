"""What clients send: JSON read with care, a report as `coarse2fine impress` reads one, and what is wanted of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from coarse2fine.app.errors import Refused
from coarse2fine.app.limits import read_body
from coarse2fine.graph import Context, Settings
from coarse2fine.reports import Report, read_text
from coarse2fine.reports.columns import map_columns
from coarse2fine.reports.records import report_from

__all__ = ["AudienceName", "ImpressionRequest", "Wanted", "checked", "read_json", "report_of"]

AudienceName = Literal["brief", "bullet", "comprehensive"]

_Body = TypeVar("_Body", bound=BaseModel)

_EXAMPLE: dict[str, Any] = {
    "report": {
        "exam": "CT chest",
        "findings": "A 12 mm nodule is seen in the right upper lobe. Small left pleural effusion. No pneumothorax.",
    },
    "audiences": ["brief"],
}


class Wanted(BaseModel):
    """How texts are wanted: by whose cases and style card, in which style, at how many words at most."""

    model_config = ConfigDict(extra="forbid", strict=True)

    radiologist: str | None = Field(default=None, description="An opaque id, never a name.", max_length=200)
    style: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="The draft's style, in the words of the model's prompt set."
    )
    words: Annotated[int, Field(ge=1, le=10_000)] | None = Field(default=None, description="Words a text, at most.")

    def context(self, audiences: Sequence[AudienceName]) -> Context:
        """The settings of the run.

        Raises:
            InputError: one cannot be.
        """
        Settings(audiences, style=self.style, words=self.words, radiologist=self.radiologist)
        return Context(audiences, style=self.style, words=self.words, radiologist=self.radiologist)


class ImpressionRequest(Wanted):
    """What `POST /v1/impressions` takes."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]})

    report: dict[str, Any] | str = Field(
        description=(
            "An object with findings and, where known, exam, clinical_information, comparison, technique, sex, age, "
            "radiologist and id (names as `coarse2fine impress` knows them); or raw text with headings."
        )
    )
    audiences: list[AudienceName] = Field(
        default=["brief", "bullet", "comprehensive"], max_length=3, description="For whom; none: the draft only."
    )


async def read_json(request: Request, most: int) -> dict[str, Any]:
    """The JSON object of a body of at most `most` bytes.

    Raises:
        Refused: it is something else; names the place.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused("media_type", "send JSON, with the header Content-Type: application/json")
    body = await read_body(request, most)
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise Refused("bad_encoding", f"byte {error.start} of the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Refused("bad_json", f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        message = "it is nested too deep" if isinstance(error, RecursionError) else "it holds a number too long to read"
        raise Refused("bad_json", message) from None
    if not isinstance(document, dict):
        raise Refused("invalid", f"the body must be an object, not {type(document).__name__}")
    return document


def checked(kind: type[_Body], document: Mapping[str, Any]) -> _Body:
    """A body in its form.

    Raises:
        Refused: it has another; names the first field that is wrong, and echoes no value.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        refuse(error)


def refuse(error: ValidationError) -> NoReturn:
    """Say what is wrong with a body.

    Raises:
        Refused: always.
    """
    details = error.errors(include_url=False, include_context=False, include_input=False)
    said = [(_place(d["loc"]), str(d["msg"]).removeprefix("Value error, ")) for d in details]
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    field, message = said[0]
    raise Refused("invalid", f"{field or 'the body'}: {message}{more}", field=field) from None


def report_of(given: Mapping[str, Any] | str, radiologist: str | None = None) -> Report:
    """The report that a client sent. Whose it is has no use here: the patient's id is dropped.

    Args:
        given: an object with the keys that `coarse2fine impress` knows, or raw text with headings.
        radiologist: who dictates, where the request says so beside the report.

    Raises:
        ReportError: it cannot be read.
        Refused: it has a field that reports do not have, which would be lost.
    """
    report = read_text(given, source="") if isinstance(given, str) else _from_record(given)
    return report.model_copy(update={"patient": None, "radiologist": radiologist or report.radiologist})


def _from_record(record: Mapping[str, Any]) -> Report:
    columns = map_columns(record, row=1)
    known = {name for names in columns.values() for name in names}
    unknown = [name for name in record if name not in known]
    if unknown:
        raise Refused("invalid", f"report: reports have no field {unknown[0][:80]!r}", field="report")
    return report_from(record, columns)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused("bad_json", "an object has a key twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise Refused("bad_json", f"{name} is no JSON number")


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:80] for part in loc)
