"""Checks of messages: who wrote them where and when, and who has read them (contract F7, F10, F25, F46, F48)."""

from __future__ import annotations

from typing import Final

from migration.checks.definition import CLOCK_TOLERANCE, Check, members_row, persons_row
from migration.findings import Severity

_STILL_IN: Final = f" and (p.left_at is null or p.left_at >= t.created_at - {CLOCK_TOLERANCE})"

CHECKS: Final = (
    Check(
        name="messages_by_non_members",
        meaning="messages whose sender never was in the conversation, or had left it more than 5 minutes before",
        severity=Severity.WARNING,
        consequence="Strangers wrote them past the app (row-level security lets them); members read them all the same.",
        fix="update public.messages set deleted_at = now() where id = '<id>'; -- those that are no mistake of the"
        " app's",
        table="messages",
        needs=("messages.sender_id", "conversation_participants.left_at", "users.auth_user_id"),
        sql=f"""
            with unseated as materialized (
              select t.id, t.conversation_id, t.sender_id, t.created_at from {{rows}} t where {{page}}
              and not {members_row("t.conversation_id", "t.sender_id", _STILL_IN)})
            select t.id from unseated t where not {persons_row("t.conversation_id", "t.sender_id", _STILL_IN)}""",
    ),
    Check(
        name="replies_across_conversations",
        meaning="messages that reply to one of another conversation",
        severity=Severity.WARNING,
        consequence="Legacy clients load the quoted text by its id, whoever may read it; the bridge leaves the"
        " quote out.",
        fix="update public.messages set reply_to_id = null where id = '<id>';",
        table="messages",
        needs=("messages.reply_to_id",),
        sql="""
            select t.id from {rows} t join messages o on o.id = t.reply_to_id
            where {page} and o.conversation_id <> t.conversation_id""",
    ),
    Check(
        name="messages_in_the_future",
        meaning="messages dated more than 5 minutes ahead",
        severity=Severity.WARNING,
        consequence="They stay below everything that is written until then, and the bridge dates later messages"
        " after them.",
        fix="update public.messages set created_at = now() where id = '<id>';",
        table="messages",
        needs=("messages.created_at",),
        sql=f"select t.id from {{rows}} t where {{page}} and t.created_at > %(as_of)s + {CLOCK_TOLERANCE}",
        rest="created_at=gt.{soon}",
    ),
    Check(
        name="messages_tied",
        meaning="messages with the very time of another one of their conversation that has a smaller id",
        severity=Severity.NOTICE,
        consequence="Clients that page by time alone skip or repeat them; the bridge goes by time and id.",
        fix="Nothing to mend.",
        table="messages",
        key="created_at",
        needs=("messages.created_at",),
        # In the order of time equal ones are neighbours, and never on two pages.
        sql="""
            select t.id from (
              select t.id, row_number() over (partition by t.created_at, t.conversation_id order by t.id) as place
              from {rows} t where {page}) t
            where t.place > 1""",
    ),
    Check(
        name="messages_expired",
        meaning="messages that have expired and are still there",
        severity=Severity.NOTICE,
        consequence="The bridge hides them; legacy clients show them, and everybody with the anon key can read them.",
        fix="select public.cleanup_expired_messages(); -- deletes them for good; nothing in the app ever calls it",
        table="messages",
        needs=("messages.expires_at", "messages.deleted_at"),
        sql="select t.id from {rows} t where {page} and t.expires_at <= %(as_of)s and t.deleted_at is null",
        rest="expires_at=lte.{as_of}&deleted_at=is.null",
    ),
    Check(
        name="receipts_by_non_members",
        meaning="receipts of people who never were in the message's conversation",
        severity=Severity.NOTICE,
        consequence="They count for nobody.",
        fix="delete from public.message_status where id = '<id>';",
        table="message_status",
        needs=("message_status.user_id", "users.auth_user_id"),
        sql=f"""
            with unseated as materialized (
              select t.id, m.conversation_id, t.user_id from {{rows}} t join messages m on m.id = t.message_id
              where {{page}} and not {members_row("m.conversation_id", "t.user_id")})
            select t.id from unseated t where not {persons_row("t.conversation_id", "t.user_id")}""",
    ),
    Check(
        name="copies_missing",
        meaning="sealed messages without a copy for somebody who was in the conversation and still is",
        severity=Severity.WARNING,
        consequence="That person sees an empty message, for only the sender's client could seal another copy.",
        fix="None: the server cannot seal. The sender has to send it again.",
        table="messages",
        needs=("message_recipients.recipient_user_id", "conversation_participants.joined_at", "users.auth_user_id"),
        sql="""
            select t.id from {rows} t where {page}
            and exists (select from message_recipients r where r.message_id = t.id)
            and exists (
              select from conversation_participants p
              where p.conversation_id = t.conversation_id and p.left_at is null and p.joined_at <= t.created_at
              and not exists (select from message_recipients r
                where r.message_id = t.id and r.recipient_user_id = p.user_id)
              and not exists (select from users u join message_recipients r
                on r.message_id = t.id and r.recipient_user_id in (u.id, u.auth_user_id)
                where p.user_id in (u.id, u.auth_user_id)))""",
    ),
)
