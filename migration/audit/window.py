"""One window at one bridge: what the tables hold, what the bridge has told of it, and what it should have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from bridge.auditing import Told, ToldIds, digest
from migration.bridges import BridgeSide
from migration.errors import Refused
from migration.project import Rest

T = TypeVar("T")

PAGE: Final = 1000
IDS_AT_ONCE: Final = 100
"""That fit into one address."""


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


class Proof(Struct, frozen=True, kw_only=True):
    """What a look at one bridge has shown."""

    since: datetime
    """From when on the bridge knows what it has told: not all of the window, where it was started or has forgotten."""
    until: datetime
    messages: int = 0
    told: int = 0
    lost: tuple[str, ...] = ()
    """Ids that should have been told; those of deleted messages and of strangers are neither lost nor told."""

    @property
    def is_empty(self) -> bool:
        """Tell whether the bridge knows nothing of the window."""
        return self.since >= self.until


class Sight:
    """Looks at bridges, and at the tables once for the same window."""

    def __init__(self, rest: Rest, reach: Callable[[str], AbstractContextManager[BridgeSide]]) -> None:
        self._rest = rest
        self._reach = reach
        self._window: tuple[datetime, datetime] | None = None
        self._rows: Sequence[Row] = ()

    def look(self, address: str, since: datetime, until: datetime) -> Proof:
        """Compare the messages dated from `since` until before `until`, as far back as the bridge knows.

        Raises:
            Refused: the project or the bridge cannot be asked.

        """
        if self._window != (since, until):
            self._rows = rows_of(self._rest, since, until)
            self._window = (since, until)
        with self._reach(address) as bridge:
            return compared(self._rest, bridge, self._rows, since, until)


def compared(rest: Rest, bridge: BridgeSide, rows: Sequence[Row], since: datetime, until: datetime) -> Proof:
    """Compare the messages of a window with what a bridge has told.

    Raises:
        Refused: the project or the bridge cannot be asked.

    """
    told = _told(bridge, since, until)
    since = max(told.since, told.known_from)
    if since >= until:
        return Proof(since=since, until=until)
    rows = _dated_from(since, rows)
    silent = _untold(bridge, _grouped(rows), told)
    lost = _members_own(rest, silent)
    if lost:  # what was forgotten while we asked is not known to be lost
        since = max(since, _asked(bridge, until, until).known_from)
        rows, silent, lost = _dated_from(since, rows), _dated_from(since, silent), _dated_from(since, lost)
    return Proof(
        since=since,
        until=until,
        messages=len(rows),
        told=len(rows) - len(silent),
        lost=tuple(row.id for row in lost),
    )


def _told(bridge: BridgeSide, since: datetime, until: datetime) -> Told:
    """Ask once more where the bridge knows less than that, so that digests are of the same window as the rows."""
    told = _asked(bridge, since, until)
    return told if told.known_from <= since or told.known_from >= until else _asked(bridge, told.known_from, until)


def _asked(bridge: BridgeSide, since: datetime, until: datetime) -> Told:
    return bridge.asked(Told, since=since.isoformat(), until=until.isoformat())


def _dated_from(since: datetime, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if datetime.fromisoformat(row.created_at) >= since]


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


def rows_of(rest: Rest, since: datetime, until: datetime) -> list[Row]:
    """Return all messages dated within the window, by keyset: two may be of the same moment.

    Raises:
        Refused: the project does not answer, or not with this key.

    """
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
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError:
        raise Refused("The project does not answer as PostgREST does.") from None
