"""Everything that changes what clients hold: each action, and each write of others past the bridge."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass

from tests.e2e.convergence.scene import Scene

Perform = Callable[[Scene], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What happens, and what is told of it.

    act: those of one act happen in one scene, one after the other, and what is held is compared in the end.
    by: the action of the registry, or the table that others write.
    heard: the type of a push that has to come, by viewer; nothing at all is told if it is empty.
    untold: the parts of the state of which no push tells, as docs/protocol.md says: they differ until the next load.
    kept: old pages that go on showing what is not so any more, for no type that they know tells of it.
    """

    act: str
    by: str
    perform: Perform
    heard: Mapping[str, str]
    untold: Set[str]
    kept: Set[str]


MUTATIONS: list[Mutation] = []

SEALED = "sealed"
"""The act for which the database needs a place for copies."""

OTHERS = ("peer", "leaver")
IN_THE_ROOM = ("actor", "tab", *OTHERS)
EVERY_OLD_PAGE = frozenset({"old tab", "old peer", "old leaver"})


def all_hear(frame_type: str, viewers: tuple[str, ...] = IN_THE_ROOM) -> dict[str, str]:
    """Say that these viewers hear the same."""
    return dict.fromkeys(viewers, frame_type)


def mutation(
    act: str, by: str, heard: Mapping[str, str], *, untold: Set[str] = frozenset(), kept: Set[str] = frozenset()
) -> Callable[[Perform], Perform]:
    """Put a function into the table."""

    def declare(perform: Perform) -> Perform:
        MUTATIONS.append(Mutation(act=act, by=by, perform=perform, heard=heard, untold=untold, kept=kept))
        return perform

    return declare


# Actions.


@mutation("said", "send_message", all_hear("message_received"))
async def a_message_is_sent(scene: Scene) -> None:
    """By somebody who had not read all."""
    await scene.actor.send_message(scene.room, "hello")


@mutation("said", "send_message", all_hear("message_received"))
async def a_reply_is_sent_twice(scene: Scene) -> None:
    """With the same clientMessageId."""
    for _ in range(2):
        await scene.actor.send_message(scene.room, "yes", reply_to_id=scene.lines[0], client_message_id="once")


@mutation(SEALED, "send_message", all_hear("message_received"))
async def a_sealed_message_is_sent(scene: Scene) -> None:
    """With copies for some of the members."""
    copies = {scene.ids[part]: f"sealed for {part}" for part in ("actor", "peer")}
    payload = {"conversationId": scene.room, "encryptedContents": copies}
    await scene.actor.request("send_message", payload)


@mutation(SEALED, "messages", all_hear("message_received"))
async def a_sealed_message_is_inserted(scene: Scene) -> None:
    """As the app did: a row of junk, then the copies in base64."""
    message_id = f"{uuid.uuid4()}"
    await scene.run(
        "insert into messages (id, conversation_id, sender_id, encrypted_content) "
        "values (%(new)s, %(room)s, %(peer)s, %(junk)s)",
        new=message_id,
        junk=b'{"type":"Buffer","data":[0,1,2,3]}',
    )
    for part in ("peer", "leaver"):
        await scene.run(
            "insert into message_recipients (message_id, recipient_user_id, encrypted_content) "
            "values (%(new)s, %(person)s, %(copy)s)",
            new=message_id,
            person=scene.ids[part],
            copy=b64encode(f"sealed for {part}".encode()),
        )


@mutation("made", "create_conversation", {"newcomer": "conversation_added", "peer": "conversation_added"})
async def a_room_is_made(scene: Scene) -> None:
    """With somebody who shared nothing with them before."""
    people = [scene.ids["newcomer"], scene.ids["peer"]]
    await scene.actor.create_conversation("room", people, name="New", group_id=scene.group)


@mutation("made", "create_conversation", {"newcomer": "conversation_added", "tab": "conversation_added"})
async def a_direct_conversation_is_made(scene: Scene) -> None:
    """And a first message sent into it."""
    made = await scene.actor.create_conversation("direct", [scene.ids["newcomer"]])
    await scene.actor.send_message(made.id, "Are you the new one?")


@mutation("grouped", "create_group", {"actor": "conversation_added", "tab": "conversation_added"}, untold={"groups"})
async def a_group_is_made(scene: Scene) -> None:
    """With its first room."""
    await scene.actor.create_group("Chess")


@mutation("grouped", "join_group", {"newcomer": "conversation_added", "actor": "member_added", "peer": "member_added"})
async def a_group_is_joined(scene: Scene) -> None:
    """By its code."""
    await scene.viewers["newcomer"].join_group(scene.invite_code)


@mutation("read otherwise", "load_messages", all_hear("messages_read"))
async def messages_are_loaded(scene: Scene) -> None:
    """Which marks what was new."""
    await scene.actor.load_messages(scene.room)


@mutation("read", "mark_as_read", all_hear("messages_read"))
async def the_newest_message_is_marked(scene: Scene) -> None:
    """So nothing is unread."""
    await scene.actor.request("mark_as_read", {"conversationId": scene.room, "messageIds": [scene.lines[4]]})


@mutation("read", "mark_as_read", all_hear("messages_read"))
async def one_of_two_new_messages_is_marked(scene: Scene) -> None:
    """So one is unread."""
    payload = {"conversationId": scene.room, "messageIds": [scene.lines[3]]}
    await scene.viewers["leaver"].request("mark_as_read", payload)


@mutation("said", "typing_start", all_hear("typing_update", OTHERS))
async def somebody_types(scene: Scene) -> None:
    """And falls silent."""
    await scene.actor.request("typing_start", {"conversationId": scene.room})


@mutation("said", "typing_stop", all_hear("typing_update", OTHERS))
async def somebody_types_and_stops(scene: Scene) -> None:
    """By saying so."""
    await scene.actor.request("typing_start", {"conversationId": scene.room})
    await scene.actor.request("typing_stop", {"conversationId": scene.room})


@mutation("said", "set_presence", all_hear("presence_changed", OTHERS))
async def somebody_is_busy(scene: Scene) -> None:
    """And still connected."""
    await scene.actor.request("set_presence", {"status": "busy"})


@mutation("let in", "add_participants", {**all_hear("member_added"), "newcomer": "conversation_added"})
async def somebody_is_let_in(scene: Scene) -> None:
    """And a message says so."""
    payload = {"conversationId": scene.room, "userIds": [scene.ids["newcomer"]]}
    await scene.actor.request("add_participants", payload)


@mutation("let in", "add_participants", {"peer": "conversation_changed", "leaver": "conversation_added"})
async def a_direct_conversation_becomes_a_group(scene: Scene) -> None:
    """For a third person comes in."""
    payload = {"conversationId": scene.direct, "userIds": [scene.ids["leaver"]]}
    await scene.actor.request("add_participants", payload)


@mutation("let in", "set_conversation_timer", all_hear("conversation_changed"))
async def a_timer_is_set(scene: Scene) -> None:
    """For everybody."""
    payload = {"conversationId": scene.room, "enabled": True, "durationDays": 3}
    await scene.actor.request("set_conversation_timer", payload)


@mutation("called otherwise", "set_retention", {}, untold={"choices"})
async def a_retention_is_chosen(scene: Scene) -> None:
    """Which one's other clients see with the next load."""
    await scene.actor.request("set_retention", {"days": 3})


@mutation(SEALED, "set_own_timer", {}, untold={"choices"})
async def an_own_timer_is_set(scene: Scene) -> None:
    """Which one's other clients see with the next load."""
    await scene.actor.request("set_own_timer", {"conversationId": scene.room, "disappearSeconds": 60})


# Messages that others write.


@mutation("said", "messages", all_hear("message_received"))
async def a_message_is_inserted(scene: Scene) -> None:
    """As a reply."""
    await scene.say("peer", reply_to=scene.lines[0])


@mutation("said", "messages", all_hear("message_received"))
async def a_message_is_inserted_with_a_slow_clock(scene: Scene) -> None:
    """Between older ones."""
    await scene.say("leaver", ago="36 hours")


@mutation("strange", "messages", {}, untold={"conversations", "messages"}, kept=EVERY_OLD_PAGE)
async def a_stranger_inserts_a_message(scene: Scene) -> None:
    """Which no member is told of (contract F7); loads show it like those of members whose rows are gone."""
    await scene.say("newcomer")


@mutation("edited", "messages", all_hear("message_updated"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_edited(scene: Scene) -> None:
    """As its line in the list shows."""
    await scene.run("update messages set encrypted_content = 'better', edited_at = now() where id = %(line4)s")


@mutation("edited", "messages", all_hear("message_updated"), kept=EVERY_OLD_PAGE)
async def a_quoted_message_is_edited(scene: Scene) -> None:
    """And so is the quote."""
    await scene.run("update messages set encrypted_content = 'better', edited_at = now() where id = %(line0)s")


@mutation("deleted", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_deleted_softly(scene: Scene) -> None:
    """Which was unread to some."""
    await scene.run("update messages set deleted_at = now() where id = %(line4)s")


@mutation("read and deleted", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_read_and_deleted(scene: Scene) -> None:
    """Softly; those before it were not marked, and are read all the same."""
    payload = {"conversationId": scene.room, "messageIds": [scene.lines[4]]}
    await scene.viewers["leaver"].request("mark_as_read", payload)
    await scene.run("update messages set deleted_at = now() where id = %(line4)s")


@mutation("deleted", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def a_quoted_message_is_deleted_softly(scene: Scene) -> None:
    """And the quote is gone."""
    await scene.run("update messages set deleted_at = now() where id = %(line0)s")


@mutation("deleted for good", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def the_newest_message_is_deleted_for_good(scene: Scene) -> None:
    """Of which the feed tells the key only."""
    await scene.run("delete from messages where id = %(line4)s")


@mutation("deleted for good", "messages", all_hear("message_deleted"), kept=EVERY_OLD_PAGE)
async def a_quoted_message_is_deleted_for_good(scene: Scene) -> None:
    """So that the reply is none any more."""
    await scene.run("delete from messages where id = %(line0)s")


@mutation("edited", "messages", all_hear("message_updated"))
async def a_deleted_message_is_back(scene: Scene) -> None:
    """Deleted, and then not."""
    peer, line = scene.viewers["peer"], scene.lines[3]
    await scene.run("update messages set deleted_at = now() where id = %(line3)s")
    await peer.until(lambda: line not in peer.replica.messages[scene.room], "deletion")
    await scene.run("update messages set deleted_at = null where id = %(line3)s")


# Members that others write.


@mutation("coming", "conversation_participants", {**all_hear("member_added"), "newcomer": "conversation_added"})
async def somebody_is_added(scene: Scene) -> None:
    """Who shared nothing with them before."""
    await _admit(scene, "newcomer")


@mutation("coming back", "conversation_participants", {**all_hear("member_added"), "newcomer": "conversation_added"})
async def somebody_is_added_and_spoken_to(scene: Scene) -> None:
    """At once."""
    await _admit(scene, "newcomer")
    await scene.say("peer")


GONE = {**all_hear("member_removed", ("actor", "tab", "peer")), "leaver": "conversation_removed"}


@mutation("going for good", "conversation_participants", GONE, kept={"old leaver"})
async def somebodys_row_is_deleted(scene: Scene) -> None:
    """Of which the feed tells the key only."""
    await scene.run("delete from conversation_participants where conversation_id = %(room)s and user_id = %(leaver)s")


@mutation("going", "conversation_participants", GONE, kept={"old leaver"})
async def somebody_leaves_and_others_go_on(scene: Scene) -> None:
    """By left_at, and the talk is of it."""
    await _leave(scene, "leaver")
    await scene.viewers["leaver"].heard("conversation_removed", since=0)
    await scene.say("peer")
    await scene.actor.send_message(scene.room, "gone")


@mutation(
    "coming back",
    "conversation_participants",
    {**all_hear("member_added", ("actor", "tab", "peer")), "leaver": "conversation_added"},
)
async def somebody_leaves_and_returns(scene: Scene) -> None:
    """Having missed nothing but a moment."""
    await _leave(scene, "leaver")
    await scene.viewers["leaver"].heard("conversation_removed", since=0)
    await _admit(scene, "leaver")


@mutation("coming", "conversation_participants", all_hear("member_added"))
async def somebody_gets_another_role(scene: Scene) -> None:
    """Which no line shows."""
    await scene.run(
        "update conversation_participants set role = 'admin' where conversation_id = %(room)s and user_id = %(peer)s"
    )


@mutation("coming", "conversation_participants", {"peer": "conversation_removed", "actor": "conversation_changed"})
async def a_direct_conversation_is_left(scene: Scene) -> None:
    """And has no other person to be called after."""
    await scene.run(
        "update conversation_participants set left_at = now() where conversation_id = %(direct)s and user_id = %(peer)s"
    )


# Conversations that others write.


@mutation("made", "conversations", {"newcomer": "conversation_added", "peer": "conversation_added"})
async def a_conversation_is_inserted(scene: Scene) -> None:
    """Its people one after the other."""
    await scene.converse("group", "peer", "newcomer")


@mutation("read and deleted", "conversations", all_hear("conversation_changed"))
async def a_conversation_is_renamed(scene: Scene) -> None:
    """With a picture, and a timer."""
    await scene.run(
        "update conversations set name = 'Other', avatar_url = 'https://example.org/a.png', type = 'room', "
        "disappearing_messages_enabled = true, disappearing_messages_duration_days = 7 where id = %(room)s"
    )


@mutation("read and deleted", "conversations", all_hear("conversation_changed"))
async def a_conversation_moves_into_a_group(scene: Scene) -> None:
    """As a room of it."""
    await scene.run("update conversations set group_id = %(group)s, type = 'room' where id = %(room)s")


@mutation("gone", "conversations", all_hear("conversation_removed"), kept=EVERY_OLD_PAGE)
async def a_conversation_is_deleted(scene: Scene) -> None:
    """With its messages and members."""
    await scene.run("delete from conversations where id = %(room)s")


# What else others write.


@mutation("read otherwise", "message_status", all_hear("messages_read"))
async def a_receipt_is_inserted(scene: Scene) -> None:
    """For one of two new messages."""
    await scene.run("insert into message_status (message_id, user_id, status) values (%(line3)s, %(leaver)s, 'read')")


@mutation("made", "message_status", all_hear("messages_read"))
async def a_receipt_becomes_one(scene: Scene) -> None:
    """Having said that the message was delivered."""
    await scene.run("insert into message_status (message_id, user_id, status) values (%(line4)s, %(leaver)s, 'sent')")
    await scene.run("update message_status set status = 'read' where message_id = %(line4)s and user_id = %(leaver)s")


@mutation("said", "typing_indicators", all_hear("typing_update"))
async def somebody_types_elsewhere(scene: Scene) -> None:
    """And is never said to have stopped."""
    await scene.run(
        "insert into typing_indicators (conversation_id, user_id, is_typing) values (%(room)s, %(absent)s, true)"
    )


@mutation("said", "user_presence", all_hear("presence_changed"))
async def somebody_comes_online_elsewhere(scene: Scene) -> None:
    """By the row that a legacy client with the rights for it writes."""
    await scene.run("insert into user_presence (user_id, status, last_seen) values (%(absent)s, 'online', now())")


@mutation("called otherwise", "users", {}, untold={"conversations", "messages"}, kept=EVERY_OLD_PAGE)
async def somebody_has_another_name(scene: Scene) -> None:
    """For that table is not listened to."""
    await scene.run(
        "update users set display_name = 'Other', username = %(new)s where id = %(peer)s", new=f"{uuid.uuid4()}"
    )


@mutation("called otherwise", "groups", {}, untold={"conversations", "groups"})
async def a_group_is_renamed(scene: Scene) -> None:
    """For that table is not listened to."""
    await scene.run("update groups set name = 'Other' where id = %(group)s")


@mutation("gone", "groups", all_hear("conversation_removed", ("actor", "tab", "peer")), untold={"groups"})
async def a_group_is_deleted(scene: Scene) -> None:
    """With its rooms."""
    await scene.run("delete from groups where id = %(group)s")


@mutation(
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
