"""Checks of what ought to be over by itself: typing and presence (contract F35, F36)."""

from __future__ import annotations

from typing import Final

from migration.checks.definition import Check
from migration.findings import Severity

CHECKS: Final = (
    Check(
        name="typing_stale",
        meaning="typing rows that have said true for more than 5 minutes",
        severity=Severity.NOTICE,
        consequence="A client that reads them at the start shows somebody as typing for ever.",
        fix="update public.typing_indicators set is_typing = false where id = '<id>';",
        table="typing_indicators",
        needs=("typing_indicators.is_typing", "typing_indicators.updated_at"),
        sql="select t.id from {rows} t"
        " where {page} and t.is_typing and t.updated_at < %(as_of)s - interval '5 minutes'",
        rest="is_typing=is.true&updated_at=lt.{typing}",
    ),
    Check(
        name="presence_stale",
        meaning="presence rows that are not offline and have not been touched for 15 minutes",
        severity=Severity.NOTICE,
        consequence="Legacy readers see people online who are not; the bridge believes a row for 5 minutes only.",
        fix="update public.user_presence set status = 'offline' where user_id = '<user_id>';",
        table="user_presence",
        key="user_id",
        needs=("user_presence.status", "user_presence.last_seen", "user_presence.updated_at"),
        sql="select t.user_id from {rows} t where {page} and t.status <> 'offline'"
        " and greatest(t.last_seen, t.updated_at) < %(as_of)s - interval '15 minutes'",
        rest="status=neq.offline&last_seen=lt.{presence}&updated_at=lt.{presence}",
    ),
)
