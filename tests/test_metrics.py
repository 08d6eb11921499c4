"""What a scrape returns."""

from __future__ import annotations

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from bridge.measures import Measures
from bridge.metrics import Metrics

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def filled() -> Measures:
    """Return measures of which something is known."""
    measures = Measures()
    measures.sockets.read = lambda: 3.0
    measures.closings.read = lambda: {("TOO_SLOW",): 4}
    measures.commands.add("send_message", "ok", by=2)
    measures.commands.add("send_message", 'a "quoted"\nlabel')
    measures.command_seconds.observe(0.004, "send_message")
    measures.command_seconds.observe(99.0, "send_message")
    return measures


class Shown:
    """A scrape, read by the library's own parser."""

    def __init__(self, text: bytes) -> None:
        families = text_string_to_metric_families(text.decode())
        self._samples = [each for one in families for each in one.samples]

    def value(self, name: str, **labels: str) -> float | None:
        """Return one number."""
        found = [one.value for one in self._samples if (one.name, one.labels) == (f"chat_bridge_{name}", labels)]
        return found[0] if found else None


def shown(measures: Measures) -> Shown:
    """Return what a scrape in the old text format shows."""
    text, content_type = Metrics(measures).exposed("")
    assert content_type.startswith("text/plain")
    return Shown(text)


def test_numbers_are_shown_as_they_are() -> None:
    """Counters, classes of durations, levels."""
    scrape = shown(filled())
    assert scrape.value("sockets") == 3
    assert scrape.value("sockets_closed_total", code="TOO_SLOW") == 4
    assert scrape.value("commands_total", type="send_message", outcome="ok") == 2
    assert scrape.value("commands_total", type="send_message", outcome='a "quoted"\nlabel') == 1
    buckets = {
        bound: scrape.value("command_seconds_bucket", type="send_message", le=bound)
        for bound in ("0.0025", "0.005", "30.0", "+Inf")
    }
    assert buckets == {"0.0025": 0, "0.005": 1, "30.0": 1, "+Inf": 2}
    assert scrape.value("command_seconds_count", type="send_message") == 2
    assert scrape.value("command_seconds_sum", type="send_message") == 99.004


def test_what_has_never_happened_is_a_zero() -> None:
    """So that an alert on its increase works from the first time on."""
    assert shown(Measures()).value("feed_losses_total") == 0


def test_the_numbers_are_those_of_the_moment() -> None:
    """Nothing is kept between two scrapes."""
    measures = filled()
    metrics = Metrics(measures)
    first = Shown(metrics.exposed("")[0])
    measures.losses.add()
    second = Shown(metrics.exposed("")[0])
    assert (first.value("feed_losses_total"), second.value("feed_losses_total")) == (0, 1)


def test_open_metrics_is_spoken_to_who_asks_for_it() -> None:
    """And is valid by the parser of its own."""
    text, content_type = Metrics(filled()).exposed(OPEN_METRICS)
    assert content_type.startswith("application/openmetrics-text")
    read = openmetrics.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]  # the library's
    families = {family.name for family in read}
    assert {one.name for one in Measures().all()} <= families


def test_two_bridges_in_a_process_are_two() -> None:
    """No registry is shared."""
    one, other = shown(filled()), shown(Measures())
    assert (one.value("sockets"), other.value("sockets")) == (3, 0)
