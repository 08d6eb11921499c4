"""The rollout plan: a TOML file under version control, read into a frozen value. Schema: docs/rollout.md."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from bridge.ids import canonical_uuid
from bridge.paths import Stage
from bridge.rollout.versions import version_of

FORMAT: Final = 1
MAX_QUOTED: Final = 100
Minutes = Annotated[float, Meta(ge=0, le=7 * 24 * 60)]


class PlanError(Exception):
    """A plan cannot be used; the text is one sentence."""


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must hold; what is left out is not looked at."""

    min_consistency: Annotated[float, Meta(ge=0, le=1)] | None = None
    """The share of compared answers in which both paths agree."""
    max_error_share: Annotated[float, Meta(ge=0, le=1)] | None = None
    """The share of commands that failed by the server's own fault."""
    max_old_error_share: Annotated[float, Meta(ge=0, le=1)] | None = None
    """The share of requests to old endpoints of this bridge that failed by the server's own fault; a gate only."""
    max_lag_seconds: Annotated[float, Meta(ge=0)] | None = None
    """How far what is told may be behind what is in the tables."""
    max_lost_messages: Annotated[int, Meta(ge=0)] | None = None
    """Messages that the audit found in the tables and at no client."""


class Gates(Thresholds, frozen=True, kw_only=True):
    """What must hold, and for how long, before the next step."""

    hold_minutes: Minutes = 60.0


class StepBack(Thresholds, frozen=True, kw_only=True):
    """What, if it is broken for so long, makes the bridge go one step back by itself."""

    after_minutes: Minutes = 5.0


class LastChange(Struct, frozen=True, kw_only=True):
    """What the tools write about the last step."""

    at: datetime
    before: str
    by: str
    why: str


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is sent to the bridge."""

    format: int
    stage: Stage
    percentage: float = 0.0
    """Of all users; counts in the stage ramp only."""
    kill_switch: bool = False
    salt: str
    """Decides who is in which cohort; another one shuffles everybody."""
    steps: tuple[float, ...] = (1.0, 5.0, 25.0, 50.0)
    """The percentages of the ramp, in order."""
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    minimum_versions: Mapping[str, str] = {}
    """By client name; `*` for all others."""
    close_unaware: bool = False
    """Whether clients that cannot be told, because they lack the capability, are closed whenever they come."""
    gates: Gates = Gates()
    step_back: StepBack = StepBack()
    last_change: LastChange | None = None

    @property
    def place(self) -> str:
        """Return how far the rollout is, as people say it."""
        return f"ramp {self.percentage:g} %" if self.stage is Stage.RAMP else self.stage.value


def read_plan(text: bytes) -> Plan:
    """Read a plan's text.

    Raises:
        PlanError: it is no TOML, or says something that no plan can say.

    """
    try:
        written = tomllib.loads(text.decode())
    except UnicodeDecodeError:
        raise PlanError("The plan is not UTF-8.") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is no TOMLDecodeError
        raise PlanError(f"The plan is no TOML: {str(error)[:MAX_QUOTED]}.") from None
    _check_stage(written.get("stage"))
    try:
        plan = msgspec.convert(written, Plan)
    except msgspec.ValidationError as error:
        raise PlanError(f"The plan cannot be used: {_readable(str(error))}.") from None
    _check(plan)
    return msgspec.structs.replace(plan, allow=_ids("allow", plan.allow), deny=_ids("deny", plan.deny))


def revision_of(text: bytes) -> str:
    """Return a short name for exactly this text."""
    return hashlib.sha256(text).hexdigest()[:12]


def _check_stage(stage: object) -> None:
    if stage is not None and stage not in [one.value for one in Stage]:
        raise PlanError(f"The plan's stage {repr(stage)[:MAX_QUOTED]} is unknown; there are: {', '.join(Stage)}.")


def _readable(text: str) -> str:
    """Say msgspec's sentence with the key in front: "Expected `int`, got `str` - at `$.format`"."""
    what, _, where = text.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what[0].lower()}{what[1:]}" if where else f"{what[0].lower()}{what[1:]}"


def _check(plan: Plan) -> None:
    if plan.format != FORMAT:
        raise PlanError(f"The plan has format {plan.format}; this bridge reads format {FORMAT}.")
    if not plan.salt:
        raise PlanError("The plan's salt is empty; it may be any text, and must stay the same.")
    _check_percentages(plan)
    for name, version in plan.minimum_versions.items():
        if version_of(version) is None:
            raise PlanError(f"The plan's minimum version of {name}, {version!r}, is no version like 2.4.0.")
    if plan.step_back.max_old_error_share is not None:
        raise PlanError(
            "The plan's step_back says max_old_error_share, which can only be a gate: a step back sends more people to"
            " the old endpoints."
        )
    if plan.kill_switch and plan.stage is Stage.RETIRED:
        raise PlanError("The plan's kill switch leads to the legacy path, which is gone in the stage retired.")


def _check_percentages(plan: Plan) -> None:
    for name, percentage in (("percentage", plan.percentage), *(("steps", one) for one in plan.steps)):
        if not 0 <= percentage <= 100:
            raise PlanError(f"The plan's {name} says {percentage:g}; a percentage is between 0 and 100.")
        if percentage != round(percentage, 2):  # places among all users are no finer; 0.001 would send nobody
            raise PlanError(f"The plan's {name} says {percentage}; a percentage is exact to a hundredth.")
    if list(plan.steps) != sorted(set(plan.steps)) or 0 in plan.steps:
        raise PlanError("The plan's steps must be above 0 and grow from one to the next.")
    if plan.stage is Stage.RAMP and plan.percentage == 0:
        raise PlanError("The plan's stage is ramp, and its percentage is missing or 0.")


def _ids(name: str, listed: frozenset[str]) -> frozenset[str]:
    ids = {one: canonical_uuid(one) for one in listed}
    wrong = sorted(one for one, canonical in ids.items() if canonical is None)
    if wrong:
        raise PlanError(f"The plan's {name} list holds {wrong[0]!r}, which is no users.id.")
    return frozenset(one for one in ids.values() if one is not None)
