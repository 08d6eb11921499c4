"""Thresholds against what is measured, and for how long."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bridge.paths import Stage
from bridge.rollout.gates import Gate, GateState, Measure, Sources, Watch, gates
from bridge.rollout.plan import Gates, Plan, StepBack, Thresholds
from tests.plans import plan_of

ALL = Thresholds(
    min_consistency=0.999, max_error_share=0.01, max_old_error_share=0.01, max_lag_seconds=5, max_lost_messages=0
)


def states(thresholds: Thresholds, **values: float | None) -> list[str]:
    """Return how each threshold stands."""
    readings = {Measure[name.upper()]: value for name, value in values.items()}
    return [gate.state.value for gate in gates(thresholds, readings)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"consistency": 0.999, "errors": 0.01, "old_errors": 0.01, "lag": 5, "lost": 0}, ["holds"] * 5),
        ({"consistency": 0.9989, "errors": 0.011, "old_errors": 0.011, "lag": 5.1, "lost": 1}, ["broken"] * 5),
        ({"consistency": 1, "errors": 0, "old_errors": 0, "lag": 0}, ["holds"] * 4 + ["unknown"]),
        ({"consistency": None, "lag": 7, "lost": 0}, ["unknown", "unknown", "unknown", "broken", "holds"]),
        ({}, ["unknown"] * 5),
    ],
)
def test_a_threshold_holds_is_broken_or_is_not_known(values: Mapping[str, float | None], expected: list[str]) -> None:
    """On the limit it holds."""
    assert states(ALL, **values) == expected


def test_what_the_plan_leaves_out_is_not_looked_at() -> None:
    """No threshold, no gate."""
    assert gates(Thresholds(), {Measure.LAG: 1000.0}) == ()


def test_every_measure_is_a_threshold_of_the_plan() -> None:
    """By its name."""
    assert {one.value for one in Measure} == set(Thresholds.__struct_fields__)


def test_a_gate_says_how_it_stands() -> None:
    """With value and limit, or that nothing measures it."""
    known = Gate(measure=Measure.LAG, limit=5, value=7.5, state=GateState.BROKEN)
    unknown = Gate(measure=Measure.LOST, limit=0, value=None, state=GateState.UNKNOWN)
    assert known.sentence == "max_lag_seconds 5: 7.5, broken"
    assert unknown.sentence == "max_lost_messages 0: not known"


def test_sources_are_asked_each_time() -> None:
    """One function for each measure."""
    values = iter([1.0, None])
    sources = Sources({Measure.LAG: lambda: next(values)})
    assert [sources.read(), sources.read()] == [{Measure.LAG: 1.0}, {Measure.LAG: None}]


def plan(**fields: object) -> Plan:
    """Return a plan that watches the lag."""
    return plan_of(
        Stage.FULL, gates=Gates(max_lag_seconds=5), step_back=StepBack(max_lag_seconds=60, after_minutes=5), **fields
    )


class Scene:
    """A watch, and a clock."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.now = 1000.0

    def minutes(self, number: float, lag: float | None, revision: str = "1") -> list[str | None]:
        """Look twice a minute for so long; return each reason to step back."""
        said = []
        for _ in range(int(number * 2)):
            said.append(self.watch.look(plan(), revision, {Measure.LAG: lag}, self.now))
            self.now += 30
        return [one for one in said if one]

    @property
    def held(self) -> float:
        """Return for how many minutes the gate has held."""
        [gate] = self.watch.gates
        assert gate.seconds is not None
        return gate.seconds / 60 if gate.state is GateState.HOLDS else 0


def test_what_is_broken_for_long_enough_is_a_reason_to_go_back() -> None:
    """Not a moment before."""
    scene = Scene()
    assert scene.minutes(5, lag=61) == []
    assert scene.minutes(0.5, lag=61) == ["max_lag_seconds 60: 61, broken for 5 minutes"]


@pytest.mark.parametrize("between", [0.0, None])
def test_a_break_that_ended_counts_no_more(between: float | None) -> None:
    """What is not known now is not broken."""
    scene = Scene()
    assert scene.minutes(4.5, lag=61) + scene.minutes(0.5, lag=between) + scene.minutes(5, lag=61) == []


def test_another_plan_begins_anew() -> None:
    """What was measured before says nothing about it."""
    scene = Scene()
    assert scene.minutes(4.5, lag=61) + scene.minutes(5, lag=61, revision="2") == []
    assert len(scene.minutes(1, lag=61, revision="2")) == 2


def test_a_gate_knows_for_how_long_it_has_held() -> None:
    """Since the last break, and under this plan; what was not known for a while goes on where it was."""
    scene = Scene()
    scene.minutes(10, lag=1)
    assert scene.held == 9.5
    scene.minutes(0.5, lag=6)
    assert scene.held == 0
    scene.minutes(2, lag=1)
    assert scene.held == 1.5
    scene.minutes(1, lag=None)
    assert scene.held == 0
    scene.minutes(3, lag=1)
    assert scene.held == 4.0
    scene.minutes(1, lag=None)
    scene.minutes(0.5, lag=6)
    scene.minutes(1, lag=1)
    assert scene.held == 0.5
    scene.minutes(1, lag=1, revision="2")
    assert scene.held == 0.5
