"""Pages of a reader study: a reader's items, one a page, in their order; nothing tells where an item comes from."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from coarse2fine.app.errors import Refused
from coarse2fine.app.workbench.desk import Desk, see_other
from coarse2fine.app.workbench.forms import Errors, Form, errors_of
from coarse2fine.app.workbench.study_files import ReaderFiles, StudyItem
from coarse2fine.evals.study import Judgement
from coarse2fine.reports import Dimensions

__all__ = ["StudyPages"]

_ASKED = ("rating", *Dimensions.model_fields, "source_guess", "edit_seconds", "comment")


class StudyPages:
    """Pages of the study that the server was given.

    Args:
        desk: what all pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        """Put them on their paths."""
        add = self._desk.add
        add(router, "GET", "/study", self.readers)
        add(router, "GET", "/study/{reader}", self.resume)
        add(router, "GET", "/study/{reader}/{number}", self.item)
        add(router, "POST", "/study/{reader}/{number}", self.rate)

    async def readers(self, request: Request) -> Response:
        """Who reads, and how far they are."""
        readers = self._desk.study.readers if self._desk.study else {}
        rated = {name: await asyncio.to_thread(_rated, files) for name, files in readers.items()}
        return self._desk.page(request, "study", readers=readers, rated=rated)

    async def resume(self, request: Request) -> Response:
        """Go to the first item that is not rated yet."""
        files = self._files(request)
        said = await asyncio.to_thread(files.ratings)
        left = [number for number, item in enumerate(files.items, 1) if item.item not in said]
        if not left:
            return self._desk.page(request, "study_done", reader=files.reader, total=len(files.items))
        return see_other(f"/study/{files.reader}/{left[0]}")

    async def item(self, request: Request) -> Response:
        """One item with what was said of it so far."""
        files = self._files(request)
        number, item = _numbered(request, files)
        said = (await asyncio.to_thread(files.ratings)).get(item.item)
        values = said.model_dump(exclude_none=True) if said else {}
        form = Form([(name, str(values[name])) for name in _ASKED if name in values])
        return await self._item(request, files, number, form, {})

    async def rate(self, request: Request) -> Response:
        """Keep a judgement and go on: to the first item without one after this, else to the first of all."""
        form = await self._desk.posted(request)
        files = self._files(request)
        number, item = _numbered(request, files)
        place = {"study": item.study, "item": item.item, "reader": item.reader}
        answers: dict[str, Any] = {name: form.text(name) for name in _ASKED}
        if not answers["rating"]:
            return await self._item(request, files, number, form, {"rating": "choose one"}, 422)
        try:
            judgement = Judgement.model_validate({**answers, **place})
        except ValidationError as error:
            return await self._item(request, files, number, form, errors_of(error), 422)
        await asyncio.to_thread(files.rate, judgement)
        said = await asyncio.to_thread(files.ratings)
        later = [n for n, one in enumerate(files.items, 1) if n > number and one.item not in said]
        return see_other(f"/study/{files.reader}" + (f"/{later[0]}" if later else ""))

    async def _item(
        self, request: Request, files: ReaderFiles, number: int, form: Form, errors: Errors, status: int = 200
    ) -> Response:
        return self._desk.page(
            request,
            "study_item",
            status,
            item=files.items[number - 1],
            number=number,
            total=len(files.items),
            rated=await asyncio.to_thread(_rated, files),
            form=form,
            errors=errors,
            dimensions=tuple(Dimensions.model_fields),
        )

    def _files(self, request: Request) -> ReaderFiles:
        readers = self._desk.study.readers if self._desk.study else {}
        try:
            return readers[request.path_params["reader"]]
        except KeyError:
            raise Refused("not_found", "this server has no such reader's items") from None


def _rated(files: ReaderFiles) -> int:
    return len(files.ratings().keys() & {item.item for item in files.items})


def _numbered(request: Request, files: ReaderFiles) -> tuple[int, StudyItem]:
    asked = request.path_params["number"]
    if not (asked.isdecimal() and asked.isascii() and len(asked) < 6 and 1 <= int(asked) <= len(files.items)):
        raise Refused("not_found", f"items have the numbers 1 to {len(files.items)}")
    return int(asked), files.items[int(asked) - 1]
