"""Repairs of states that nobody ended (contract F35, F36)."""

from __future__ import annotations

from typing import Final

from migration.repairs.definition import Repair

REPAIRS: Final = (
    Repair(
        check="typing_stale",
        what="sets is_typing to false",
        why_safe="Nobody types for 5 minutes without a write; whoever does, writes true again at the next keystroke.",
        sql="""
            select t.id::text, 'typing_indicators', jsonb_build_object('id', t.id),
              jsonb_build_object('is_typing', t.is_typing, 'updated_at', t.updated_at),
              jsonb_build_object('is_typing', false)
            from typing_indicators t
            where {page} and t.is_typing and t.updated_at < %(as_of)s - interval '5 minutes'""",
    ),
    Repair(
        check="presence_stale",
        what="sets status to offline; last_seen stays",
        why_safe="Every client and bridge that is alive touches its row more often; one that is there writes online"
        " again.",
        sql="""
            select t.user_id::text, 'user_presence', jsonb_build_object('user_id', t.user_id),
              jsonb_build_object('status', t.status, 'updated_at', t.updated_at),
              jsonb_build_object('status', 'offline')
            from user_presence t where {page} and t.status <> 'offline'
            and greatest(t.last_seen, t.updated_at) < %(as_of)s - interval '15 minutes'""",
    ),
)
