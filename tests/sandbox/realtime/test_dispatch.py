"""Delivery without a database: the rate limit, and filters that cannot decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from scripts.sandbox.realtime.catalogue import Column, Rights, Table
from scripts.sandbox.realtime.changes import Change, Transaction
from scripts.sandbox.realtime.dispatch import Dispatcher, RateLimit
from scripts.sandbox.realtime.faults import Faults, Trace
from scripts.sandbox.realtime.filters import parse
from scripts.sandbox.realtime.pgoutput import Action, Relation
from scripts.sandbox.realtime.subscriptions import Registry, Subscription
from scripts.sandbox.realtime.tokens import Bearer
from scripts.sandbox.realtime.values import Kind, Shape
from scripts.sandbox.realtime.visibility import Question

RELATION = Relation(1, "public", "numbers", "d", ())
TABLE = Table(
    oid=1,
    schema="public",
    name="numbers",
    key=frozenset({"id"}),
    row_security=False,
    columns=(Column(name="id", type_name="int4", type_sql="integer", shape=Shape(Kind.NUMBER)),),
)


class FakeCatalogue:
    """Knows one table, or none."""

    def __init__(self, table: Table | None) -> None:
        self._table = table

    async def table(self, relation: Relation) -> Table | None:
        """Return the table."""
        return self._table

    async def rights(self, relation: Relation, role: str) -> Rights:
        """Allow everything."""
        return Rights(bypasses_row_security=True, selectable=frozenset({"id"}))


class FakeVisibility:
    """Lets everything be seen."""

    async def answer(self, xids: object, questions: Sequence[Question]) -> frozenset[Question]:
        """Say yes."""
        return frozenset(questions)


class FakeReceiver:
    """Counts what it gets."""

    def __init__(self) -> None:
        self.received = 0

    def receive_change(self, encoded: bytes, ids: Sequence[int], trace: Trace | None) -> None:
        """Count."""
        self.received += 1


async def deliver(identity: str, *, table: Table | None, condition: str) -> int:
    """Deliver one insert to a subscriber with a filter; return how many events it got."""
    registry, receiver = Registry(), FakeReceiver()
    subscription = Subscription(
        binding_id=1,
        table_oid=1,
        event="*",
        conditions=parse(condition),
        select=None,
        bearer=Bearer(role="anon", claims={}, claims_json="{}", expires_at=None),
        receiver=receiver,
    )
    registry.replace(receiver, [subscription])
    dispatcher = Dispatcher(
        registry=registry,
        catalogue=FakeCatalogue(table),
        visibility=FakeVisibility(),
        faults=Faults(),
        clock=lambda: 0.0,
    )
    change = Change(
        action=Action.INSERT,
        relation=RELATION,
        new={"id": identity},
        old=None,
        transaction=Transaction(7, datetime(2026, 11, 22, tzinfo=UTC)),
        received_at=0.0,
    )
    await dispatcher.deliver([change])
    return receiver.received


async def test_a_fitting_row_is_delivered() -> None:
    """Once."""
    assert await deliver("5", table=TABLE, condition="id=gt.4") == 1
    assert await deliver("5", table=TABLE, condition="id=gt.5") == 0


async def test_a_table_dropped_meanwhile_is_passed_over() -> None:
    """There is nobody left to ask about it."""
    assert await deliver("5", table=None, condition="id=gt.4") == 0


async def test_a_value_that_cannot_be_compared_does_not_fit(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the stream goes on."""
    assert await deliver("five", table=TABLE, condition="id=gt.4") == 0
    assert "cannot be compared" in caplog.text


def test_the_rate_is_averaged_over_a_minute() -> None:
    """A burst is fine; over the average everything is dropped until the window moves on."""
    rate = RateLimit()
    assert all(rate.allows(1, 0.0) for _ in range(60))
    assert not rate.allows(1, 59.9)
    assert rate.allows(1, 60.0)
    assert rate.allows(None, 60.0)
