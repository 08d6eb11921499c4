"""docs/observability.md and the dashboard say what there is: every metric, every log event, and nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from bridge.measures import Count, Durations, Measure, Measures, Reading

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "observability.md").read_text()
DASHBOARD = json.loads((ROOT / "docs" / "dashboards" / "chat-bridge.json").read_text())
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
"""What a method of a logger is called, and the level that it logs at."""
PROCESS = frozenset({"process_resident_memory_bytes", "process_cpu_seconds_total"})
"""Metrics of the library's own in the dashboard."""


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    section = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def shown_name(measure: Measure) -> str:
    """Return the name that Prometheus shows."""
    return f"{measure.name}_total" if isinstance(measure, Count | Reading) else measure.name


def series(measure: Measure) -> frozenset[str]:
    """Return the names of the series that Prometheus makes of a measure."""
    suffixes = ("_bucket", "_count", "_sum") if isinstance(measure, Durations) else ("",)
    return frozenset(shown_name(measure) + suffix for suffix in suffixes)


def test_every_metric_is_described_with_its_labels() -> None:
    """In the order of the code, with the sentence that a scrape shows too."""
    described = [
        (name.strip("`"), tuple(re.findall(r"`(\w+)`", labels)), text) for name, labels, text in rows("Metrics")
    ]
    assert described == [(shown_name(one), one.labels, one.meaning) for one in Measures().all()]


def events(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield event and level of every line that a module logs by `log` or a logger made on the spot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            speaker = ast.unparse(node.func.value)
            if speaker == "log" or speaker.startswith("structlog.get_logger("):
                event = node.args[0]
                assert isinstance(event, ast.Constant), f"{ast.unparse(node)}: an event's name is a constant"
                yield str(event.value), LEVELS[node.func.attr]


def logged() -> Mapping[str, set[str]]:
    """Return the levels at which each event is logged."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for package in ("bridge", "compat"):
        for path in (ROOT / package).rglob("*.py"):
            for event, level in events(ast.parse(path.read_text())):
                found[event].add(level)
    return found


def test_every_log_event_is_described_with_its_level() -> None:
    """By name, in alphabetical order, each once."""
    described = [(name.strip("`"), set(levels.split(", "))) for name, levels, _ in rows("Log lines")]
    assert [name for name, _ in described] == sorted({name for name, _ in described})
    assert dict(described) == logged()


def test_the_search_for_events_finds_them() -> None:
    """With the level of each method."""
    source = "log.exception('a.b', x=1)\nstructlog.get_logger(__name__).info('c')\nwarnings.warning('d')\n"
    assert list(events(ast.parse(source))) == [("a.b", "error"), ("c", "info")]


def expressions() -> list[str]:
    """Return every query of the dashboard."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_what_there_is() -> None:
    """And for every measure at least once."""
    asked = {name for expression in expressions() for name in re.findall(r"\b(?:chat_bridge|process)_\w+", expression)}
    known = frozenset().union(*map(series, Measures().all()))
    assert asked <= known | PROCESS
    assert [one.name for one in Measures().all() if not series(one) & asked] == []


def test_the_dashboard_divides_by_labels_that_there_are() -> None:
    """Those of the measure that is asked for, and those that Prometheus itself adds."""
    labels = {name: {*one.labels, "le", "job"} for one in Measures().all() for name in series(one)}
    for expression in expressions():
        (name,) = set(re.findall(r"\b(?:chat_bridge|process)_\w+", expression))
        wanted = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
        wanted |= set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression))
        assert wanted <= labels.get(name, {"job"}), expression


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    """As Grafana wants them."""
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(at["x"] + at["w"] <= 24 for at in places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
