"""The path that takes what a radiologist says of a text, or makes of it."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coarse2fine.app.errors import Refused
from coarse2fine.app.workbench.desk import Desk, see_other
from coarse2fine.app.workbench.feedback import SEARCHED, Wrong, feedback_from
from coarse2fine.app.workbench.result_page import result_page
from coarse2fine.reports import Feedback

__all__ = ["FeedbackPages"]


class FeedbackPages:
    """The path that takes feedback.

    Args:
        desk: what all pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        """Put it on its path."""
        self._desk.add(router, "POST", "/runs/{trace_id}/feedback", self.keep)

    async def keep(self, request: Request) -> Response:
        """Keep what the form says, and go back to the result, which shows what the critic says of an edit.

        A form that is sent twice is kept once.
        """
        form = await self._desk.posted(request)
        trace = await self._desk.trace(request)
        run = next((text for text in trace.texts if text.audience == form.text("audience") and text.text), None)
        if run is None:
            raise Refused("invalid", "this run has no text for this audience")
        try:
            record = feedback_from(form, trace, run)
        except Wrong as wrong:
            return await result_page(self._desk, request, trace, status=422, wrong={run.audience: (form, wrong.errors)})
        added = await asyncio.to_thread(self._desk.service.feedback.add, [record])
        if added.conflicts and not await asyncio.to_thread(self._known, record):
            raise Refused("conflict", "this form was sent before with other words: load the result again")
        return see_other(f"/runs/{trace.id}", f"text-{run.audience}", kept=run.audience)

    def _known(self, record: Feedback) -> bool:
        """Whether the store holds this record but for the time at which it came."""
        same = (one for one in self._desk.service.feedback.list(most=SEARCHED) if one.id == record.id)
        return any(one.model_copy(update={"created": record.created}) == record for one in same)
