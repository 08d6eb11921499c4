"""Checks of who is in which conversation (contract data-model section 6, legacy-rest 3.2, F2, F3, F49)."""

from __future__ import annotations

from typing import Final

from migration.checks.definition import Check, members_row, person, persons_row
from migration.findings import Severity

_PEOPLE: Final = (
    f"(select count(distinct {person('p.user_id')}) from conversation_participants p where p.conversation_id = t.id"
)

CHECKS: Final = (
    Check(
        name="conversations_without_creator",
        meaning="conversations whose created_by is null",
        severity=Severity.NOTICE,
        consequence="The app's created_by repair (step 4) stops at commit with 23503; any signed-in user may edit"
        " them.",
        fix="None in general; `fix` completes direct ones whose missing person is certain.",
        table="conversations",
        needs=("conversations.created_by",),
        sql="select t.id from {rows} t where {page} and t.created_by is null",
        rest="created_by=is.null",
    ),
    Check(
        name="creators_missing",
        meaning="conversations in which their own creator never had a participant row",
        severity=Severity.ERROR,
        consequence="Their creators do not see them, cannot read or write in them, and make another one instead.",
        fix="insert into public.conversation_participants (conversation_id, user_id, role) values ('<id>',"
        " '<created_by>', 'admin');",
        table="conversations",
        needs=("conversations.created_by", "users.auth_user_id"),
        sql=f"""
            with unseated as materialized (
              select t.id, t.created_by from {{rows}} t where {{page}}
              and exists (select from users u where u.id = t.created_by)
              and not {members_row("t.id", "t.created_by")})
            select t.id from unseated t where not {persons_row("t.id", "t.created_by")}""",
    ),
    Check(
        name="directs_with_one_member",
        meaning="direct conversations in which only one person ever had a participant row",
        severity=Severity.ERROR,
        consequence="One of the two does not see the conversation; the old REST endpoint makes a new one each time.",
        fix="Whose row is missing can only be inferred from the senders; `fix` does it where that is certain.",
        table="conversations",
        needs=("conversations.type", "users.auth_user_id"),
        sql=f"select t.id from {{rows}} t where {{page}} and t.type = 'direct' and {_PEOPLE}) = 1",
    ),
    Check(
        name="directs_with_three_members",
        meaning="direct conversations with more than two active members",
        severity=Severity.WARNING,
        consequence="They count as nobody's direct conversation, and are called after an arbitrary one of the others.",
        fix="update public.conversations set type = 'group', name = 'Group Chat' where id = '<id>'; -- if that is"
        " meant",
        table="conversations",
        needs=("conversations.type", "conversation_participants.left_at", "users.auth_user_id"),
        sql=f"select t.id from {{rows}} t where {{page}} and t.type = 'direct' and {_PEOPLE} and p.left_at is null)"
        " > 2",
    ),
    Check(
        name="directs_twice",
        meaning="direct conversations of two people who have an older one with each other",
        severity=Severity.WARNING,
        consequence="Their talk is spread over several conversations; the oldest is the one that is found.",
        fix="None is safe: merging would move messages between conversations. Both stay readable.",
        table="conversations",
        whole=True,
        needs=(
            "conversations.type",
            "conversations.created_at",
            "conversation_participants.left_at",
            "users.auth_user_id",
        ),
        sql=f"""
            with seats as (
              select c.id, c.created_at, {person("p.user_id")} as person
              from conversations c join conversation_participants p on p.conversation_id = c.id and p.left_at is null
              where c.type = 'direct'
            ), pairs as (
              select id, created_at, array_agg(distinct person order by person) as pair from seats
              group by id, created_at having count(distinct person) = 2
            ), placed as (
              select id, row_number() over (partition by pair order by created_at, id) as place from pairs
            )
            select t.id from placed t where t.place > 1 and {{page}} order by t.id""",
    ),
    Check(
        name="participants_twice",
        meaning="participant rows by auth id of somebody who has one by users.id in the same conversation",
        severity=Severity.WARNING,
        consequence="The person counts twice; leaving with one of the rows does not end the membership.",
        fix="delete from public.conversation_participants where id = '<id>'; -- after a look at role and left_at of"
        " both",
        table="conversation_participants",
        needs=("conversation_participants.user_id", "users.auth_user_id"),
        sql="""
            with unknown as materialized (
              select t.id, t.conversation_id, t.user_id from {rows} t where {page}
              and not exists (select from users u where u.id = t.user_id))
            select t.id from unknown t join users u on u.auth_user_id = t.user_id
            join conversation_participants o on o.conversation_id = t.conversation_id and o.user_id = u.id
            group by t.id""",
    ),
    Check(
        name="conversations_empty",
        meaning="conversations that never had a participant",
        severity=Severity.WARNING,
        consequence="Nobody sees them; what was written into them is lost to everybody.",
        fix="delete from public.conversations where id = '<id>'; -- takes their messages along: look first",
        table="conversations",
        sql="select t.id from {rows} t where {page}"
        " and not exists (select from conversation_participants p where p.conversation_id = t.id)",
        rest="select=id,conversation_participants()&conversation_participants=is.null",
    ),
)
