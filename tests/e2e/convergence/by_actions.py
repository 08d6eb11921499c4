"""What actions change, each at least once."""

from __future__ import annotations

import uuid
from base64 import b64encode

from tests.e2e.convergence.declaring import OTHERS, SEALED, Table, all_hear
from tests.e2e.convergence.scene import Scene

MUTATIONS = Table()


@MUTATIONS.mutation("said", "send_message", all_hear("message_received"))
async def a_message_is_sent(scene: Scene) -> None:
    """By somebody who had not read all."""
    await scene.actor.send_message(scene.room, "hello")


@MUTATIONS.mutation("said", "send_message", all_hear("message_received"))
async def a_reply_is_sent_twice(scene: Scene) -> None:
    """With the same clientMessageId."""
    for _ in range(2):
        await scene.actor.send_message(scene.room, "yes", reply_to_id=scene.lines[0], client_message_id="once")


@MUTATIONS.mutation(SEALED, "send_message", all_hear("message_received"))
async def a_sealed_message_is_sent(scene: Scene) -> None:
    """With copies for some of the members."""
    copies = {scene.ids[part]: f"sealed for {part}" for part in ("actor", "peer")}
    payload = {"conversationId": scene.room, "encryptedContents": copies}
    await scene.actor.request("send_message", payload)


@MUTATIONS.mutation(SEALED, "messages", all_hear("message_received"))
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


@MUTATIONS.mutation("made", "create_conversation", {"newcomer": "conversation_added", "peer": "conversation_added"})
async def a_room_is_made(scene: Scene) -> None:
    """With somebody who shared nothing with them before."""
    people = [scene.ids["newcomer"], scene.ids["peer"]]
    await scene.actor.create_conversation("room", people, name="New", group_id=scene.group)


@MUTATIONS.mutation("made", "create_conversation", {"newcomer": "conversation_added", "tab": "conversation_added"})
async def a_direct_conversation_is_made(scene: Scene) -> None:
    """And a first message sent into it."""
    made = await scene.actor.create_conversation("direct", [scene.ids["newcomer"]])
    await scene.actor.send_message(made.id, "Are you the new one?")


@MUTATIONS.mutation(
    "grouped", "create_group", {"actor": "conversation_added", "tab": "conversation_added"}, untold={"groups"}
)
async def a_group_is_made(scene: Scene) -> None:
    """With its first room."""
    await scene.actor.create_group("Chess")


@MUTATIONS.mutation(
    "grouped", "join_group", {"newcomer": "conversation_added", "actor": "member_added", "peer": "member_added"}
)
async def a_group_is_joined(scene: Scene) -> None:
    """By its code."""
    await scene.viewers["newcomer"].join_group(scene.invite_code)


@MUTATIONS.mutation("read otherwise", "load_messages", all_hear("messages_read"))
async def messages_are_loaded(scene: Scene) -> None:
    """Which marks what was new."""
    await scene.actor.load_messages(scene.room)


@MUTATIONS.mutation("read", "mark_as_read", all_hear("messages_read"))
async def the_newest_message_is_marked(scene: Scene) -> None:
    """So nothing is unread."""
    await scene.actor.request("mark_as_read", {"conversationId": scene.room, "messageIds": [scene.lines[4]]})


@MUTATIONS.mutation("read", "mark_as_read", all_hear("messages_read"))
async def one_of_two_new_messages_is_marked(scene: Scene) -> None:
    """So one is unread."""
    payload = {"conversationId": scene.room, "messageIds": [scene.lines[3]]}
    await scene.viewers["leaver"].request("mark_as_read", payload)


@MUTATIONS.mutation("said", "typing_start", all_hear("typing_update", OTHERS))
async def somebody_types(scene: Scene) -> None:
    """And falls silent."""
    await scene.actor.request("typing_start", {"conversationId": scene.room})


@MUTATIONS.mutation("said", "typing_stop", all_hear("typing_update", OTHERS))
async def somebody_types_and_stops(scene: Scene) -> None:
    """By saying so."""
    await scene.actor.request("typing_start", {"conversationId": scene.room})
    await scene.actor.request("typing_stop", {"conversationId": scene.room})


@MUTATIONS.mutation("said", "set_presence", all_hear("presence_changed", OTHERS))
async def somebody_is_busy(scene: Scene) -> None:
    """And still connected."""
    await scene.actor.request("set_presence", {"status": "busy"})


@MUTATIONS.mutation("let in", "add_participants", {**all_hear("member_added"), "newcomer": "conversation_added"})
async def somebody_is_let_in(scene: Scene) -> None:
    """And a message says so."""
    payload = {"conversationId": scene.room, "userIds": [scene.ids["newcomer"]]}
    await scene.actor.request("add_participants", payload)


@MUTATIONS.mutation("let in", "add_participants", {"peer": "conversation_changed", "leaver": "conversation_added"})
async def a_direct_conversation_becomes_a_group(scene: Scene) -> None:
    """For a third person comes in."""
    payload = {"conversationId": scene.direct, "userIds": [scene.ids["leaver"]]}
    await scene.actor.request("add_participants", payload)


@MUTATIONS.mutation("let in", "set_conversation_timer", all_hear("conversation_changed"))
async def a_timer_is_set(scene: Scene) -> None:
    """For everybody."""
    payload = {"conversationId": scene.room, "enabled": True, "durationDays": 3}
    await scene.actor.request("set_conversation_timer", payload)


@MUTATIONS.mutation("called otherwise", "set_retention", {}, untold={"choices"})
async def a_retention_is_chosen(scene: Scene) -> None:
    """Which one's other clients see with the next load."""
    await scene.actor.request("set_retention", {"days": 3})


@MUTATIONS.mutation(SEALED, "set_own_timer", {}, untold={"choices"})
async def an_own_timer_is_set(scene: Scene) -> None:
    """Which one's other clients see with the next load."""
    await scene.actor.request("set_own_timer", {"conversationId": scene.room, "disappearSeconds": 60})
