"""The page of a run's result: findings beside texts, each sentence with what proves it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from coarse2fine.app.workbench.desk import Desk
from coarse2fine.app.workbench.feedback import kept_feedback
from coarse2fine.app.workbench.forms import Errors, Form
from coarse2fine.app.workbench.marks import findings_pieces, shown_texts
from coarse2fine.graph import RunTrace
from coarse2fine.reports import Dimensions

__all__ = ["result_page"]


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
    return desk.page(
        request,
        "result",
        status,
        trace=trace,
        draft=next((text for text in texts if text.run.audience == "draft"), None),
        texts=[text for text in texts if text.run.audience != "draft"] or texts,
        pieces=findings_pieces(trace.report, texts),
        kept=await asyncio.to_thread(kept_feedback, desk.service.feedback, trace),
        just_kept=request.query_params.get("kept", ""),
        warnings=warnings,
        wrong_forms=wrong or {},
        dimensions=tuple(Dimensions.model_fields),
        new_id=lambda: secrets.token_hex(6),
    )
