"""What others change past the bridge: each table that clients hold something of."""

from __future__ import annotations

import uuid

from tests.e2e.convergence.declaring import EVERY_OLD_PAGE, IN_THE_ROOM, Table, all_hear
from tests.e2e.convergence.scene import Scene

MUTATIONS = Table()


# Messages.


@MUTATIONS.mutation("said", "messages", all_hear("message_received"))
async def a_message_is_inserted(scene: Scene) -> None:
    """As a reply."""
    await scene.say("peer", reply_to=scene.lines[0])


@MUTATIONS.mutation("said", "messages", all_hear("message_received"))
async def a_message_is_inserted_with_a_slow_clock(scene: Scene) -> None:
    """Between older ones."""
    await scene.say("leaver", ago="36 hours")


@MUTATIONS.mutation("strange", "messages", {}, untold={"conversations", "messages"}, kept=EVERY_OLD_PAGE)
async def a_stranger_inserts_a_message(scene: Scene) -> None:
    """Which no member is told of (contract F7); loads show it like those of members whose rows are gone."""
    await scene.say("newcomer")


@MUTATIONS.mutation("edited", "messages", all_hear("message_updated"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_edited(scene: Scene) -> None:
    """As its line in the list shows."""
    await scene.run("update messages set encrypted_content = 'better', edited_at = now() where id = %(line4)s")


@MUTATIONS.mutation("edited", "messages", all_hear("message_updated"), kept=EVERY_OLD_PAGE)
async def a_quoted_message_is_edited(scene: Scene) -> None:
    """And so is the quote."""
    await scene.run("update messages set encrypted_content = 'better', edited_at = now() where id = %(line0)s")


@MUTATIONS.mutation("deleted", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_deleted_softly(scene: Scene) -> None:
    """Which was unread to some."""
    await scene.run("update messages set deleted_at = now() where id = %(line4)s")


@MUTATIONS.mutation("read and deleted", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_read_and_deleted(scene: Scene) -> None:
    """Softly; those before it were not marked, and are read all the same."""
    payload = {"conversationId": scene.room, "messageIds": [scene.lines[4]]}
    await scene.viewers["leaver"].request("mark_as_read", payload)
    await scene.run("update messages set deleted_at = now() where id = %(line4)s")


@MUTATIONS.mutation("deleted", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def a_quoted_message_is_deleted_softly(scene: Scene) -> None:
    """And the quote is gone."""
    await scene.run("update messages set deleted_at = now() where id = %(line0)s")


@MUTATIONS.mutation("deleted for good", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_deleted_for_good(scene: Scene) -> None:
    """Of which the feed tells the key only."""
    await scene.run("delete from messages where id = %(line4)s")


@MUTATIONS.mutation("deleted for good", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def a_quoted_message_is_deleted_for_good(scene: Scene) -> None:
    """So that the reply is none any more."""
    await scene.run("delete from messages where id = %(line0)s")


@MUTATIONS.mutation("edited", "messages", all_hear("message_updated"))
async def a_deleted_message_is_back(scene: Scene) -> None:
    """Deleted, and then not."""
    peer, line = scene.viewers["peer"], scene.lines[3]
    await scene.run("update messages set deleted_at = now() where id = %(line3)s")
    await peer.until(lambda: line not in peer.replica.messages[scene.room], "deletion")
    await scene.run("update messages set deleted_at = null where id = %(line3)s")


# Members.


@MUTATIONS.mutation(
    "coming", "conversation_participants", {**all_hear("member_added"), "newcomer": "conversation_added"}
)
async def somebody_is_added(scene: Scene) -> None:
    """Who shared nothing with them before."""
    await _admit(scene, "newcomer")


@MUTATIONS.mutation(
    "coming back", "conversation_participants", {**all_hear("member_added"), "newcomer": "conversation_added"}
)
async def somebody_is_added_and_spoken_to(scene: Scene) -> None:
    """At once."""
    await _admit(scene, "newcomer")
    await scene.say("peer")


GONE = {**all_hear("member_removed", ("actor", "tab", "peer")), "leaver": "conversation_removed"}


@MUTATIONS.mutation("going for good", "conversation_participants", GONE, kept={"old leaver"})
async def somebodys_row_is_deleted(scene: Scene) -> None:
    """Of which the feed tells the key only."""
    await scene.run("delete from conversation_participants where conversation_id = %(room)s and user_id = %(leaver)s")


@MUTATIONS.mutation("going", "conversation_participants", GONE, kept={"old leaver"})
async def somebody_leaves_and_others_go_on(scene: Scene) -> None:
    """By left_at, and the talk is of it."""
    await _leave(scene, "leaver")
    await scene.viewers["leaver"].heard("conversation_removed", since=0)
    await scene.say("peer")
    await scene.actor.send_message(scene.room, "gone")


@MUTATIONS.mutation(
    "coming back",
    "conversation_participants",
    {**all_hear("member_added", ("actor", "tab", "peer")), "leaver": "conversation_added"},
)
async def somebody_leaves_and_returns(scene: Scene) -> None:
    """Having missed nothing but a moment."""
    await _leave(scene, "leaver")
    await scene.viewers["leaver"].heard("conversation_removed", since=0)
    await _admit(scene, "leaver")


@MUTATIONS.mutation("coming", "conversation_participants", all_hear("member_added"))
async def somebody_gets_another_role(scene: Scene) -> None:
    """Which no line shows."""
    await scene.run(
        "update conversation_participants set role = 'admin' where conversation_id = %(room)s and user_id = %(peer)s"
    )


@MUTATIONS.mutation(
    "coming", "conversation_participants", {"peer": "conversation_removed", "actor": "conversation_changed"}
)
async def a_direct_conversation_is_left(scene: Scene) -> None:
    """And has no other person to be called after."""
    await scene.run(
        "update conversation_participants set left_at = now() where conversation_id = %(direct)s and user_id = %(peer)s"
    )


# Conversations.


@MUTATIONS.mutation("made", "conversations", {"newcomer": "conversation_added", "peer": "conversation_added"})
async def a_conversation_is_inserted(scene: Scene) -> None:
    """Its people one after the other."""
    await scene.converse("group", "peer", "newcomer")


@MUTATIONS.mutation("read and deleted", "conversations", all_hear("conversation_changed"))
async def a_conversation_is_renamed(scene: Scene) -> None:
    """With a picture, and a timer."""
    await scene.run(
        "update conversations set name = 'Other', avatar_url = 'https://example.org/a.png', type = 'room', "
        "disappearing_messages_enabled = true, disappearing_messages_duration_days = 7 where id = %(room)s"
    )


@MUTATIONS.mutation("read and deleted", "conversations", all_hear("conversation_changed"))
async def a_conversation_moves_into_a_group(scene: Scene) -> None:
    """As a room of it."""
    await scene.run("update conversations set group_id = %(group)s, type = 'room' where id = %(room)s")


@MUTATIONS.mutation("gone", "conversations", all_hear("conversation_removed"), kept=EVERY_OLD_PAGE)
async def a_conversation_is_deleted(scene: Scene) -> None:
    """With its messages and members."""
    await scene.run("delete from conversations where id = %(room)s")


# What else there is.


@MUTATIONS.mutation("read otherwise", "message_status", all_hear("messages_read"))
async def a_receipt_is_inserted(scene: Scene) -> None:
    """For one of two new messages."""
    await scene.run("insert into message_status (message_id, user_id, status) values (%(line3)s, %(leaver)s, 'read')")


@MUTATIONS.mutation("made", "message_status", all_hear("messages_read"))
async def a_receipt_becomes_one(scene: Scene) -> None:
    """Having said that the message was delivered."""
    await scene.run("insert into message_status (message_id, user_id, status) values (%(line4)s, %(leaver)s, 'sent')")
    await scene.run("update message_status set status = 'read' where message_id = %(line4)s and user_id = %(leaver)s")


@MUTATIONS.mutation("said", "typing_indicators", all_hear("typing_update"))
async def somebody_types_elsewhere(scene: Scene) -> None:
    """And is never said to have stopped."""
    await scene.run(
        "insert into typing_indicators (conversation_id, user_id, is_typing) values (%(room)s, %(absent)s, true)"
    )


@MUTATIONS.mutation("said", "user_presence", all_hear("presence_changed"))
async def somebody_comes_online_elsewhere(scene: Scene) -> None:
    """By the row that a legacy client with the rights for it writes."""
    await scene.run("insert into user_presence (user_id, status, last_seen) values (%(absent)s, 'online', now())")


@MUTATIONS.mutation("called otherwise", "users", {}, untold={"conversations", "messages"}, kept=EVERY_OLD_PAGE)
async def somebody_has_another_name(scene: Scene) -> None:
    """For that table is not listened to."""
    await scene.run(
        "update users set display_name = 'Other', username = %(new)s where id = %(peer)s", new=f"{uuid.uuid4()}"
    )


@MUTATIONS.mutation("called otherwise", "groups", {}, untold={"conversations", "groups"})
async def a_group_is_renamed(scene: Scene) -> None:
    """For that table is not listened to."""
    await scene.run("update groups set name = 'Other' where id = %(group)s")


@MUTATIONS.mutation("gone", "groups", all_hear("conversation_removed", ("actor", "tab", "peer")), untold={"groups"})
async def a_group_is_deleted(scene: Scene) -> None:
    """With its rooms."""
    await scene.run("delete from groups where id = %(group)s")


@MUTATIONS.mutation(
    "an account less",
    "users",
    all_hear("message_deleted"),
    untold={"conversations", "members", "presence"},
    kept=EVERY_OLD_PAGE,
)
async def an_account_is_deleted(scene: Scene) -> None:
    """With its messages, of which is told, and its memberships, of which it is not."""
    last = await scene.say("absent")
    await scene.told(last, *IN_THE_ROOM)
    await scene.run("delete from users where id = %(absent)s")


async def _admit(scene: Scene, part: str) -> None:
    await scene.run(
        "insert into conversation_participants (conversation_id, user_id) values (%(room)s, %(who)s) "
        "on conflict (conversation_id, user_id) do update set left_at = null",
        who=scene.ids[part],
    )


async def _leave(scene: Scene, part: str) -> None:
    await scene.run(
        "update conversation_participants set left_at = now() where conversation_id = %(room)s and user_id = %(who)s",
        who=scene.ids[part],
    )
