"""Run traces as OpenTelemetry spans with the GenAI semantic conventions (DESIGN section 8):

run (invoke_workflow) ─► text (invoke_agent) ─► round ─► model call (chat, critique)

Counts, times and names only: text of a report is in them where it is asked for, and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from coarse2fine.agents.calls import CallRecord
from coarse2fine.agents.critique import Label
from coarse2fine.graph.state import Round, TextRun
from coarse2fine.graph.trace_record import RunTrace
from coarse2fine.reports import MissingExtra

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span, SpanKind

__all__ = ["spans_of"]

_WORKFLOW = "coarse2fine"
Attributes = Mapping[str, Any]


def spans_of(trace: RunTrace, content: bool = False) -> Sequence[ReadableSpan]:
    """The spans of a run. The same trace gives the same ids, so that one that is sent twice is there once.

    Args:
        content: put texts, findings and the critic's words into the spans.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """
    return _Spans(trace, content).made()


class _Spans:
    def __init__(self, trace: RunTrace, content: bool) -> None:
        try:
            from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import SimpleSpanProcessor
            from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
            from opentelemetry.sdk.trace.sampling import ALWAYS_ON
        except ImportError as error:
            raise MissingExtra("to export traces install the extra `otlp`: pip install 'coarse2fine[otlp]'") from error
        self._trace, self._content = trace, content
        self._began = trace.created.timestamp()
        self._kept = InMemorySpanExporter()
        name = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: _WORKFLOW}
        resource = Resource.create({**name, SERVICE_VERSION: trace.package})
        provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=_ids(trace.id))
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self._tracer = provider.get_tracer("coarse2fine", trace.package)

    def made(self) -> Sequence[ReadableSpan]:
        end = self._began + self._trace.wall_seconds
        for text in self._trace.texts:
            end = max(end, *_times(text, self._began))
        with_run, run = self._start(f"invoke_workflow {_WORKFLOW}", self._began, self._of_run())
        if self._trace.status == "failed":
            self._fails(run, self._trace.error)
        for text in self._trace.texts:
            self._text(text, with_run)
        run.end(_ns(end))
        return self._kept.get_finished_spans()

    def _text(self, text: TextRun, inside: Context) -> None:
        begun, end = _times(text, self._began)
        agent = "drafter" if text.audience == "draft" else "stylist"
        with_text, span = self._start(f"invoke_agent {agent}", begun, self._of_text(text, agent), inside)
        if text.status == "error":
            self._fails(span, "; ".join(text.reasons))
        placed: list[CallRecord] = []
        for this in text.rounds:
            since, until = _span_of(this) or (begun, end)
            with_round, round_ = self._start(f"round {this.number}", since, self._of_round(this), with_text)
            calls = [call for call in text.calls if this.started and since <= call.started <= until]
            self._calls(calls, with_round)
            placed += calls
            round_.end(_ns(until))
        self._calls([call for call in text.calls if call not in placed], with_text)
        span.end(_ns(end))

    def _calls(self, calls: Sequence[CallRecord], inside: Context) -> None:
        from opentelemetry.trace import SpanKind

        for call in calls:
            name = f"{_operation(call)} {call.model}"
            _, span = self._start(name, call.started, _of_call(call), inside, SpanKind.CLIENT)
            span.end(_ns(call.started + call.milliseconds / 1000))

    def _start(
        self,
        name: str,
        begun: float,
        attributes: Attributes,
        inside: Context | None = None,
        kind: SpanKind | None = None,
    ) -> tuple[Context, Span]:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context

        told = {key: value for key, value in attributes.items() if value not in (None, "")}
        span = self._tracer.start_span(
            name, inside or Context(), kind or SpanKind.INTERNAL, told, start_time=_ns(begun)
        )
        return set_span_in_context(span, inside or Context()), span

    def _fails(self, span: Span, error: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        kind = error.partition(":")[0]
        span.set_attribute("error.type", kind if kind.isidentifier() else "ModelError")
        span.set_status(Status(StatusCode.ERROR, error if self._content else None))

    def _of_run(self) -> Attributes:
        trace = self._trace
        said = {text.audience: text.text for text in trace.texts}
        return {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": _WORKFLOW,
            "coarse2fine.trace_id": trace.id,
            "coarse2fine.status": trace.status,
            "coarse2fine.audiences": list(trace.settings.audiences),
            "coarse2fine.max_rounds": trace.settings.max_rounds,
            "coarse2fine.review": trace.review,
            "coarse2fine.model_seconds": trace.model_seconds,
            **{f"coarse2fine.model.{agent}": model for agent, model in trace.models.items()},
            **self._told(
                **{"gen_ai.input.messages": _message("user", trace.report.findings)},
                **{"gen_ai.output.messages": _message("assistant", json.dumps(said, ensure_ascii=False))},
            ),
        }

    def _of_text(self, text: TextRun, agent: str) -> Attributes:
        model = self._trace.models.get(agent, "")
        return {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": agent,
            "gen_ai.provider.name": _provider(model) if model else "",
            "gen_ai.request.model": model,
            "coarse2fine.audience": text.audience,
            "coarse2fine.status": text.status,
            "coarse2fine.stop_reason": text.stop_reason,
            "coarse2fine.rounds": len(text.rounds),
            "coarse2fine.cases": len(text.cases),
            **self._told(**{"gen_ai.output.messages": _message("assistant", text.text)}),
        }

    def _of_round(self, this: Round) -> Attributes:
        labels = Counter(verdict.label for verdict in this.critique.verdicts)
        verdicts = [verdict.model_dump(mode="json") for verdict in this.critique.verdicts]
        return {
            "coarse2fine.round": this.number,
            "coarse2fine.step": this.step,
            "coarse2fine.passed": this.critique.passed,
            **{f"coarse2fine.claims.{label}": labels[label] for label in get_args(Label)},
            "coarse2fine.omissions": len(this.critique.omissions),
            "coarse2fine.warnings": len(this.critique.warnings),
            **self._told(
                **{"gen_ai.output.messages": _message("assistant", this.text)},
                **{"coarse2fine.verdicts": json.dumps(verdicts, ensure_ascii=False)},
                **{"coarse2fine.told": list(this.told)},
                **{"coarse2fine.omitted": [omission.text for omission in this.critique.omissions]},
            ),
        }

    def _told(self, **content: Any) -> Attributes:
        return content if self._content else {}


def _of_call(call: CallRecord) -> Attributes:
    return {
        "gen_ai.operation.name": _operation(call),
        "gen_ai.provider.name": _provider(call.model),
        "gen_ai.request.model": call.model,
        "gen_ai.request.seed": call.seed,
        "gen_ai.usage.input_tokens": call.input_tokens,
        "gen_ai.usage.output_tokens": call.output_tokens,
        "gen_ai.prompt.name": f"{call.prompts}/{call.task}" if call.prompts else "",
        "coarse2fine.agent": call.agent,
        "coarse2fine.task": call.task,
        "coarse2fine.adapter": call.adapter,
        "coarse2fine.prompt_sha256": call.prompt_sha256,
        "coarse2fine.questions": call.questions,
    }


def _operation(call: CallRecord) -> str:
    """What a call does: chat models chat; the critic's models judge pairs, for which the conventions have no name."""
    return "critique" if call.agent == "critic" else "chat"


def _provider(model: str) -> str:
    """Who serves a model, by its name: "openai:gpt-4o" is openai's; one without a prefix is ours."""
    prefix, colon, _ = model.partition(":")
    return {"hf": "huggingface"}.get(prefix, prefix) if colon else _WORKFLOW


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)


def _times(text: TextRun, run: float) -> tuple[float, float]:
    """When the work on a text began and ended, seconds since the epoch; the run's beginning where nothing tells."""
    spans = [span for this in text.rounds if (span := _span_of(this))]
    spans += [(call.started, call.started + call.milliseconds / 1000) for call in text.calls]
    begun = min((since for since, _ in spans), default=run)
    return begun, max([begun, *(until for _, until in spans)])


def _span_of(this: Round) -> tuple[float, float] | None:
    """A round's times; None in traces of versions that did not note them."""
    return (this.started, this.started + this.milliseconds / 1000) if this.started else None


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _ids(seed: str) -> Any:
    """Ids that follow from a run trace's id."""
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    def number(what: str, bits: int) -> int:
        return int.from_bytes(hashlib.sha256(f"{seed}/{what}".encode()).digest()[: bits // 8]) or 1

    counted: Iterator[int] = iter(range(1 << 30))

    class Ids(IdGenerator):
        def generate_span_id(self) -> int:
            return number(f"span {next(counted)}", 64)

        def generate_trace_id(self) -> int:
            return number("trace", 128)

    return Ids()
