"""Proof that nothing is lost: the messages that the tables hold beside those that bridges have told, in a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from bridge.auditing import Told, ToldIds, digest
from bridge.clock import Clock
from migration.bridges import BridgeSide, bridge_at
from migration.errors import Refused
from migration.findings import Finding, NotRun, Passed, Report, Severity, printed
from migration.project import Rest, host, reached
from migration.settings import Target
from migration.state import write_whole
from migration.voice import Voice

T = TypeVar("T")

REPORT: Final = "audit.json"
PAGE: Final = 1000
IDS_AT_ONCE: Final = 100
"""That fit into one address."""
LOST: Final = "lost_messages"
"""What the check is called in reports."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    bridges: tuple[str, ...]
    """Where their HTTP is, like http://127.0.0.1:8080."""
    token: str
    minutes: float = 5.0
    settle_seconds: float = 60.0
    """A bridge looks into the tables every 30 s: what is younger may still be on its way."""
    sample_size: int = 20


class Row(Struct, frozen=True):
    """A message as the tables hold it, without what it says."""

    id: str
    conversation_id: str
    sender_id: str
    created_at: str
    deleted_at: str | None


class _SeatRow(Struct, frozen=True):
    id: str
    conversation_id: str
    user_id: str


def audit(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> Report:
    """Compare for every bridge and keep the report.

    Raises:
        Refused: the project or a bridge cannot be asked.

    """
    if target.project is None:
        raise Refused("This needs the project's API: set SUPABASE_URL and SUPABASE_SECRET_KEY.")
    as_of = clock.now()
    until = as_of - timedelta(seconds=wishes.settle_seconds)
    since = until - timedelta(minutes=wishes.minutes)
    outcomes: list[Finding | Passed | NotRun] = []
    with reached(target.project) as rest:
        rest.prove()
        rows = _rows(rest, since, until)
        for address in wishes.bridges:
            voice.progress(f"audit: {address}, {len(rows):,} messages")
            with bridge_at(address, wishes.token) as bridge:
                outcomes.append(_compared(rest, bridge, rows, since, until, wishes.sample_size))
    report = Report(
        command="audit",
        subject=f"{host(target.project)} and {', '.join(wishes.bridges)}",
        as_of=as_of,
        ended_at=clock.now(),
        findings=tuple(one for one in outcomes if isinstance(one, Finding)),
        passed=tuple(one for one in outcomes if isinstance(one, Passed)),
        not_run=tuple(one for one in outcomes if isinstance(one, NotRun)),
        rows={"messages": len(rows)},
    )
    write_whole(target.directory / REPORT, printed(report))
    return report


def _compared(
    rest: Rest, bridge: BridgeSide, rows: Sequence[Row], since: datetime, until: datetime, sample_size: int
) -> Finding | Passed | NotRun:
    told = bridge.asked(Told, since=since.isoformat(), until=until.isoformat())
    if told.known_from > since:
        since = told.known_from
        told = bridge.asked(Told, since=since.isoformat(), until=until.isoformat())
        rows = [row for row in rows if datetime.fromisoformat(row.created_at) >= since]
    if since >= until:
        return NotRun(check=LOST, reason=f"{bridge.address} knows only since {since:%H:%M:%S} what it has told")
    silent = _untold(bridge, _grouped(rows), told)
    lost = _members_own(rest, silent)
    seen = f"{bridge.address} has told {len(rows) - len(silent):,} of {len(rows):,} messages since {since:%H:%M:%S}"
    if not lost:
        rest_of = f"; {len(silent):,} are deleted, or of strangers" if silent else ""
        return Passed(check=LOST, evidence=f"{seen}{rest_of}")
    return Finding(
        check=LOST,
        severity=Severity.ERROR,
        evidence=f"{seen}; {len(lost):,} are missing.",
        fix="Look at /status and at the log of that bridge for these ids: feed.*, relay.*, hub.event_lost.",
        consequence="Clients that were connected have not seen them; they find them when they load the conversation.",
        count=len(lost),
        samples=tuple(row.id for row in lost[:sample_size]),
    )


def _grouped(rows: Iterable[Row]) -> Mapping[str, Sequence[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.conversation_id, []).append(row)
    return grouped


def _untold(bridge: BridgeSide, conversations: Mapping[str, Sequence[Row]], told: Told) -> list[Row]:
    """Return the messages that were not told; ids are asked only where the digests differ."""
    missing: list[Row] = []
    known = {str(one): found for one, found in told.conversations.items()}
    for conversation_id, rows in conversations.items():
        if known.get(conversation_id) == digest(row.id for row in rows):
            continue
        answer = bridge.asked(
            ToldIds,
            conversation=conversation_id,
            since=told.since.isoformat(),
            until=told.until.isoformat(),
        )
        ids = {str(one) for one in answer.ids}
        missing += [row for row in rows if row.id not in ids]
    return missing


def _members_own(rest: Rest, rows: Sequence[Row]) -> list[Row]:
    """Return those that should have been told: not deleted since, and written by a member (contract F7)."""
    living = [row for row in rows if row.deleted_at is None]
    seats = _seats(rest, sorted({row.conversation_id for row in living}))
    return [row for row in living if (row.conversation_id, row.sender_id) in seats]


def _seats(rest: Rest, conversations: Sequence[str]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for start in range(0, len(conversations), IDS_AT_ONCE):
        among = ",".join(conversations[start : start + IDS_AT_ONCE])
        after = ""
        while True:
            page = _read(
                rest,
                "conversation_participants",
                list[_SeatRow],
                select="id,conversation_id,user_id",
                conversation_id=f"in.({among})",
                left_at="is.null",
                order="id",
                limit=str(PAGE),
                **({"id": f"gt.{after}"} if after else {}),
            )
            found.update((seat.conversation_id, seat.user_id) for seat in page)
            if len(page) < PAGE:
                break
            after = page[-1].id
    return found


def _rows(rest: Rest, since: datetime, until: datetime) -> list[Row]:
    """Return all messages dated within the window, by keyset: two may be of the same moment."""
    found: list[Row] = []
    window = f"created_at.gte.{since.isoformat()},created_at.lt.{until.isoformat()}"
    beyond = ""
    while True:
        page = _read(
            rest,
            "messages",
            list[Row],
            select="id,conversation_id,sender_id,created_at,deleted_at",
            **{"and": f"({window}{beyond})"},
            order="created_at,id",
            limit=str(PAGE),
        )
        found += page
        if len(page) < PAGE:
            return found
        last = page[-1]
        at = f'"{last.created_at}"'
        beyond = f",or(created_at.gt.{at},and(created_at.eq.{at},id.gt.{last.id}))"


def _read(rest: Rest, table: str, kind: type[T], **filters: str) -> T:
    answer = rest.get(f"/rest/v1/{table}", **filters)
    if not answer.is_success:
        raise Refused(f"The project does not let SUPABASE_SECRET_KEY read {table}: status {answer.status_code}.")
    return msgspec.json.decode(answer.content, type=kind)
