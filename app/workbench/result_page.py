"""The page of a run's result: findings beside texts, each sentence with what proves it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from coarse2fine.app.workbench.desk import Desk
from coarse2fine.app.workbench.feedback import Kept, kept_feedback
from coarse2fine.app.workbench.forms import Errors, Form
from coarse2fine.app.workbench.marks import Shown, findings_pieces, shown_edit, shown_texts
from coarse2fine.graph import RunTrace
from coarse2fine.reports import Dimensions

__all__ = ["result_page"]


class Edit(NamedTuple):
    """The newest edit of a text; `shown` is None where the critic has not seen it."""

    kept: Kept
    shown: Shown | None


async def result_page(
    desk: Desk,
    request: Request,
    trace: RunTrace,
    *,
    status: int = 200,
    warnings: tuple[str, ...] = (),
    wrong: Mapping[str, tuple[Form, Errors]] | None = None,
) -> Response:
    """The page of a run's result.

    Args:
        warnings: what went wrong beside the texts.
        wrong: audience → the feedback form that could not be kept, and why.
    """
    texts = shown_texts(trace)
    kept = await kept_feedback(desk.service, trace)
    edits = {audience: edit for audience, found in kept.items() if (edit := _newest_edit(found))}
    edited = [edit.shown for edit in edits.values() if edit.shown]
    return desk.page(
        request,
        "result",
        status,
        trace=trace,
        draft=next((text for text in texts if text.run.audience == "draft"), None),
        texts=[text for text in texts if text.run.audience != "draft"] or texts,
        pieces=findings_pieces(trace.report, [*edited, *texts]),
        kept=kept,
        edits=edits,
        just_kept=request.query_params.get("kept", ""),
        nobodys=await _nobodys(desk, trace),
        warnings=warnings,
        wrong_forms=wrong or {},
        dimensions=tuple(Dimensions.model_fields),
        new_id=lambda: secrets.token_hex(6),
    )


def _newest_edit(found: Sequence[Kept]) -> Edit | None:
    for kept in reversed(found):
        if kept.judged:
            return Edit(kept, shown_edit(kept.judged.run) if kept.judged.run else None)
    return None


async def _nobodys(desk: Desk, trace: RunTrace) -> bool:
    """Whether a radiologist was named of whom nothing is known: an id that is mistyped looks like any other."""
    radiologist = trace.settings.radiologist
    if radiologist is None or any(run.cases for run in trace.texts):
        return False
    return await asyncio.to_thread(desk.cards.get, radiologist) is None
