"""The switches themselves: names, types, listeners; no server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest

from scripts.sandbox.realtime import FaultRefused, Faults
from scripts.sandbox.realtime.faults import Deed, Drop, Resubscribe, Settings, Trace


def deed(name: str, **parameters: object) -> Mapping[str, object]:
    """Return what the control endpoint takes for one deed."""
    return {"deeds": [{"deed": name, **parameters}]}


def test_settings_and_deeds_are_told_to_listeners() -> None:
    """Settings first, with what they were; then the deeds in order."""
    faults, told = Faults(), list[object]()
    faults.listen(lambda before, after: told.append((before.delay_ms, after.delay_ms)), told.append)
    faults.apply({"delay_ms": 5, "deeds": [{"deed": "drop", "code": 1012}, {"deed": "resubscribe"}]})
    assert told == [(0.0, 5.0), Drop(code=1012), Resubscribe()]
    faults.apply({"withhold": ["notes"]})
    assert faults.settings == Settings(delay_ms=5, withhold=frozenset({"notes"}))
    faults.reset()
    assert faults.settings == Settings()


@pytest.mark.parametrize(
    "switches",
    [
        {"unknown": 1},
        {"delay_ms": "long"},
        {"stall": "a little"},
        {"delay_ms": 1, "deeds": [{"deed": "explode"}]},
        {"delay_ms": 1, "deeds": [{"deed": "drop", "code": "x"}]},
        {"delay_ms": 1, "deeds": 7},
    ],
)
def test_a_wrong_switch_changes_nothing(switches: Mapping[str, object]) -> None:
    """Unknown names and wrong types are refused as a whole."""
    faults = Faults()
    with pytest.raises(FaultRefused):
        faults.apply(switches)
    assert faults.settings == Settings()


def test_a_snapshot_is_plain_json() -> None:
    """Settings and counts by name."""
    snapshot = Faults().snapshot()
    assert cast("dict[str, object]", snapshot["settings"])["stall"] == "off"
    assert cast("dict[str, object]", snapshot["counts"])["connections"] == 0


def test_a_trace_counts_its_sockets() -> None:
    """The first and the last writing are kept."""
    trace = Trace(schema="s", table="t", type="INSERT", key={}, committed_at=1, received_at=2)
    trace.written(3)
    trace.written(4)
    assert (trace.first_written_at, trace.last_written_at, trace.sockets) == (3, 4, 2)


def test_every_deed_has_a_name_in_json() -> None:
    """What the control endpoint takes."""
    seen: list[Deed] = []
    faults = Faults()
    faults.listen(lambda before, after: None, seen.append)
    for name, parameters in (
        ("drop", {}),
        ("system_error", {"message": "m"}),
        ("expire_tokens", {}),
        ("crash", {}),
        ("resubscribe", {}),
    ):
        faults.apply(deed(name, **parameters))
    assert len(seen) == 5
