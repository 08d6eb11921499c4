"""Spans by OpenTelemetry, sent over OTLP; where to, the SDK reads from the standard OTEL_* variables.

Needs the extra `otel`; imported only where BRIDGE_TRACES is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from bridge import __version__

CLOSE_SECONDS: Final = 2.0
"""For the last spans: the exporter's own limits, of the batch under way and of the last one, add up to 20 s."""

log = structlog.get_logger(__name__)

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
        """Send what waits; blocks for two seconds at most, for nobody is to wait longer for an end than for traces."""
        sending = Thread(target=self._provider.shutdown, name="last spans", daemon=True)  # none that the exit waits for
        sending.start()
        sending.join(CLOSE_SECONDS)
        if sending.is_alive():
            log.warning("traces.not_sent")
