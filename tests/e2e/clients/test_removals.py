"""Whoever is removed while its socket is open is out: of every action, every push, and every count (contract F8)."""

from __future__ import annotations

import pytest

from tests.authorisation.stage import IN_A_CONVERSATION, REQUESTS
from tests.clients.screens import sidebar
from tests.clients.store import ChatStore, RequestFailed
from tests.e2e.clients.company import Company, frames, ids_received, said, settled, shown, told_of
from tests.e2e.clients.conftest import CompanyAt, on
from tests.e2e.conftest import RunningBridge
from tests.e2e.database import Database
from tests.e2e.test_delivery import bridge_notices

REFUSED = sorted(set(IN_A_CONVERSATION) - {"leave_conversation"})


@pytest.fixture
async def company(bridge: RunningBridge, company_at: CompanyAt) -> Company:
    """Gather people at a bridge that the test can look into."""
    return company_at(bridge.url)


async def refusals(store: ChatStore, conversation_id: str, message_id: str) -> dict[str, str | None]:
    """Try every action in a conversation and return the codes."""
    codes: dict[str, str | None] = {}
    named = {"conversationId": conversation_id, "beforeMessageId": message_id, "replyToId": message_id}
    for action in REFUSED:
        request = {**REQUESTS[action], **{name: one for name, one in named.items() if name in REQUESTS[action]}}
        with pytest.raises(RequestFailed) as refused:
            await store.request(action, request)
        codes[action] = refused.value.code
    return codes


async def member_count(store: ChatStore, conversation_id: str) -> int:
    """Load the list and return how many are in a conversation."""
    await store.load_conversations()
    [count] = [row["participant_count"] for row in store.state.conversations if row["id"] == conversation_id]
    assert isinstance(count, int)
    return count


@on("db1", "db3")
@pytest.mark.parametrize("how", ["left", "deleted"])
async def test_a_removed_member_is_out_of_everything(
    bridge: RunningBridge, company: Company, database: Database, how: str
) -> None:
    """Until it is taken in again."""
    conversation_id = await database.conversation("bob", "carol", "dave")
    bob, carol, dave = await company.w1("bob"), await company.w2("carol"), await company.w1("dave")
    for store in (bob, carol, dave):
        await store.select(conversation_id)
    hello = await said(carol, conversation_id, "hello")
    await shown("hello", bob, carol, dave)
    assert await member_count(bob, conversation_id) == 3

    await database.remove(conversation_id, "carol", deleted=how == "deleted")
    await bridge_notices(bridge, conversation_id, database.user("carol"), member=False)
    told_before = len(carol.received_texts)
    assert set((await refusals(carol, conversation_id, hello)).values()) == {"ACCESS_DENIED"}
    secret = await said(bob, conversation_id, "without carol")
    await bob.set_typing(conversation_id)
    legacy = await database.message(conversation_id, "dave", "by SQL, without carol")
    await told_of(legacy, bob, dave)
    await carol.load_conversations()
    assert len(carol.received_texts) == told_before + len(REFUSED) + 1
    assert ids_received(carol, conversation_id) == [hello]
    assert conversation_id not in {line.id for line in sidebar(carol)}
    assert await member_count(bob, conversation_id) == 2
    assert ids_received(dave, conversation_id) == [hello, secret, legacy]

    await database.admit(conversation_id, "carol")
    await bridge_notices(bridge, conversation_id, database.user("carol"), member=True)
    await carol.select(conversation_id)
    again = await said(bob, conversation_id, "welcome back")
    await shown("welcome back", carol)
    assert ids_received(carol, conversation_id) == [hello, again]


async def test_what_somebody_removed_sends_past_the_bridge_is_told_to_nobody(
    bridge: RunningBridge, company: Company, database: Database
) -> None:
    """A legacy page of somebody who has left: PostgREST takes the row (contract F7, F8)."""
    conversation_id = await database.conversation("bob", "carol", "dave")
    bob, carol, dave = await company.w1("bob"), await company.legacy("carol"), await company.w2("dave")
    first = await said(carol, conversation_id, "hello")
    await told_of(first, bob, dave)
    await database.remove(conversation_id, "carol")
    await bridge_notices(bridge, conversation_id, database.user("carol"), member=False)
    assert (await carol.send_message(conversation_id, "I am still here")).success
    last = await said(dave, conversation_id, "is she gone?")
    await told_of(last, bob, dave)
    await settled(bob, dave)
    assert ids_received(bob, conversation_id) == ids_received(dave, conversation_id) == [first, last]


async def test_typing_of_somebody_removed_is_told_to_nobody(
    bridge: RunningBridge, company: Company, database: Database
) -> None:
    """Not even by a row in the table."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w2("bob"), await company.w2("carol")
    await bob.select(conversation_id)
    await carol.select(conversation_id)
    await database.remove(conversation_id, "carol")
    await bridge_notices(bridge, conversation_id, database.user("carol"), member=False)
    await carol.set_typing(conversation_id)
    await database.type_as(conversation_id, "carol", is_typing=True)
    await told_of(await database.message(conversation_id, "bob", "marker"), bob)
    await settled(bob)
    assert frames(bob, "typing_update") == []
