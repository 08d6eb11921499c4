"""The live shadow: for a share of what is read, ask what a legacy client would have been told, and compare.

The user's answer is on its way before anything here begins, and what is found out is for operators only. So little is
done at once, and nothing while the bridge is not live; what is left out is counted.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import structlog
from msgspec.structs import replace

from bridge.actions.context import Context
from bridge.actions.loading import MAX_PAGE
from bridge.comparison import conversations, groups, messages
from bridge.comparison.answers import Answer, Declared, Hints
from bridge.comparison.differing import Difference, Verdict, compare, flat
from bridge.comparison.old_way import OldWay, OldWayFailed, OldWayUnreachable
from bridge.events import BridgeStatus, MessagesRead
from bridge.models import Identity

AT_ONCE: Final = 4
WAITING: Final = 32
SECONDS: Final = 10.0
"""How long the old way may take."""
SETTLE_SECONDS: Final = 2.0
"""How long a difference is given to turn out as a change that came between the two answers."""
MISMATCHES_KEPT: Final = 20
DIFFERENCES_KEPT: Final = 10

MATCH: Final = "match"
MISMATCH: Final = "mismatch"
ERROR: Final = "error"
SKIPPED: Final = "skipped"

log = structlog.get_logger(__name__)


class Reading(NamedTuple):
    """Something that a client was told."""

    action: str
    result: object
    identity: Identity
    token: str
    cursor: str
    """What had been told when it was asked for (`bridge.history`)."""


class Mismatch(NamedTuple):
    """An answer that is not what the old way says; ids and names of fields, no contents."""

    at: datetime
    action: str
    user_id: str
    differences: Sequence[Difference]
    number: int
    """How many differences there were."""


class _Side(NamedTuple):
    rows: str
    key: str
    moment: str
    old: Callable[[OldWay, Reading, Answer, datetime], Awaitable[Answer]]
    declared: Sequence[Declared]
    more_hints: Callable[[OldWay, Identity, Answer], Awaitable[Hints]] | None = None


async def _old_conversations(way: OldWay, reading: Reading, new: Answer, now: datetime) -> Answer:
    return await conversations.listed(way, reading.identity)


async def _old_groups(way: OldWay, reading: Reading, new: Answer, now: datetime) -> Answer:
    return await groups.listed(way, reading.identity)


async def _old_messages(way: OldWay, reading: Reading, new: Answer, now: datetime) -> Answer:
    """Ask for the same page from its end: what was written since is not in it."""
    told = msgspec.to_builtins(reading.result)
    last = [str(row[messages.MOMENT]) for row in new.rows.values()][-1:]
    limit = max(len(new.rows), 1) if told.get("hasMore") else MAX_PAGE
    bound = f"lte.{last[0]}" if last else None
    return await messages.page(way, told["conversationId"], bound=bound, limit=limit, now=now)


_SIDES: Final[Mapping[str, _Side]] = {
    "load_conversations": _Side(
        "conversations",
        "id",
        conversations.MOMENT,
        _old_conversations,
        conversations.DECLARED,
        conversations.more_hints,
    ),
    "load_groups": _Side("groups", "group_id", groups.MOMENT, _old_groups, groups.DECLARED, groups.more_hints),
    "load_messages": _Side("messages", "id", messages.MOMENT, _old_messages, messages.DECLARED),
}
SHADOWED: Final = frozenset(_SIDES)
"""The actions that are compared; none of their old ways writes anything."""


class Shadow:
    """Takes what clients were told, and compares it when there is time."""

    def __init__(self, context: Context, share: float, ask_as: Callable[[str], OldWay]) -> None:
        self.share = share
        self.mismatches: deque[Mismatch] = deque(maxlen=MISMATCHES_KEPT)
        self._context = context
        self._ask_as = ask_as
        self._owed: defaultdict[str, float] = defaultdict(float)
        self._waiting: asyncio.Queue[Reading] = asyncio.Queue(WAITING)

    def take(self, reading: Reading) -> None:
        """Take a reading that is to be compared, if it is one of the share; never waits, never raises."""
        if reading.action in SHADOWED and self._is_its_turn(reading.action) and reading.token:
            self._queue(reading)

    def _is_its_turn(self, action: str) -> bool:
        """Choose by turns rather than by chance: the share is exact, for each action."""
        self._owed[action] += self.share
        if self._owed[action] < 1:
            return False
        self._owed[action] -= 1
        return True

    def _queue(self, reading: Reading) -> None:
        if self._context.health.current.status is not BridgeStatus.LIVE:
            self._count(reading, SKIPPED, "not_live")
            return
        try:
            self._waiting.put_nowait(reading)
        except asyncio.QueueFull:  # quiet: it is counted
            self._count(reading, SKIPPED, "busy")

    async def run(self) -> None:
        """Compare until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            reading = await self._waiting.get()
            try:
                await self._compare(reading)
            except OldWayFailed as error:
                # Some of the app's own functions never work (contract F41): then there is nothing to compare with.
                self._count(reading, ERROR, str(error))
                log.debug("shadow.old_way_failed", action=reading.action, code=str(error))
            except (OldWayUnreachable, TimeoutError) as error:
                self._count(reading, ERROR, "no_answer")
                log.warning("shadow.no_answer", action=reading.action, cause=type(error).__name__, detail=str(error))
            except Exception:
                self._count(reading, ERROR, "defect")
                log.exception("shadow.failed", action=reading.action)

    async def _compare(self, reading: Reading) -> None:
        side = _SIDES[reading.action]
        new = _answer(reading.result, side)
        async with asyncio.timeout(SECONDS):
            verdict = await self._judged(reading, side, new)
        if verdict.is_match:
            self._count(reading, MATCH, "declared" if verdict.declared else "equal")
        elif await self._has_moved(reading):
            self._count(reading, SKIPPED, "changed_meanwhile")
        else:
            self._keep(reading, verdict)

    async def _judged(self, reading: Reading, side: _Side, new: Answer) -> Verdict:
        way = self._ask_as(reading.token)
        old = await side.old(way, reading, new, self._context.clock.now())
        verdict = compare(old, new, side.declared)
        if verdict.is_match or side.more_hints is None:
            return verdict
        more = await side.more_hints(way, reading.identity, old)
        return compare(replace(old, hints={**old.hints, **more}), new, side.declared)

    async def _has_moved(self, reading: Reading) -> bool:
        """Tell whether anything that concerns this user was told since: then the two sides saw different moments."""
        await asyncio.sleep(SETTLE_SECONDS)  # what the old side has seen reaches this process a moment later
        told = self._context.history.after(reading.cursor)
        return told is None or any(
            reading.identity.is_among(entry.members) for entry in told if not isinstance(entry.event, MessagesRead)
        )

    def _keep(self, reading: Reading, verdict: Verdict) -> None:
        self._count(reading, MISMATCH, "different")
        found = verdict.differences
        mismatch = Mismatch(
            self._context.clock.now(), reading.action, reading.identity.user_id, found[:DIFFERENCES_KEPT], len(found)
        )
        self.mismatches.append(mismatch)
        log.warning("shadow.mismatch", action=reading.action, user_id=mismatch.user_id, differences=mismatch.number)

    def _count(self, reading: Reading, outcome: str, reason: str) -> None:
        self._context.measures.shadowed.add(reading.action, outcome, reason)


def _answer(result: object, side: _Side) -> Answer:
    rows = msgspec.to_builtins(result)[side.rows]
    return Answer(rows={row[side.key]: flat(row) for row in rows}, moment=side.moment)
