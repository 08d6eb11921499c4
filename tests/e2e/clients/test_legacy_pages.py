"""What a legacy page shows and manages to do, beside a bridge (contract legacy-supabase section 2)."""

from __future__ import annotations

from tests.clients.screens import bubbles
from tests.e2e.clients.company import Company, said, told_of
from tests.e2e.database import Database


async def test_a_legacy_page_shows_the_oldest_fifty_and_what_they_reply_to(company: Company) -> None:
    """Its own way of reading is left to it; receipts are refused, and it does not notice."""
    carol = await company.legacy("carol")
    await carol.set_active_conversation(str(company.sandbox.conversations["trip"]))
    assert [str(bubble.text).split(".")[0] for bubble in bubbles(carol.state.messages)] == [
        str(number) for number in range(1, 51)
    ]
    assert carol.state.hidden == [403]
    await carol.load_more_messages(str(company.sandbox.conversations["trip"]), carol.state.messages[20]["id"])
    assert len(carol.state.messages) == 70
    await carol.set_active_conversation(str(company.sandbox.conversations["bob-carol"]))
    assert bubbles(carol.state.messages)[1].quoted == "Hi Carol, did the parcel arrive?"


async def test_a_group_made_at_a_legacy_page_is_joined_at_a_socket(company: Company) -> None:
    """Only A could make one there, and nobody could ever join (contract F22, F42)."""
    alice, bob = await company.legacy("alice"), await company.legacy("bob")
    assert (await bob.create_group("Chess")).error == "Failed to create group"
    made = (await alice.create_group("Chess", is_public=True)).result
    assert made is not None
    assert (await bob.join_group_by_invite(made["invite_code"])).error == "Failed to join group"
    assert (await bob.join_group_by_invite("00000000")).error == "Invalid invite code"
    bob_at_w2 = await company.w2("bob")
    joined = (await bob_at_w2.request("join_group", {"inviteCode": made["invite_code"]}))["payload"]
    assert (joined["success"], joined["group_id"], joined["room_ids"]) == (True, made["group_id"], [made["room_id"]])
    await told_of(await said(alice, made["room_id"], "welcome"), bob_at_w2)


async def test_a_direct_conversation_made_at_a_legacy_page_is_the_one_that_sockets_find(
    company: Company, database: Database
) -> None:
    """And the other way round (contract F2, F52)."""
    other, _ = await database.new_person()
    third, _ = await database.new_person()
    bob, bob_at_l = await company.w2("bob"), await company.legacy("bob")
    made = await bob_at_l.create_direct_conversation(other)
    found = (await bob.create_conversation({"type": "direct", "participant_ids": [other]})).result
    assert found is not None
    assert found["id"] == made
    first = (await bob.create_conversation({"type": "direct", "participant_ids": [third]})).result
    assert first is not None
    assert await bob_at_l.create_direct_conversation(third) == first["id"]
