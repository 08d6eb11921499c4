"""`python -m migration rollout`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bridge.clock import Clock
from bridge.ids import canonical_uuid
from bridge.models import UserId
from bridge.rollout.deciding import Person
from bridge.rollout.gates import MINUTE, Gate, GateState, Measure
from bridge.rollout.plan import Thresholds
from migration.commands.command import Command, add_output, count
from migration.errors import Refused
from migration.findings import Exit
from migration.rollout.bridges import BridgeView
from migration.rollout.drilling import DrillReport
from migration.rollout.evidence import evidence
from migration.rollout.rehearsing import keep, rehearse
from migration.rollout.stepping import Sent, Standing, Step, Wishes, advance, back, read, standing
from migration.settings import RolloutSettings
from migration.voice import Voice


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(required=True, metavar="what")
    status = _word(words, "status", "how the rollout stands", _status)
    status.add_argument("--user", help="a users.id: say which path it takes, too")
    status.add_argument("--client", default="", help="with that client")
    status.add_argument("--version", default="", help="of that version")
    _word(words, "check", "whether the plan is good and the next step may be taken; exit status 1 if not", _check)
    forward = _word(words, "advance", "take the next step if every gate holds", _advance)
    forward.add_argument("--retire", action="store_true", help="even if that retires the legacy path")
    rehearsal = _word(words, "drill", "rehearse the whole way there and back in a sandbox of its own", _drill)
    rehearsal.add_argument("--sockets", type=count, default=3, help="connections for each person (3)")
    backward = _word(words, "back", "take a step back, whatever the gates say", _back)
    backward.add_argument(
        "--to", metavar="PLACE", help="not one step but to here: a stage, or a percentage of the ramp"
    )
    backward.add_argument("--why", default="by hand", help="what is written into the plan as the reason")


def _word(
    words: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    purpose: str,
    run: Callable[[argparse.Namespace, Clock, Voice], Exit],
) -> argparse.ArgumentParser:
    word = words.add_parser(name, help=purpose, description=purpose)
    word.add_argument("--plan", type=Path, help="the plan's file (or BRIDGE_ROLLOUT_FILE)")
    word.add_argument("--bridge", action="append", metavar="URL", help="ask this bridge (or MIGRATION_BRIDGES); repeat")
    word.add_argument(
        "--reading",
        action="append",
        type=_reading,
        default=[],
        metavar="NAME=VALUE",
        help=f"what another tool has measured, for one of: {', '.join(Measure)}",
    )
    add_output(word)
    word.set_defaults(what=run)
    return word


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    what: Callable[[argparse.Namespace, Clock, Voice], Exit] = given.what
    return what(given, clock, voice)


def _wishes(given: argparse.Namespace, clock: Clock) -> Wishes:
    """Return what is asked for, with what other tools have measured; that is what gates are about."""
    return msgspec.structs.replace(_own_wishes(given), kept=evidence(RolloutSettings().directory, clock.now()))


def _own_wishes(given: argparse.Namespace) -> Wishes:
    settings = RolloutSettings()
    plan = given.plan or settings.rollout_file
    if plan is None:
        raise Refused("There is no plan to look at: give --plan or set BRIDGE_ROLLOUT_FILE.")
    token = settings.operator_token
    return Wishes(
        plan=plan,
        bridges=tuple(given.bridge or settings.listed_bridges),
        operator_token=token.get_secret_value() if token else None,
        readings=dict(given.reading),
    )


def _status(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    found = standing(_wishes(given, clock), clock, _person(given))
    about = ["", _about_user(found.user)] if found.user else []
    voice.document(found, [*_standing_lines(found), *about])
    return found.exit


def _person(given: argparse.Namespace) -> Person | None:
    if given.user is None:
        return None
    user_id = canonical_uuid(given.user)
    if user_id is None:
        raise Refused(f"{given.user} is no users.id.")
    return Person(user_id=UserId(user_id), client=given.client, version=given.version)


def _check(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    found = standing(_wishes(given, clock), clock)
    voice.document(found, _standing_lines(found))
    if not found.is_complete:
        return Exit.INCOMPLETE
    return Exit.CLEAN if found.may_advance else Exit.FOUND


def _advance(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    return _told(advance(_wishes(given, clock), clock, retire=given.retire), voice)


def _back(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    try:
        given.why.encode()
    except UnicodeEncodeError:  # a terminal hands on whatever bytes it is given
        raise Refused("--why is no text in UTF-8.") from None
    return _told(back(_own_wishes(given), clock, to=given.to, why=given.why), voice)


def _drill(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    settings = RolloutSettings()
    path = given.plan or settings.rollout_file
    plan = read(Wishes(plan=path)).plan if path else None
    report = asyncio.run(rehearse(plan, given.sockets, clock, voice.tell))
    keep(report, settings.directory)
    voice.document(report, _drill_lines(report))
    return report.exit


def _drill_lines(report: DrillReport) -> list[str]:
    lines = [f"rollout drill: {report.people} people, as of {report.as_of:%Y-%m-%d %H:%M:%S %Z}"]
    for step in report.steps:
        lines.append(
            f"  {step.what}: {step.before} → {step.now} in {step.seconds:g} s, {step.closed} closed, {step.open} open"
        )
        lines += [f"    {one}" for one in step.trouble]
    back_and_kill = f"{report.back_seconds:g} s back, {report.kill_seconds:g} s by the kill switch"
    return [*lines, f"at most {report.forward_seconds:g} s forward, {back_and_kill}"]


def _told(step: Step, voice: Voice) -> Exit:
    voice.document(step, _step_lines(step))
    return step.exit


def _about_user(sent: Sent) -> str:
    return f"{sent.user_id} takes the path {sent.path}: {sent.reason} (place {sent.place:.2f} of 100)"


def _standing_lines(found: Standing) -> list[str]:
    kill = ", KILL SWITCH ON" if found.kill_switch else ""
    lines = [f"rollout: {found.place}{kill} (revision {found.revision})"]
    if found.last_change is not None:
        change = found.last_change
        lines.append(
            f"  since {change.at:%Y-%m-%d %H:%M} {change.at:%Z}, from {change.before}, by {change.by}: {change.why}"
        )
    lines += [f"  gate {gate.sentence}{_held(gate)}" for gate in found.gates] or ["  no gates are set"]
    lines += [_bridge_line(view, found) for view in found.bridges]
    lines += [f"  trouble: {one}" for one in found.troubles]
    if found.next is None:
        return [*lines, "There is no further step."]
    if found.may_advance:
        return [*lines, f"The next step may be taken: {found.next}."]
    return [
        *lines,
        f"Against the next step ({found.next}):",
        *(f"  {one}" for one in (*found.reasons, *found.troubles)),
    ]


def _bridge_line(view: BridgeView, found: Standing) -> str:
    if view.status is None:
        return f"  bridge {view.address}: says nothing"
    is_late = view.address in found.measuring_anew
    return f"  bridge {view.address}: asked{'; has not measured under this plan yet' if is_late else ''}"


def _held(gate: Gate) -> str:
    if gate.state is not GateState.HOLDS:
        return ""
    return " (handed in)" if gate.seconds is None else f" for {gate.seconds / MINUTE:.0f} minutes"


def _step_lines(step: Step) -> list[str]:
    if not step.taken:
        return [f"{step.command}: nothing was changed, it stays {step.now}", *(f"  {one}" for one in step.reasons)]
    lines = [f"{step.command}: {step.before} → {step.now} (revision {step.revision})"]
    if step.taken_up_seconds is not None:
        lines.append(f"  every bridge follows after {step.taken_up_seconds:g} s")
    return [*lines, *(f"  trouble: {one}" for one in step.troubles)]


def _reading(text: str) -> tuple[Measure, float]:
    name, _, said = text.partition("=")
    try:
        measure, value = Measure(name), float(said)
        # What can be no threshold can be no reading: 99.9 for 0.999 would open the gate.
        msgspec.convert({name: int(value) if value.is_integer() else value}, Thresholds)
    except ValueError:
        known = ", ".join(Measure)
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE with one of {known}, and shares from 0 to 1") from None
    return measure, value


COMMAND: Final = Command(
    name="rollout",
    purpose="who is sent to the bridge: how it stands, and one step forward or back",
    add_arguments=_add_arguments,
    run=_run,
)
