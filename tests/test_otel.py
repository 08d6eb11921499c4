"""Spans by OpenTelemetry, and none where nobody asked."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from bridge import otel
from bridge.otel import OpenTelemetry
from bridge.tracing import NoTracing, Tracing


class Traced:
    """A tracing whose spans stay here."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.tracing = OpenTelemetry(SimpleSpanProcessor(self._kept))

    @property
    def spans(self) -> list[tuple[str, dict[str, object], str | None]]:
        """Return name, attributes and name of the parent of each span that has ended."""
        ended = self._kept.get_finished_spans()
        names = {span.context.span_id: span.name for span in ended if span.context}
        return [
            (span.name, dict(span.attributes or {}), names.get(span.parent.span_id) if span.parent else None)
            for span in ended
        ]


async def request(tracing: Tracing) -> None:
    """Trace something inside something else, after a while."""
    with tracing.span("command", type="send_message"):
        await asyncio.sleep(0)
        with tracing.span("supabase.request", table="messages"):
            await asyncio.sleep(0)


async def test_spans_are_nested_as_the_tasks_do_it() -> None:
    """Two tasks at once do not mix."""
    traced = Traced()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(request(traced.tracing))
    assert traced.spans.count(("supabase.request", {"table": "messages"}, "command")) == 2
    assert traced.spans.count(("command", {"type": "send_message"}, None)) == 2
    traced.tracing.close()


class Unreachable(SimpleSpanProcessor):
    """Where spans go to a collector that answers nobody."""

    def __init__(self) -> None:
        super().__init__(InMemorySpanExporter())
        self.gives_up = Event()

    def shutdown(self) -> None:
        """Wait for the collector."""
        self.gives_up.wait()


def test_the_end_does_not_wait_for_a_collector_that_answers_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took twenty seconds, as long as the whole end may take; the log says that spans were left."""
    monkeypatch.setattr(otel, "CLOSE_SECONDS", 0.01)
    spans = Unreachable()
    with capture_logs() as logged:
        OpenTelemetry(spans).close()
    spans.gives_up.set()
    assert [line["event"] for line in logged] == ["traces.not_sent"]


def test_the_text_of_an_exception_stays_out() -> None:
    """It may quote a row (contract F11)."""
    kept = InMemorySpanExporter()
    tracing = OpenTelemetry(SimpleSpanProcessor(kept))
    with pytest.raises(ValueError, match="a secret"), tracing.span("command"):
        raise ValueError("a secret")
    (span,) = kept.get_finished_spans()
    assert "a secret" not in span.to_json()
    assert not span.events
    tracing.close()


def test_whoever_traces_is_named() -> None:
    """As the standard has it."""
    kept = InMemorySpanExporter()
    tracing = OpenTelemetry(SimpleSpanProcessor(kept))
    with tracing.span("command"):
        pass
    (span,) = kept.get_finished_spans()
    assert span.resource.attributes["service.name"] == "chat-bridge"
    tracing.close()


async def test_without_an_adapter_a_span_is_nothing() -> None:
    """The block is the same each time, and may be entered twice."""
    tracing = NoTracing()
    assert tracing.span("command", type="x") is tracing.span("other")
    await request(tracing)
