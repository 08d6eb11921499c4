"""Whether what is measured lets the rollout go on, or makes it go back. Pure: readings and times are passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from bridge.rollout.plan import Plan, Thresholds

MINUTE: Final = 60.0


class Measure(StrEnum):
    """What thresholds are about; the values are the keys of a plan."""

    CONSISTENCY = "min_consistency"
    ERRORS = "max_error_share"
    OLD_ERRORS = "max_old_error_share"
    LAG = "max_lag_seconds"
    LOST = "max_lost_messages"


class Readings(Protocol):
    """Where measured values come from. What is missing, or None, is not known now."""

    def read(self) -> Mapping[Measure, float | None]:
        """Return the values of this moment; never waits."""
        ...


class Sources:
    """Readings from one function for each measure: another source is another line."""

    def __init__(self, sources: Mapping[Measure, Callable[[], float | None]]) -> None:
        self._sources = sources

    def read(self) -> Mapping[Measure, float | None]:
        """Ask every source."""
        return {measure: source() for measure, source in self._sources.items()}


class GateState(StrEnum):
    """How a threshold stands."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """Nothing measures it now. That is no leave to go on, and no reason to go back."""


class Gate(Struct, frozen=True, kw_only=True):
    """A threshold of the plan, and what is held against it."""

    measure: Measure
    limit: float
    value: float | None
    state: GateState
    seconds: float | None = 0.0
    """For how long it has been so under this plan, without a break; None for a value that was handed in.

    What holds again after it was not known for a while goes on from where it was: at night nothing measures anything.
    """

    def lasts(self, minutes: float) -> bool:
        """Tell whether it has been so for at least so long; what was handed in stands for a run of its own."""
        return self.seconds is None or self.seconds >= minutes * MINUTE

    @property
    def sentence(self) -> str:
        """Return it as people say it."""
        if self.value is None:
            return f"{self.measure.value} {self.limit:g}: not known"
        return f"{self.measure.value} {self.limit:g}: {self.value:g}, {self.state.value}"


def gates(thresholds: Thresholds, readings: Mapping[Measure, float | None]) -> tuple[Gate, ...]:
    """Return every threshold that there is, with what was read."""
    limits = {measure: getattr(thresholds, measure.value) for measure in Measure}
    return tuple(_gate(measure, limit, readings.get(measure)) for measure, limit in limits.items() if limit is not None)


def _gate(measure: Measure, limit: float, value: float | None) -> Gate:
    if value is None:
        state = GateState.UNKNOWN
    else:
        is_within = value >= limit if measure is Measure.CONSISTENCY else value <= limit
        state = GateState.HOLDS if is_within else GateState.BROKEN
    return Gate(measure=measure, limit=limit, value=value, state=state)


class Watch:
    """Remembers for how long each threshold has stood as it stands."""

    def __init__(self) -> None:
        self.gates: tuple[Gate, ...] = ()
        self.step_back: tuple[Gate, ...] = ()
        self.revision: str | None = None
        """Of the plan that these were measured under; for seconds after a change, of the one before."""
        self._looked_at = 0.0
        self._held: dict[Measure, float] = {}

    def look(self, plan: Plan, revision: str, readings: Mapping[Measure, float | None], now: float) -> str | None:
        """Take in what is read at this moment; return why to go one step back, if it is time to.

        Everything begins anew with another plan: what was measured before says nothing about it. `now`: monotonic.
        """
        if revision != self.revision:
            self.revision, self.gates, self.step_back = revision, (), ()
            self._held.clear()
        passed, self._looked_at = now - self._looked_at, now
        self.gates = tuple(map(self._held_on, _continued(self.gates, gates(plan.gates, readings), passed)))
        self.step_back = _continued(self.step_back, gates(plan.step_back, readings), passed)
        minutes = plan.step_back.after_minutes
        broken = (one for one in self.step_back if one.state is GateState.BROKEN and one.lasts(minutes))
        return next((f"{gate.sentence} for {minutes:g} minutes" for gate in broken), None)

    def _held_on(self, gate: Gate) -> Gate:
        if gate.state is GateState.BROKEN:
            self._held.pop(gate.measure, None)
        if gate.state is not GateState.HOLDS:
            return gate
        is_again = not gate.seconds
        seconds = self._held.get(gate.measure, 0.0) if is_again else gate.seconds
        self._held[gate.measure] = seconds or 0.0
        return replace(gate, seconds=seconds)


def _continued(before: Iterable[Gate], now: Iterable[Gate], passed: float) -> tuple[Gate, ...]:
    known = {gate.measure: gate for gate in before}
    return tuple(_since(known.get(gate.measure), gate, passed) for gate in now)


def _since(before: Gate | None, gate: Gate, passed: float) -> Gate:
    if before is None or before.state is not gate.state:
        return gate
    return replace(gate, seconds=(before.seconds or 0.0) + passed)
