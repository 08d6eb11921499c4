"""What the report is made from: the documents of the other commands, the usage ledger, and what bridges say now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from bridge.errors import ConfigError
from bridge.rollout.gates import Gate
from bridge.usage import UsageUnavailable
from bridge.usage.reading import UsageRead, read_usage_file
from bridge.usage_kept import read_wherever_kept
from migration.audit import REPORT as AUDIT
from migration.bridges import statuses
from migration.checking import REPORT as CHECK
from migration.errors import Refused
from migration.examining import REPORT as DOCTOR
from migration.findings import FORMAT, Report
from migration.parity import OldSide
from migration.parity.running import REPORTS as PARITY
from migration.parity.tally import ParityReport
from migration.rollout.drilling import DrillReport
from migration.rollout.rehearsing import FILE as DRILL

DAYS = 30

T = TypeVar("T", bound=Struct)


class Feed(Struct, frozen=True, kw_only=True):
    """How a bridge hears what legacy clients write."""

    live: bool
    lag_seconds_at_most: Mapping[str, float | None]
    changes_heard: int
    rescued_messages: int


class Connected(Struct, frozen=True, kw_only=True):
    """Who is connected to a bridge."""

    open: int
    people: int


class Dial(Struct, frozen=True, kw_only=True):
    """Where the rollout stands at a bridge."""

    place: str
    kill_switch: bool
    gates: tuple[Gate, ...] = ()
    """What must hold before the next step, as it was measured last."""


class Rollout(Struct, frozen=True, kw_only=True):
    """The rollout at a bridge."""

    plan: Dial | None = None
    error: str | None = None
    connections: Mapping[str, int] = {}


class BridgeState(Struct, frozen=True, kw_only=True):
    """What the report needs of a bridge's /status."""

    status: str
    reasons: tuple[str, ...]
    uptime_seconds: float
    sockets: Connected
    feed: Feed
    rollout: Rollout = Rollout()


class BridgeSeen(Struct, frozen=True, kw_only=True):
    """One bridge as it is now, or why nothing is known of it."""

    address: str
    state: BridgeState | None = None
    trouble: str | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything that is known; None where a command was never run."""

    as_of: datetime
    doctor: Report | None = None
    check: Report | None = None
    audit: Report | None = None
    parity: ParityReport | None = None
    """Beside what legacy clients ask of the project."""
    parity_rest: ParityReport | None = None
    """Beside the app's own endpoints."""
    drill: DrillReport | None = None
    usage: UsageRead | None = None
    bridges: tuple[BridgeSeen, ...] = ()

    @property
    def comparisons(self) -> tuple[ParityReport, ...]:
        """Return every comparison of both ways that was made."""
        return tuple(one for one in (self.parity, self.parity_rest) if one is not None)


class Sources(Struct, frozen=True, kw_only=True):
    """Where to look."""

    directory: Path
    usage_file: Path | None
    bridges: Sequence[str]
    operator_token: str | None


def gather(sources: Sources, now: datetime) -> Evidence:
    """Read everything there is.

    Raises:
        Refused: a document is of another version or broken, or bridges are named without the operators' token.

    """
    read = _Reader(sources.directory)
    return Evidence(
        as_of=now,
        doctor=read.document(DOCTOR, Report),
        check=read.document(CHECK, Report),
        audit=read.document(AUDIT, Report),
        parity=read.document(PARITY[OldSide.POSTGREST], ParityReport),
        parity_rest=read.document(PARITY[OldSide.REST], ParityReport),
        drill=read.document(DRILL, DrillReport),
        usage=_usage(sources.usage_file, (now - timedelta(days=DAYS)).date()),
        bridges=_bridges(sources),
    )


class _Reader:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def document(self, name: str, kind: type[T]) -> T | None:
        """Return a document, None if there is none."""
        path = self._directory / name
        try:
            found = msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:  # quiet: the report says that the command was never run
            return None
        except (OSError, msgspec.DecodeError):
            raise Refused(f"{path} cannot be read; run that command again.") from None
        if getattr(found, "format", FORMAT) != FORMAT:
            raise Refused(f"{path} was written by another version; run that command again.")
        return found


def _usage(path: Path | None, since: date) -> UsageRead | None:
    """Read a file that is named, else whatever the bridge's own settings say; they may say nothing.

    Raises:
        Refused: the ledger cannot be read.

    """
    try:
        return asyncio.run(read_usage_file(path, since) if path else read_wherever_kept(since))
    except ConfigError as error:
        raise Refused(str(error)) from None
    except UsageUnavailable as error:
        reason = (
            f"{path} is no usage ledger that can be read." if path else f"The usage ledger cannot be read: {error}."
        )
        raise Refused(reason) from None


def _bridges(sources: Sources) -> tuple[BridgeSeen, ...]:
    return tuple(
        BridgeSeen(address=told.address, state=told.document, trouble=told.trouble)
        for told in statuses(sources.bridges, sources.operator_token, BridgeState)
    )
