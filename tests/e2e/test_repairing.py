"""Direct conversations as the old REST create left them: found again and completed, never made a second time."""

from __future__ import annotations

import asyncio
import uuid

from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database
from tests.e2e.listening import newcomer, next_push
from tests.e2e.test_creating import create

ROUNDS = 10


async def old_rest_create(database: Database, *others: str) -> str:
    """Do what the old endpoint did for a normal user: nobody made it, and only the others are in it."""
    conversation_id = str(uuid.uuid4())
    await database.run("insert into conversations (id, type) values (%s, 'direct')", conversation_id)
    for user_id in others:
        await database.run(
            "insert into conversation_participants (conversation_id, user_id, role) values (%s, %s, 'member')",
            conversation_id,
            user_id,
        )
    return conversation_id


async def wrote(database: Database, conversation_id: str, sender_id: str) -> None:
    """Insert a message as the store of the legacy client does, which asks nobody whether its user is a member."""
    await database.run(
        "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'hello')",
        conversation_id,
        sender_id,
    )


async def directs(database: Database, *people: str) -> list[str]:
    """Return the direct conversations in which all of these are active."""
    rows = await database.fetch(
        "select c.id::text from conversations c join conversation_participants p on p.conversation_id = c.id "
        "where c.type = 'direct' and p.left_at is null and p.user_id = any(%s::uuid[]) "
        "group by c.id having count(*) = %s",
        list(people),
        len(people),
    )
    return [row[0] for row in rows]


async def test_the_missing_one_asks_again_and_is_back_in_the_oldest(bridge: RunningBridge, database: Database) -> None:
    """It had asked twice, so there are two; the one who is there sees who it is now (contract F2)."""
    (ann, anns), (ben, bens) = await database.new_person(), await database.new_person()
    async with newcomer(bridge, token=anns) as client, newcomer(bridge, token=bens) as other:
        first, second = [await old_rest_create(database, ben) for _ in range(2)]
        for conversation_id in (first, second):
            await next_push(other, "conversation_added", of=conversation_id)
            await wrote(database, conversation_id, ann)
        made = await create(client, participantIds=[ben])
        assert (made["id"], made["conversation"]["created_by"]) == (first, None)
        assert await database.members(first) == {ann: "member", ben: "member"}
        await next_push(client, "conversation_added", of=first)
        _, payload = await next_push(other, "conversation_changed", of=first)
        assert payload["conversation"]["name"] == "New"
        assert [row.encrypted_content for row in (await other.load_messages(first)).messages] == ["hello"]
        assert (await create(other, type="direct", participant_ids=[ann]))["id"] == first
    assert await directs(database, ann, ben) == [first]


async def test_whose_it_is_must_be_certain(bridge: RunningBridge, database: Database) -> None:
    """Nobody has written in it, or somebody else has: the pair gets one of its own."""
    (ann, anns), (ben, _), (zoe, _) = [await database.new_person() for _ in range(3)]
    unwritten, foreign = [await old_rest_create(database, ben) for _ in range(2)]
    for sender in (ann, zoe):
        await wrote(database, foreign, sender)
    async with bridge.client() as client:
        await client.authenticate(anns)
        made = await create(client, participantIds=[ben])
    assert made["id"] not in (unwritten, foreign)
    assert await directs(database, ann, ben) == [made["id"]]
    assert await database.members(foreign) == await database.members(unwritten) == {ben: "member"}


async def test_both_ask_at_once(bridge: RunningBridge, start_bridge: StartBridge, database: Database) -> None:
    """Through two bridges, with damage that each of them left: one conversation of the two remains in use (F2)."""
    async with start_bridge() as second, bridge.client() as one, second.client() as other:
        for _ in range(ROUNDS):
            (ann, anns), (ben, bens) = await database.new_person(), await database.new_person()
            await one.authenticate(anns)
            await other.authenticate(bens)
            damaged = [await old_rest_create(database, there) for there in (ben, ann, ben)]
            for conversation_id in damaged:
                for sender in (ann, ben):
                    await wrote(database, conversation_id, sender)
            made = await asyncio.gather(
                *(create(one, participantIds=[ben]) for _ in range(2)),
                *(create(other, type="direct", participant_ids=[ann]) for _ in range(2)),
            )
            assert {reply["id"] for reply in made} == {damaged[0]}
            assert await directs(database, ann, ben) == [damaged[0]]
