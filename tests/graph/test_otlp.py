"""Run traces at an OTLP collector: a small one on loopback, which parses what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from coarse2fine.agents import Critic
from coarse2fine.graph import RunTrace, TraceStore, build_graph
from coarse2fine.graph.otlp_export import ENDPOINTS, ExportingStore, OtlpExporter, endpoint_of
from coarse2fine.prompts import PromptSet
from coarse2fine.reports import Coarse2FineError, InputError, ModelError, Report
from coarse2fine.serving import ScriptedChatModel, ScriptedNLI

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FINDINGS = "There is a small left pleural effusion. The heart is normal in size. No pneumothorax."
WRONG, RIGHT = "Large right pleural effusion.", "Small left pleural effusion."
REPORT = Report(exam="Chest radiograph", findings=FINDINGS, id="accession-4711", radiologist="r17")


class Counting(ScriptedChatModel):
    """Counts its tokens."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        text = super()._generate(messages).generations[0].message.content
        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=usage))])


class Collector:
    """Takes what is posted to /v1/traces; or answers with another status."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces" and outer.status == 200:
                    outer.bodies.append(body)
                self.send_response(outer.status if self.path == "/v1/traces" else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def spans(self) -> list[Any]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [s for r in requests for rs in r.resource_spans for scope in rs.scope_spans for s in scope.spans]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def run(prompts: PromptSet) -> Callable[..., RunTrace]:
    """A run whose draft takes two rounds."""

    def make(store: TraceStore | None = None, replies: Any = None) -> RunTrace:
        script = iter([WRONG])
        model = Counting(replies=replies or (lambda _: next(script, RIGHT)))
        graph = build_graph(model, Critic(ScriptedNLI(0.0)), prompts, trace_store=store, memory=None)
        trace: RunTrace = graph.invoke({"report": REPORT}, context=None)["trace"]
        return trace

    return make


def send(url: str, trace: RunTrace, content: bool = False) -> None:
    exporter = OtlpExporter(endpoint_of(url), content)
    try:
        exporter.export([trace])
    finally:
        exporter.close()


def attributes(span: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}


def tree(spans: list[Any], parent: bytes = b"") -> dict[str, Any]:
    """Name → its children, in order of time; the same name again gets a sign."""
    found: dict[str, Any] = {}
    for span in sorted((s for s in spans if s.parent_span_id == parent), key=lambda s: s.start_time_unix_nano):
        name = span.name + "'" * sum(key.rstrip("'") == span.name for key in found)
        found[name] = tree(spans, span.span_id)
    return found


def test_a_run_is_a_tree_of_spans(collector: Collector, run: Callable[..., RunTrace]) -> None:
    trace = run()
    send(collector.url, trace)
    (model,) = {call.model for call in trace.calls if call.agent != "critic"}
    chat = {f"chat {model}": {}}
    stylist = {"round 1": chat}
    found = tree(collector.spans)
    assert list(found) == ["invoke_workflow coarse2fine"]
    texts = found["invoke_workflow coarse2fine"]
    assert list(texts) == [
        "invoke_agent drafter", "invoke_agent stylist", "invoke_agent stylist'", "invoke_agent stylist''",
    ]  # fmt: skip
    drafter = texts["invoke_agent drafter"]
    assert list(drafter) == ["round 1", "round 2"]
    for round_ in drafter.values():
        assert [name for name in round_ if name.startswith("chat")] == list(chat)
    assert all(stylist["round 1"].items() <= texts[name]["round 1"].items() for name in list(texts)[1:])
    calls = [span for span in collector.spans if span.name.startswith(("chat", "critique"))]
    assert len(calls) == len(trace.calls)
    assert len({span.trace_id for span in collector.spans}) == 1


def test_spans_lie_within_their_parents_and_have_the_traces_times(
    collector: Collector, run: Callable[..., RunTrace]
) -> None:
    trace = run()
    send(collector.url, trace)
    spans = {span.span_id: span for span in collector.spans}
    (root,) = (span for span in spans.values() if not span.parent_span_id)
    assert root.start_time_unix_nano == round(trace.created.timestamp() * 1e9)
    slack = 2_000_000  # the clocks of calls and rounds are read one after the other
    for span in spans.values():
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        if span.parent_span_id:
            parent = spans[span.parent_span_id]
            assert parent.start_time_unix_nano - slack <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano + slack


def test_attributes_follow_the_conventions(collector: Collector, run: Callable[..., RunTrace]) -> None:
    trace = run()
    send(collector.url, trace)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for span in collector.spans:
        by_name.setdefault(span.name.split()[0], []).append(attributes(span))
    (workflow,) = by_name["invoke_workflow"]
    assert workflow["gen_ai.operation.name"] == "invoke_workflow"
    assert (workflow["coarse2fine.trace_id"], workflow["coarse2fine.status"]) == (trace.id, "passed")
    draft = next(one for one in by_name["invoke_agent"] if one["coarse2fine.audience"] == "draft")
    assert (draft["gen_ai.agent.name"], draft["coarse2fine.stop_reason"]) == ("drafter", "passed")
    assert {one["coarse2fine.audience"] for one in by_name["invoke_agent"]} == {text.audience for text in trace.texts}
    first = next(one for one in by_name["round"] if not one["coarse2fine.passed"])
    critique = trace.texts[0].rounds[0].critique
    assert first["coarse2fine.step"] == "write"
    assert first["coarse2fine.claims.contradicted"] == sum(v.label == "contradicted" for v in critique.verdicts) > 0
    assert first["coarse2fine.claims.supported"] == 0
    assert first["coarse2fine.omissions"] == len(critique.omissions) > 0
    for call in by_name["chat"]:
        assert call["gen_ai.operation.name"] == "chat"
        assert call["gen_ai.request.model"] == trace.models["drafter"]
        assert (call["gen_ai.usage.input_tokens"], call["gen_ai.usage.output_tokens"]) == (7, 3)
        assert call["gen_ai.provider.name"]


def test_no_text_is_sent_unless_it_is_asked_for(collector: Collector, run: Callable[..., RunTrace]) -> None:
    trace = run()
    send(collector.url, trace)
    (sent,) = collector.bodies
    for text in ("effusion", "pneumothorax", "heart", "Chest", "accession-4711", "r17", "side"):
        assert text.encode() not in sent
    send(collector.url, trace, content=True)
    for text in (FINDINGS, WRONG, RIGHT):
        assert text.encode() in collector.bodies[1]
    assert b"accession-4711" not in collector.bodies[1]
    ids = [[span.span_id for span in collector.spans[i :: len(collector.spans) // 2]] for i in (0,)]
    assert ids[0][0] == ids[0][1], "sent twice, the spans are the same"


def test_a_run_that_failed_says_so_without_the_models_words(
    collector: Collector, run: Callable[..., RunTrace], tmp_path: Any
) -> None:
    def breaks(_: Any) -> str:
        raise ModelError("the model choked on: small left pleural effusion")

    store = TraceStore(tmp_path / "traces.sqlite")
    with pytest.raises(ModelError):
        run(store, breaks)
    send(collector.url, store.get("last"))
    failed = [span for span in collector.spans if span.status.code == 2]
    assert {span.name for span in failed} == {"invoke_workflow coarse2fine", "invoke_agent drafter"}
    assert {attributes(span)["error.type"] for span in failed} == {"ModelError"}
    assert b"effusion" not in collector.bodies[0]
    store.close()


def test_an_old_trace_without_round_times_is_sent_too(collector: Collector, run: Callable[..., RunTrace]) -> None:
    trace = run()
    texts = [
        text.model_copy(update={"rounds": tuple(r.model_copy(update={"started": 0.0}) for r in text.rounds)})
        for text in trace.texts
    ]
    send(collector.url, trace.model_copy(update={"texts": tuple(texts)}))
    assert sum(span.name.startswith(("chat", "critique")) for span in collector.spans) == len(trace.calls)
    assert sum(span.name.startswith("round") for span in collector.spans) == sum(len(t.rounds) for t in trace.texts)


# ------------------------------------------------------------------------------------------------------ beside the runs
def test_a_store_sends_on_what_it_keeps(collector: Collector, run: Callable[..., RunTrace], tmp_path: Any) -> None:
    told: list[str] = []
    store = ExportingStore(OtlpExporter(endpoint_of(collector.url)), tmp_path / "traces.sqlite", told.append)
    ids = [run(store).id for _ in range(3)]
    assert {one.id for one in store.list()} == set(ids)
    store.close()
    roots = [span for span in collector.spans if not span.parent_span_id]
    assert sorted(attributes(root)["coarse2fine.trace_id"] for root in roots) == sorted(ids)
    assert told == []


def test_a_collector_that_refuses_costs_no_run(
    collector: Collector, run: Callable[..., RunTrace], tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    told: list[str] = []
    store = ExportingStore(OtlpExporter(endpoint_of(collector.url)), tmp_path / "traces.sqlite", told.append)
    kept = run(store)
    assert store.get(kept.id).status == "passed"
    store.close()
    (said,) = told
    assert said == f"the OTLP collector did not take 1 run trace ({kept.id})"
    assert "effusion" not in caplog.text
    with pytest.raises(Coarse2FineError, match="did not take"):
        send(collector.url, kept)


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ("http://a:4318", {}, "http://a:4318/v1/traces"),
        ("http://a:4318/", {}, "http://a:4318/v1/traces"),
        ("https://a/otel/v1/traces", {}, "https://a/otel/v1/traces"),
        ("", {ENDPOINTS[1]: "http://b:4318"}, "http://b:4318/v1/traces"),
        ("", {ENDPOINTS[0]: "http://c/own", ENDPOINTS[1]: "http://b:4318"}, "http://c/own"),
        ("http://a:4318", {ENDPOINTS[0]: "http://c/own"}, "http://a:4318/v1/traces"),
        ("", {}, ""),
    ],
)
def test_the_argument_beats_the_environment(
    given: str, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert endpoint_of(given) == expected


@pytest.mark.parametrize("url", ["localhost:4318", "grpc://a:4317", "http://", "collector"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="http or https"):
        endpoint_of(url)
