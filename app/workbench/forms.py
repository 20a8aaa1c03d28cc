"""Posted forms, read with care."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.requests import Request

from coarse2fine.app.errors import Refused
from coarse2fine.app.limits import read_body

__all__ = ["Errors", "Form", "errors_of", "read_form"]

Errors = dict[str, str]
"""Field → what is wrong with it, in words."""

_FIELDS = 500


class Form:
    """The fields of a form.

    Args:
        pairs: names and values, in the order of the page.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value.replace("\r\n", "\n").replace("\r", "\n"))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """The value of a field without white space around it, "" where it is not there."""
        return self._values.get(name, [""])[-1].strip()

    def all(self, name: str) -> list[str]:
        """All values of a field, such as boxes that are ticked."""
        return self._values.get(name, [])

    def values(self) -> Mapping[str, str]:
        """Each field's value, the last one where there are several."""
        return {name: self.text(name) for name in self._values}


async def read_form(request: Request, most: int) -> Form:
    """The form of a body of at most `most` bytes.

    Raises:
        Refused: it is something else.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused("media_type", "send a form (application/x-www-form-urlencoded)")
    body = await read_body(request, most)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    except UnicodeDecodeError:
        raise Refused("bad_encoding", "the form is not UTF-8") from None
    except ValueError:
        raise Refused("invalid", f"a form has {_FIELDS} fields at most") from None
    return Form(pairs)


def errors_of(error: ValidationError) -> Errors:
    """Field → its first fault; "" for one of the whole."""
    found: Errors = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) for part in detail["loc"])
        found.setdefault(place, str(detail["msg"]).removeprefix("Value error, "))
    return found
