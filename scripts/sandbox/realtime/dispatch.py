"""From a batch of changes to frames: who asked, whose filter fits, who may see it, one encoding per variant."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scripts.sandbox.realtime.catalogue import Rights, Table
from scripts.sandbox.realtime.changes import Change, NamedRow
from scripts.sandbox.realtime.events import encode_event, encode_refusal, refusal
from scripts.sandbox.realtime.faults import Faults, Trace
from scripts.sandbox.realtime.filters import MalformedFilter, matches
from scripts.sandbox.realtime.pgoutput import Action, Relation
from scripts.sandbox.realtime.subscriptions import Receiver, Registry, Subscription
from scripts.sandbox.realtime.visibility import Question, question

_log = logging.getLogger(__name__)
RATE_WINDOW_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class _Asked:
    """One subscription that wants a change: the error it gets instead, or the question that decides."""

    subscription: Subscription
    rights: Rights
    error: str | None = None
    question: Question | None = None


@dataclass(slots=True, kw_only=True)
class _Pending:
    """A change with everybody who wants it."""

    change: Change
    table: Table
    asked: list[_Asked] = field(default_factory=list)


class Tables(Protocol):
    """What is known of tables and rights; the catalogue."""

    async def table(self, relation: Relation) -> Table | None:
        """Return the table; None if it is gone."""

    async def rights(self, relation: Relation, role: str) -> Rights:
        """Return what a role may see of it."""


class Judge(Protocol):
    """Who knows which rows can be seen; `Visibility`."""

    async def answer(self, xids: Iterable[int], questions: Sequence[Question]) -> frozenset[Question]:
        """Return the questions whose asker may see the row, once the transactions can be seen."""


class RateLimit:
    """Counts events over a minute and says when the average is above what is allowed; pure."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()

    def allows(self, per_second: int | None, now: float) -> bool:
        """Count one more event, unless it is over the limit."""
        if per_second is None:
            self._sent.clear()
            return True
        while self._sent and self._sent[0] <= now - RATE_WINDOW_SECONDS:
            self._sent.popleft()
        if len(self._sent) >= per_second * RATE_WINDOW_SECONDS:
            return False
        self._sent.append(now)
        return True


class Dispatcher:
    """Delivers changes in commit order."""

    def __init__(
        self,
        *,
        registry: Registry,
        catalogue: Tables,
        visibility: Judge,
        faults: Faults,
        clock: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._visibility = visibility
        self._faults = faults
        self._clock = clock
        self._rate = RateLimit()

    async def deliver(self, batch: Sequence[Change]) -> None:
        """Send every change of a batch to whom it concerns.

        Raises:
            psycopg.OperationalError: the database went away; the batch is lost.

        """
        pending = [found for change in batch if (found := await self._pending(change)) is not None]
        if not pending:
            return
        questions = [asked.question for each in pending for asked in each.asked if asked.question is not None]
        visible = await self._visibility.answer({each.change.transaction.xid for each in pending}, questions)
        for each in pending:
            self._send(each, visible)

    async def _pending(self, change: Change) -> _Pending | None:
        relation = change.relation
        if self._faults.settings.withholds(relation.schema, relation.table):
            self._faults.counts.changes_lost += 1
            return None
        interested = self._registry.of_table(relation.oid, change.action)
        if not interested:
            return None
        table = await self._catalogue.table(relation)
        if table is None:
            return None
        pending = _Pending(change=change, table=table)
        for subscription in interested:
            rights = await self._catalogue.rights(relation, subscription.bearer.role)
            asked = _ask(change, table, subscription, rights)
            if asked is not None:
                pending.asked.append(asked)
        return pending

    def _send(self, pending: _Pending, visible: frozenset[Question]) -> None:
        allowed = [each for each in pending.asked if each.question is None or each.question in visible]
        trace = self._trace(pending) if allowed and self._faults.settings.trace else None
        encoded: dict[tuple[object, ...], bytes] = {}
        for receiver, group in _by_receiver(allowed):
            first = group[0]
            variant = (first.error, first.rights.selectable, first.subscription.select)
            if variant not in encoded:
                encoded[variant] = _encode(pending, first)
            self._emit(receiver, encoded[variant], [each.subscription.binding_id for each in group], trace)

    def _emit(self, receiver: Receiver, encoded: bytes, ids: Sequence[int], trace: Trace | None) -> None:
        settings = self._faults.settings
        for _ in range(2 if settings.duplicate else 1):
            if not self._rate.allows(settings.rate_limit, self._clock()):
                self._faults.counts.changes_lost += 1
                return
            self._faults.counts.events_sent += 1
            receiver.receive_change(encoded, ids, trace)

    def _trace(self, pending: _Pending) -> Trace:
        change = pending.change
        row: NamedRow = change.known or change.old or {}
        trace = Trace(
            schema=pending.table.schema,
            table=pending.table.name,
            type=change.action.value,
            key={name: cell for name in pending.table.key if isinstance(cell := row.get(name), str)},
            committed_at=change.transaction.committed_at.timestamp(),
            received_at=change.received_at,
        )
        self._faults.traces.append(trace)
        return trace


def _ask(change: Change, table: Table, subscription: Subscription, rights: Rights) -> _Asked | None:
    error = refusal(change, table, rights)
    if error is not None:
        return _Asked(subscription=subscription, rights=rights, error=error)
    if not _fits(change, table, subscription):
        return None
    asked = _Asked(subscription=subscription, rights=rights)
    if table.row_security and change.action is not Action.DELETE and not rights.bypasses_row_security:
        bearer = subscription.bearer
        asked.question = question(change, table, bearer.role, bearer.claims_json)
    return asked


def _fits(change: Change, table: Table, subscription: Subscription) -> bool:
    """Test the filter on the new row, for a delete on what is left of the old one (supabase.md 2.4)."""
    if not subscription.conditions:
        return True
    row: NamedRow = (change.old or {}) if change.action is Action.DELETE else change.known
    try:
        return matches(subscription.conditions, row, table.shapes)
    except MalformedFilter as error:
        _log.warning("a value of %s.%s cannot be compared: %s", table.schema, table.name, error)
        return False


def _by_receiver(allowed: Iterable[_Asked]) -> Iterator[tuple[Receiver, list[_Asked]]]:
    """Group by channel and variant: several bindings of one channel share one event with all ids."""
    groups: dict[tuple[int, str | None, frozenset[str] | None], list[_Asked]] = {}
    for each in allowed:
        subscription = each.subscription
        groups.setdefault((id(subscription.receiver), each.error, subscription.select), []).append(each)
    for group in groups.values():
        yield group[0].subscription.receiver, group


def _encode(pending: _Pending, asked: _Asked) -> bytes:
    if asked.error is not None:
        return encode_refusal(pending.change, asked.error)
    return encode_event(pending.change, pending.table, asked.rights, asked.subscription.select)
