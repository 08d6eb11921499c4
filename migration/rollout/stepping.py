"""How the rollout stands, and one step of it: written into the plan, and taken up by the bridges."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bridge import paths
from bridge.clock import Clock
from bridge.models import UserId
from bridge.paths import Stage
from bridge.rollout.deciding import PLACES, Person, decide, place_of
from bridge.rollout.editing import Place, change_of, next_place, places, previous_place, write_step
from bridge.rollout.gates import Gate, Measure
from bridge.rollout.plan import LastChange, Plan, PlanError
from bridge.rollout.plan_file import PlanInForce, read_plan_file
from migration.errors import Refused
from migration.findings import FORMAT, Exit
from migration.rollout.bridges import BridgeView, look_at
from migration.rollout.judging import cannot_be_asked, is_of_another_plan, judged_gates, reasons_against, troubles

BY: Final = "python -m migration rollout"
TAKEN_UP_SECONDS: Final = 20.0
LOOK_EVERY_SECONDS: Final = 0.5


class Wishes(Struct, frozen=True, kw_only=True):
    """Which plan, which bridges, and what other tools have measured."""

    plan: Path
    bridges: tuple[str, ...] = ()
    operator_token: str | None = None
    readings: Mapping[Measure, float] = {}
    """Handed in on the command line."""
    kept: Mapping[Measure, float] = {}
    """From other tools' reports."""


class Sent(Struct, frozen=True, kw_only=True):
    """Which path somebody takes by the plan."""

    user_id: UserId
    path: paths.Path
    reason: paths.Reason
    place: float
    """Among all users: those below the percentage of a ramp are in."""


class Standing(Struct, frozen=True, kw_only=True):
    """How the rollout stands."""

    command: str = "rollout status"
    format: int = FORMAT
    as_of: datetime
    stage: Stage
    place: str
    kill_switch: bool
    revision: str
    last_change: LastChange | None
    next: str | None
    """Where the next step leads."""
    previous: str | None
    """Where a step back leads."""
    gates: tuple[Gate, ...]
    reasons: tuple[str, ...]
    """What speaks against the next step, one sentence each."""
    troubles: tuple[str, ...]
    """What is wrong with bridges, one sentence each."""
    bridges: tuple[BridgeView, ...]
    measuring_anew: tuple[str, ...] = ()
    """Addresses of bridges whose gates are still those of another plan, and are not looked at."""
    is_complete: bool
    """Whether every bridge could be asked."""
    user: Sent | None = None
    """Whoever was asked about."""

    @property
    def may_advance(self) -> bool:
        """Tell whether the next step may be taken."""
        return self.next is not None and not self.reasons and not self.troubles

    @property
    def exit(self) -> Exit:
        """Return the exit status of looking at it: whether all is as the plan says."""
        if not self.is_complete:
            return Exit.INCOMPLETE
        return Exit.FOUND if self.troubles else Exit.CLEAN


class Step(Struct, frozen=True, kw_only=True):
    """A step that was taken, or why it was not."""

    command: str
    format: int = FORMAT
    at: datetime
    before: str
    now: str
    taken: bool
    reasons: tuple[str, ...] = ()
    """What spoke against it."""
    revision: str
    taken_up_seconds: float | None = None
    """How long it took until every bridge followed; None if none was named, or one did not in time."""
    troubles: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        """Return the exit status: a step that was written counts as taken."""
        return Exit.CLEAN if self.taken and not self.troubles else Exit.FOUND


def read(wishes: Wishes) -> PlanInForce:
    """Read the plan.

    Raises:
        Refused: it cannot be used.

    """
    try:
        return read_plan_file(wishes.plan)
    except PlanError as error:
        raise Refused(f"{wishes.plan}: {error}") from None


def standing(wishes: Wishes, clock: Clock, person: Person | None = None) -> Standing:
    """Look at plan and bridges, and where the plan sends this person.

    Raises:
        Refused: the plan cannot be used, or the bridges cannot be asked at all.

    """
    current = read(wishes)
    found = _standing(current, look_at(wishes.bridges, wishes.operator_token), wishes, clock)
    return found if person is None else replace(found, user=_sent(current.plan, person))


def _sent(plan: Plan, person: Person) -> Sent:
    decision = decide(plan, person)
    place = place_of(person.user_id, plan.salt) * 100 / PLACES
    return Sent(user_id=person.user_id, path=decision.path, reason=decision.reason, place=place)


