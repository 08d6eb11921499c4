"""Spans by OpenTelemetry, sent over OTLP; where to, the SDK reads from the standard OTEL_* variables.

Needs the extra `otel`; imported only where BRIDGE_TRACES is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from bridge import __version__

RESOURCE = {SERVICE_NAME: "chat-bridge", SERVICE_VERSION: __version__}


class OpenTelemetry:
    """A provider of its own, not the global one: what is traced is what we say, whatever else is installed."""

    def __init__(self, spans: SpanProcessor | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create(RESOURCE), shutdown_on_exit=False)
        self._provider.add_span_processor(spans or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("bridge", __version__)

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[None]:
        """See the port; the texts of exceptions stay out, for they may quote rows."""
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ):
            yield

    def close(self) -> None:
        """Send what waits; blocks for as long as the exporter takes, 10 s at most by default."""
        self._provider.shutdown()
