"""Counting, timing and looking, without a library."""

from __future__ import annotations

import pytest

from bridge.measures import BOUNDS, MAX_SERIES, OTHER, Count, Durations, Level, Measures


def test_counts_are_kept_by_label() -> None:
    """One number for each set of labels."""
    count = Count("things", "Things.", "kind")
    count.add("a")
    count.add("a", by=2)
    count.add("b")
    assert count.values == {("a",): 3, ("b",): 1}


def test_labels_from_outside_cannot_fill_the_memory() -> None:
    """After some hundreds the rest is counted together; those known go on."""
    count, durations = Count("things", "Things.", "kind", "more"), Durations("seconds", "Time.", "kind")
    for number in range(MAX_SERIES + 7):
        count.add(str(number), "x")
        durations.observe(0.1, str(number))
    count.add("0", "x")
    assert len(count.values) == len(durations.values) == MAX_SERIES + 1
    assert (count.values[OTHER, OTHER], count.values["0", "x"]) == (7, 2)
    assert sum(durations.values[OTHER,].counts) == 7


@pytest.mark.parametrize(
    ("seconds", "place"), [(-1.0, 0), (0.0, 0), (BOUNDS[0], 0), (BOUNDS[0] * 1.01, 1), (BOUNDS[-1] * 2, len(BOUNDS))]
)
def test_a_duration_is_sorted_by_upper_bounds(seconds: float, place: int) -> None:
    """A bound belongs to its own class, as Prometheus has it; clocks that differ make no negative sum."""
    durations = Durations("seconds", "Time.")
    durations.observe(seconds)
    (series,) = durations.values.values()
    assert [number for number, count in enumerate(series.counts) if count] == [place]
    assert series.seconds == max(seconds, 0.0)


def test_the_bound_that_most_do_not_exceed() -> None:
    """Over all labels."""
    durations = Durations("seconds", "Time.", "kind")
    for _ in range(98):
        durations.observe(0.002, "a")
    durations.observe(0.2, "b")
    durations.observe(4.0, "b")
    assert (durations.not_above(0.5), durations.not_above(0.99), durations.not_above(1.0)) == (0.0025, 0.25, 5.0)
    assert durations.number == 100


def test_without_durations_or_above_all_bounds_there_is_no_bound() -> None:
    """Nothing is made up."""
    durations = Durations("seconds", "Time.")
    assert durations.not_above(0.5) is None
    durations.observe(BOUNDS[-1] + 1)
    assert durations.not_above(0.5) is None


def test_every_measure_has_a_name_of_its_own() -> None:
    """Nothing is shown twice."""
    names = [one.name for one in Measures().all()]
    assert len(names) == len(set(names)) > 20
    assert any(isinstance(one, Level) for one in Measures().all())


def test_commands_that_failed_by_the_servers_own_fault() -> None:
    """Of those that were done or failed: what was refused says nothing of the server, and pings cost nothing."""
    measures = Measures()
    for kind, outcome in [
        ("send_message", "ok"),
        ("send_message", "ACCESS_DENIED"),
        ("send_message", "DATABASE_ERROR"),
        ("auth", "AUTH_ERROR"),
        ("auth", "CONFIG_ERROR"),
        ("ping", "ok"),
        ("unreadable", "INVALID_MESSAGE"),
    ]:
        measures.commands.add(kind, outcome, by=10)
    measures.commands_failed.add("send_message", by=4)
    measures.commands_failed.add("auth", by=10)
    assert measures.failed_commands() == (14, 24)


def test_requests_to_old_endpoints_that_failed_by_the_servers_own_fault() -> None:
    """Of those that were served or failed: what was refused, redirected or retired says nothing of the server."""
    measures = Measures()
    for status in ("200", "301", "400", "401", "403", "410", "429", "500", "503"):
        measures.old_requests.add("list_groups", status, by=10)
    measures.old_requests_failed.add("list_groups", by=4)
    assert measures.failed_old_requests() == (4, 14)


def test_reads_that_differed_from_the_old_way() -> None:
    """Of those that were compared to the end, for each action."""
    measures = Measures()
    for outcome, number in [("match", 90), ("mismatch", 10), ("error", 5), ("skipped", 7)]:
        measures.shadowed.add("load_groups", outcome, "", by=number)
    measures.shadowed.add("load_messages", "match", "equal", by=3)
    assert measures.mismatched_reads("load_groups") == (10, 100)
    assert measures.mismatched_reads("load_messages") == (0, 3)
    assert measures.mismatched_reads("load_conversations") == (0, 0)
