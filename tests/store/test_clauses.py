"""Filters over created_at and id are written as PostgREST reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.models import MessageId, Position
from bridge.store.clauses import after_clause, before_clause, changed_clause, unexpired_clause

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
PLACE = Position(AT, MessageId("11111111-1111-4111-8111-111111111111"))


def test_older_means_an_earlier_time_or_the_same_time_and_a_smaller_id() -> None:
    """Rows with equal times are told apart by id, or a page would skip them (contract F25)."""
    assert before_clause(PLACE) == (
        'created_at.lt."2026-01-02T03:04:05.678901+00:00",'
        'and(created_at.eq."2026-01-02T03:04:05.678901+00:00",id.lt.11111111-1111-4111-8111-111111111111)'
    )


def test_younger_means_a_later_time_or_the_same_time_and_a_larger_id() -> None:
    """The mirror image, for catch-up."""
    assert after_clause(PLACE) == (
        'created_at.gt."2026-01-02T03:04:05.678901+00:00",'
        'and(created_at.eq."2026-01-02T03:04:05.678901+00:00",id.gt.11111111-1111-4111-8111-111111111111)'
    )


def test_unexpired_means_without_expiry_or_with_a_later_one() -> None:
    """A message that never expires has no expires_at."""
    assert unexpired_clause(AT) == 'expires_at.is.null,expires_at.gt."2026-01-02T03:04:05.678901+00:00"'


def test_changed_is_edited_or_deleted() -> None:
    """At that moment or later."""
    assert changed_clause(AT) == (
        'edited_at.gte."2026-01-02T03:04:05.678901+00:00",deleted_at.gte."2026-01-02T03:04:05.678901+00:00"'
    )
