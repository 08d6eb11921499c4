"""One step of the rollout, written into the plan's file: whole or not at all, comments kept, against one revision."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import tomlkit
from msgspec import Struct
from msgspec.structs import replace
from tomlkit.exceptions import TOMLKitError

from bridge.paths import Stage
from bridge.rollout.plan import LastChange, Plan, PlanError, read_plan, revision_of
from bridge.rollout.plan_file import PlanInForce, read_text

WITH_PEOPLE: Final = frozenset({Stage.CANARY, Stage.RAMP, Stage.FULL})
"""Where people are on the bridge, and another path is there for them."""


class PlanChanged(PlanError):
    """The file holds another plan than the one that the step was for."""


class Place(Struct, frozen=True):
    """How far the rollout is."""

    stage: Stage
    percentage: float = 0.0

    @property
    def words(self) -> str:
        """Return it as people say it."""
        return f"ramp {self.percentage:g} %" if self.stage is Stage.RAMP else self.stage.value


def place_of(plan: Plan) -> Place:
    """Return how far a plan is."""
    return Place(plan.stage, plan.percentage if plan.stage is Stage.RAMP else 0.0)


def places(plan: Plan) -> tuple[Place, ...]:
    """Return every place of a rollout, in order: those of the steps, and where it is now."""
    percentages = {*plan.steps, *([plan.percentage] if plan.stage is Stage.RAMP else [])}
    ramp = [Place(Stage.RAMP, one) for one in sorted(percentages)]
    before, after = [Stage.OFF, Stage.SHADOW, Stage.CANARY], [Stage.FULL, Stage.RETIRED]
    return (*map(Place, before), *ramp, *map(Place, after))


def next_place(plan: Plan) -> Place | None:
    """Return where the next step leads; None from the last."""
    return _beside(plan, 1)


def previous_place(plan: Plan) -> Place | None:
    """Return where a step back leads; None from the first."""
    return _beside(plan, -1)


def _beside(plan: Plan, step: int) -> Place | None:
    all_places = places(plan)
    number = all_places.index(place_of(plan)) + step
    return all_places[number] if 0 <= number < len(all_places) else None


def moved(plan: Plan, place: Place, change: LastChange) -> Plan:
    """Return the plan at another place."""
    return replace(plan, stage=place.stage, percentage=place.percentage, last_change=change)


def change_of(plan: Plan, *, at: datetime, by: str, why: str) -> LastChange:
    """Say what a step away from this plan was for."""
    return LastChange(at=at.replace(microsecond=0), before=place_of(plan).words, by=by, why=why)


def write_step(path: Path, in_force: PlanInForce, place: Place, change: LastChange) -> PlanInForce:
    """Write a step into the file that holds exactly the plan in force.

    Two who do it at the same moment do it once: the second finds another text.

    Raises:
        PlanChanged: the file holds something else by now.
        PlanError: it cannot be written, or not safely. In either case it is as it was.

    """
    try:
        with _locked(path):
            text = read_text(path)
            if revision_of(text) != in_force.revision:
                raise PlanChanged("The plan has been changed meanwhile; nothing was written.")
            successor = rewritten(text, place, change)
            if read_plan(successor) != moved(in_force.plan, place, change):
                raise PlanError("The plan is written in a way that cannot be changed safely; change it by hand.")
            _replace(path, successor)
    except OSError as error:
        raise PlanError(f"The plan cannot be written: {error.strerror or type(error).__name__}.") from None
    return PlanInForce(plan=read_plan(successor), revision=revision_of(successor))


def rewritten(text: bytes, place: Place, change: LastChange) -> bytes:
    """Return a plan's text with another place in it; comments and order stay.

    Raises:
        PlanError: it cannot be read.

    """
    try:
        document = tomlkit.parse(text)
        document["stage"] = place.stage.value
        whole = int(place.percentage)
        document["percentage"] = whole if whole == place.percentage else place.percentage
        document["last_change"] = {"at": change.at, "before": change.before, "by": change.by, "why": change.why}
    except TOMLKitError as error:
        raise PlanError(f"The plan is no TOML: {error}.") from None
    return tomlkit.dumps(document).encode()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep others out while the file is replaced; who waited finds the new one, by its path."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace(path: Path, text: bytes) -> None:
    """Put a new file in the place of the old one, which stays whole until then; a link is followed."""
    target = path.resolve()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), target.stat().st_mode & 0o777)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise
