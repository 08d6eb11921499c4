"""Measures as Prometheus reads them: the numbers are collected when they are asked for, never on the way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.measures import BOUNDS, Count, Durations, Level, Measure, Measures, Reading

_CLASSES = (*map(str, BOUNDS), "+Inf")


class Metrics:
    """What a scrape of one bridge returns: our measures, and the process's memory, time and open files."""

    def __init__(self, measures: Measures) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(measures))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def exposed(self, accept: str) -> tuple[bytes, str]:
        """Return everything as text, and its content type, in the format that the scraper accepts."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Collector(Collector):
    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def collect(self) -> Iterator[Metric]:
        return map(_family, self._measures.all())


def _family(measure: Measure) -> Metric:
    match measure:
        case Count():
            return _counter(measure)
        case Durations():
            return _histogram(measure)
        case Reading():
            return _readings(measure)
        case Level():
            return GaugeMetricFamily(measure.name, measure.meaning, value=measure.read())
        case _:
            raise TypeError(type(measure).__name__)


def _counter(measure: Count) -> CounterMetricFamily:
    family = CounterMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    if not measure.labels:
        family.add_metric((), measure.values[()])  # a counter without labels is there before it counts
        return family
    for labels, value in measure.values.items():
        family.add_metric(labels, value)
    return family


def _readings(measure: Reading) -> CounterMetricFamily:
    family = CounterMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    for labels, value in measure.read().items():
        family.add_metric(labels, value)
    return family


def _histogram(measure: Durations) -> HistogramMetricFamily:
    family = HistogramMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    for labels, series in measure.values.items():
        family.add_metric(labels, list(zip(_CLASSES, accumulate(series.counts), strict=True)), series.seconds)
    return family
