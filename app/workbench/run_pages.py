"""Home, where a report is handed in and its rounds are watched; the result of a run; its trace; the list of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from coarse2fine.agents.critique import Audience
from coarse2fine.app.api import run_events
from coarse2fine.app.errors import Refused, body_of, refused_from, status_of
from coarse2fine.app.sse import RunStream
from coarse2fine.app.workbench.desk import Desk, see_other
from coarse2fine.app.workbench.feedback import SEARCHED, kept_feedback
from coarse2fine.app.workbench.forms import Errors, Form
from coarse2fine.app.workbench.result_page import result_page
from coarse2fine.graph import AUDIENCES, Context, Settings, TraceSummary
from coarse2fine.reports import Coarse2FineError, InputError, Report, ReportError, read_text
from coarse2fine.reports.records import make_report

__all__ = ["RunPages"]

_LISTED, _MOST_LISTED = 25, 500
_LONGEST_WISH = 10_000
_SAMPLE = """EXAM: CT chest
CLINICAL INFORMATION: Cough for three weeks.
FINDINGS: A 12 mm nodule is seen in the right upper lobe. Small left pleural effusion. No pneumothorax. \
The heart is normal in size."""
_FIELDS = {"findings": "report", "words": "words", "radiologist": "radiologist", "exam": "exam"}


class Wrong(Exception):
    """A form that cannot be used; `errors` says what is wrong with which field."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("the form cannot be used")
        self.errors = errors


class Row(NamedTuple):
    """One line of the list of runs; `rounds` by text, None where the trace cannot be read; `said` by a person since."""

    trace: TraceSummary
    rounds: Mapping[Audience, int] | None
    said: Sequence[str] = ()


class RunPages:
    """Pages of runs.

    Args:
        desk: what all pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        """Put them on their paths."""
        add = self._desk.add
        add(router, "GET", "/", self.home)
        add(router, "POST", "/runs", self.run)
        add(router, "GET", "/runs", self.history)
        add(router, "GET", "/runs/{trace_id}", self.result)
        add(router, "GET", "/runs/{trace_id}/trace", self.trace)

    async def home(self, request: Request) -> Response:
        """The form."""
        return self._home(request, Form([("audience", name) for name in AUDIENCES]), {})

    async def run(self, request: Request) -> Response:
        """Run a report: events where they are asked for, else the result once it is there."""
        live = "text/event-stream" in request.headers.get("accept", "")
        try:
            form = await self._desk.posted(request)
        except Refused as error:
            if live:
                return JSONResponse(body_of(error), status_of(error))
            raise
        try:
            report, context = _asked(form)
            begun = self._desk.service.begin(report, context)
            if live:
                return RunStream(begun, run_events(begun))
            done = await begun.finished(request)
        except Wrong as wrong:
            if live:
                return JSONResponse({"errors": wrong.errors}, 422)
            return self._home(request, form, wrong.errors, 422)
        except (Refused, Coarse2FineError) as error:
            refused = refused_from(error)
            if live:
                return JSONResponse(body_of(refused), status_of(refused))
            return self._home(request, form, {"": refused.detail}, status_of(refused))
        if done.result.warnings:  # there may be no trace to go to
            return await result_page(self._desk, request, done.trace, warnings=done.result.warnings)
        return see_other(f"/runs/{done.trace.id}")

    async def result(self, request: Request) -> Response:
        """The texts of a run beside its findings."""
        return await result_page(self._desk, request, await self._desk.trace(request))

    async def trace(self, request: Request) -> Response:
        """What a run did, round by round."""
        trace = await self._desk.trace(request)
        return self._desk.page(request, "trace", trace=trace, kept=await kept_feedback(self._desk.service, trace))

    async def history(self, request: Request) -> Response:
        """The newest runs."""
        asked = request.query_params.get("most", "")
        most = min(_MOST_LISTED, int(asked)) if asked.isdecimal() and len(asked) < 5 and int(asked) else _LISTED
        rows = await asyncio.to_thread(self._rows, most + 1)
        more = min(_MOST_LISTED, most * 2) if len(rows) > most < _MOST_LISTED else 0
        return self._desk.page(request, "history", rows=rows[:most], more=more)

    def _home(self, request: Request, form: Form, errors: Errors, status: int = 200) -> Response:
        return self._desk.page(
            request, "home", status, form=form, errors=errors, state=self._desk.service.state, sample=_SAMPLE
        )

    def _rows(self, most: int) -> list[Row]:
        store, said = self._desk.service.traces, self._said()
        found = []
        for summary in store.list(most):
            rounds = None
            with suppress(InputError):
                rounds = {text.audience: len(text.rounds) for text in store.get(summary.id).texts}
            found.append(Row(summary, rounds, list(said.get(summary.id, ()))))
        return found

    def _said(self) -> dict[str, dict[str, None]]:
        """Run → what a person did with its texts, in words, each once."""
        found: dict[str, dict[str, None]] = {}
        for record in self._desk.service.feedback.list(most=SEARCHED):
            done = "edited" if record.edited is not None else f"rated {record.rating}" if record.rating else "rated"
            found.setdefault(record.trace_id, {})[f"{record.audience} {done}"] = None
        return found


def _asked(form: Form) -> tuple[Report, Context]:
    """The report and the settings of a form.

    Raises:
        Wrong: it cannot be used; names each field.
    """
    errors: Errors = {}
    audiences = [name for name in AUDIENCES if name in form.all("audience")]
    words = form.text("words")
    if words and not (words.isdecimal() and 1 <= int(words[:6]) <= _LONGEST_WISH and len(words) < 6):
        errors["words"] = f"give a number of words, 1 to {_LONGEST_WISH:,}"
    radiologist = form.text("radiologist") or None
    try:
        Settings(audiences, radiologist=radiologist)
    except InputError as error:
        errors["radiologist"] = str(error)
    try:
        report = _report(form, radiologist)
    except ReportError as error:
        errors[_FIELDS.get(error.field, error.field) or "report"] = error.message
    if errors:
        raise Wrong(errors)
    return report, Context(audiences, words=int(words) if words else None, radiologist=radiologist)


def _report(form: Form, radiologist: str | None) -> Report:
    """The report; what stands in fields of its own goes before what headings say."""
    given = {name: form.text(name) for name in ("exam", "clinical_information") if form.text(name)}
    read = read_text(form.text("report"), source="").model_dump(exclude={"id", "patient"}, exclude_none=True)
    return make_report({**read, **given, **({"radiologist": radiologist} if radiologist else {})})