def _standing(current: PlanInForce, views: tuple[BridgeView, ...], wishes: Wishes, clock: Clock) -> Standing:
    plan = current.plan
    found = judged_gates(current, views, wishes.readings, wishes.kept)
    return Standing(
        as_of=clock.now(),
        stage=plan.stage,
        place=plan.place,
        kill_switch=plan.kill_switch,
        revision=current.revision,
        last_change=plan.last_change,
        next=_words(next_place(plan)),
        previous=_words(previous_place(plan)),
        gates=found,
        reasons=tuple(reasons_against(plan, found)),
        troubles=tuple(troubles(current, views)),
        bridges=views,
        measuring_anew=tuple(view.address for view in views if is_of_another_plan(view, current)),
        is_complete=not cannot_be_asked(views),
    )


def advance(wishes: Wishes, clock: Clock, *, retire: bool) -> Step:
    """Take the next step, if nothing speaks against it.

    Raises:
        Refused: there is no next step, it would retire the legacy path unasked, or the plan cannot be written.

    """
    current = read(wishes)
    place = next_place(current.plan)
    if place is None:
        raise Refused("The legacy path is retired; there is no further step.")
    if place.stage is Stage.RETIRED and not retire:
        raise Refused("The next step retires the legacy path for everybody; say --retire if that is meant.")
    now = _standing(current, look_at(wishes.bridges, wishes.operator_token), wishes, clock)
    against = (*now.reasons, *now.troubles)
    if against:
        place_now = current.plan.place
        return Step(
            command="rollout advance",
            at=now.as_of,
            before=place_now,
            now=place_now,
            taken=False,
            reasons=against,
            revision=current.revision,
        )
    return _take("rollout advance", current, place, _why(now.gates), wishes, clock)


def back(wishes: Wishes, clock: Clock, *, to: str | None, why: str) -> Step:
    """Take a step back, whatever the gates say.

    Raises:
        Refused: there is no such place behind, or the plan cannot be written.

    """
    current = read(wishes)
    return _take("rollout back", current, _behind(current.plan, to), why, wishes, clock)


def _behind(plan: Plan, to: str | None) -> Place:
    all_places = places(plan)
    behind = all_places[: [place.words for place in all_places].index(plan.place)]
    if not behind:
        raise Refused("Nobody is sent to the bridge; there is no step back.")
    if to is None:
        return behind[-1]
    found = [place for place in behind if to in {place.words, f"{place.percentage:g}" if place.percentage else ""}]
    if not found:
        names = ", ".join(f"{place.percentage:g}" if place.percentage else place.words for place in behind)
        raise Refused(f"There is no {to} behind {plan.place}; there are: {names}.")
    return found[0]


def _take(command: str, current: PlanInForce, place: Place, why: str, wishes: Wishes, clock: Clock) -> Step:
    change = change_of(current.plan, at=clock.now(), by=BY, why=why)
    try:
        written = write_step(wishes.plan, current, place, change)
    except PlanError as error:
        raise Refused(f"{wishes.plan}: {error}") from None
    seconds, against = _taken_up(written, wishes, clock)
    return Step(
        command=command,
        at=change.at,
        before=change.before,
        now=place.words,
        taken=True,
        revision=written.revision,
        taken_up_seconds=seconds,
        troubles=against,
    )


def _taken_up(written: PlanInForce, wishes: Wishes, clock: Clock) -> tuple[float | None, tuple[str, ...]]:
    """Wait until every bridge follows the plan; return how long it took, and what is wrong with those that do not.

    The plan is written by now: that bridges cannot be asked must not be told as if nothing had been changed, or the
    same step is taken once more.
    """
    began = clock.monotonic()
    while True:
        try:
            views = look_at(wishes.bridges, wishes.operator_token)
        except Refused as error:
            return None, (str(error),)
        against = tuple(troubles(written, views))
        passed = clock.monotonic() - began
        if not against:
            return (round(passed, 1) if views else None), ()
        if passed >= TAKEN_UP_SECONDS:
            return None, against
        time.sleep(LOOK_EVERY_SECONDS)


def _why(found: tuple[Gate, ...]) -> str:
    return "; ".join(gate.sentence for gate in found) or "no gates are set"


def _words(place: Place | None) -> str | None:
    return None if place is None else place.words
