"""Checks of groups and their rooms (contract data-model section 4, join_group_by_invite)."""

from __future__ import annotations

from typing import Final

from migration.checks.definition import Check
from migration.findings import Severity

CHECKS: Final = (
    Check(
        name="groups_without_room",
        meaning="groups without any room",
        severity=Severity.WARNING,
        consequence="Their members have nowhere to talk; making a group half failed (contract F49).",
        fix="insert into public.conversations (type, name, group_id, created_by) values ('room', 'general', '<id>',"
        " '<created_by>');",
        table="groups",
        whole=True,
        needs=("conversations.group_id", "conversations.type"),
        sql="""
            select t.id from {rows} t where {page}
            and not exists (select from conversations c where c.group_id = t.id and c.type = 'room') order by t.id""",
        rest="select=id,conversations()&conversations.type=eq.room&conversations=is.null",
    ),
    Check(
        name="members_without_seat",
        meaning="active members of a group who never had a participant row in one of its rooms that are not private",
        severity=Severity.WARNING,
        consequence="They do not see the room, though whoever joins now gets a row in it.",
        fix="insert into public.conversation_participants (conversation_id, user_id, role) values ('<room>',"
        " '<user_id>', 'member');",
        table="group_members",
        whole=True,
        needs=("group_members.left_at", "conversations.group_id", "conversations.is_private", "users.auth_user_id"),
        sql="""
            select t.id from {rows} t join users u on u.id = t.user_id
            where {page} and t.left_at is null and exists (
              select from conversations c where c.group_id = t.group_id and c.type = 'room' and not c.is_private
              and not exists (select from conversation_participants p
                where p.conversation_id = c.id and p.user_id in (u.id, u.auth_user_id)))
            order by t.id""",
    ),
)
