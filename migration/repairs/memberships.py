"""Repairs of conversations in which somebody is missing who certainly belongs there (contract F2)."""

from __future__ import annotations

from typing import Final

from migration.checks.definition import members_row, person, persons_row
from migration.repairs.definition import UNPAIRED, Repair

_PEOPLE: Final = (
    f"select distinct {person('p.user_id')} from conversation_participants p where p.conversation_id = t.id"
)


def _seat(conversation: str, person: str, role: str) -> str:
    """Return the columns of a change that makes a participant row."""
    row = f"jsonb_build_object('conversation_id', {conversation}, 'user_id', {person}, 'role', {role})"
    return f"'conversation_participants', null::jsonb, null::jsonb, {row}"


_ADMIN_IF_MAKER: Final = "case when created_by is null then 'admin' else 'member' end"

REPAIRS: Final = (
    Repair(
        check="creators_missing",
        what="gives creators their participant row, as admin",
        why_safe="created_by is a foreign key to users and says who made it; the app's own trigger of step 9 does"
        " the same."
        " Left alone: direct conversations that have two people or none without the creator, and those of two"
        " people who"
        " have another one.",
        sql=f"""
            select t.id::text, {_seat("t.id", "t.created_by", "'admin'")}
            from conversations t join users u on u.id = t.created_by
            where {{page}} and not {members_row("t.id", "t.created_by")} and not {persons_row("t.id", "t.created_by")}
            and (t.type <> 'direct' or (
              (select count(*) from ({_PEOPLE}) there) = 1
              and {UNPAIRED.format(conversation="t.id", one="t.created_by", other=f"({_PEOPLE} limit 1)")}))""",
    ),
    Repair(
        check="directs_with_one_member",
        what="gives the missing person a participant row, and makes them the creator where there is none",
        why_safe="Only where exactly one other person has written, and nobody but these two: what that person gets"
        " to read was"
        " written to them. Left alone: no or several other senders, a created_by who is somebody else, and two"
        " people who"
        " have another direct conversation.",
        sql=f"""
            with half as materialized (
              select t.id, t.created_by, t.updated_at, min({person("p.user_id")}::text)::uuid as there
              from conversations t join conversation_participants p on p.conversation_id = t.id
              where {{page}} and t.type = 'direct'
              group by t.id having count(distinct {person("p.user_id")}) = 1
            ), senders as materialized (
              select distinct half.id, {person("m.sender_id")} as sender
              from half join messages m on m.conversation_id = half.id
            ), certain as materialized (
              select half.id, half.created_by, half.updated_at, half.there, min(s.sender::text)::uuid as missing
              from half join senders s on s.id = half.id and s.sender <> half.there
              group by half.id, half.created_by, half.updated_at, half.there having count(*) = 1
            ), sure as materialized (
              select c.* from certain c
              join users a on a.id = c.there join users b on b.id = c.missing
              where (c.created_by is null or c.created_by = c.there)
              and {UNPAIRED.format(conversation="c.id", one="c.there", other="c.missing")}
            )
            select id::text, {_seat("id", "missing", _ADMIN_IF_MAKER)}
            from sure
            union all
            select id::text, 'conversations', jsonb_build_object('id', id),
              jsonb_build_object('created_by', null, 'updated_at', updated_at),
              jsonb_build_object('created_by', missing)
            from sure where created_by is null""",
    ),
    Repair(
        check="members_without_seat",
        what="gives members of a group a participant row in each of its rooms that is not private",
        why_safe="Whoever joins gets these rows, from the app and from the bridge. Left alone: private rooms, and"
        " rooms that"
        " somebody has left.",
        sql=f"""
            select t.id::text, {_seat("c.id", "u.id", "'member'")}
            from group_members t join users u on u.id = t.user_id
            join conversations c on c.group_id = t.group_id and c.type = 'room' and not c.is_private
            where {{page}} and t.left_at is null and not exists (
              select from conversation_participants p
              where p.conversation_id = c.id and p.user_id in (u.id, u.auth_user_id))""",
    ),
)
