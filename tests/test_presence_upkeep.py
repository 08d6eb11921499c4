"""The regular telling of presence: who is told, of what, and what a failure costs."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge import presence_upkeep
from bridge.errors import StoreDown
from bridge.events import Event
from bridge.models import Presence, PresenceStatus
from bridge.presence_upkeep import ASK_AGAIN_SECONDS, TICK_SECONDS
from tests.parts import GRACE_SECONDS, Parts
from tests.people import OTHER_ROOM, ROOM, A, B, C, D, X
from tests.presence.watching import at_the_wire, changes, newcomer, passed, statuses, watching
from tests.receivers import Receiver
from tests.virtual_time import in_virtual_time
from tests.world import world


async def test_old_clients_get_a_frame_for_each_conversation_that_they_have_joined() -> None:
    """The others in it, at coming and at going (contract ws-protocol section 6)."""
    async with world() as w:
        carol, _ = await watching(w)
        bob = await w.signed_in(B)
        await passed(w, 0)
        shown = {"userId": B.user_id, "conversationId": ROOM, "timestamp": "2026-01-01T00:00:00.000Z"}
        assert await at_the_wire(carol) == [("user_online", shown)]
        bob.vanish()
        await passed(w, GRACE_SECONDS)
        assert await at_the_wire(carol) == [
            ("user_online", shown),
            ("user_offline", {**shown, "timestamp": "2026-01-01T00:00:15.000Z"}),
        ]
        xavier = await w.signed_in(X)
        await passed(w, 0)
        assert (await at_the_wire(carol))[-1][1]["conversationId"] == OTHER_ROOM
        assert await at_the_wire(xavier) == []


async def test_who_is_in_two_conversations_comes_twice() -> None:
    """To whoever has both open."""
    async with world() as w:
        w.tables.add_participant(OTHER_ROOM, B.user_id)
        carol, _ = await watching(w)
        await w.signed_in(B)
        await passed(w, 0)
        frames = await at_the_wire(carol)
        assert {payload["conversationId"] for _, payload in frames} == {ROOM, OTHER_ROOM}
        assert len(frames) == 2


async def test_whoever_has_not_joined_is_not_told_nor_are_the_users_own_sockets() -> None:
    """Not even those that joined."""
    async with world() as w:
        await watching(w)
        d = await w.signed_in(D, phone=D.phone)
        await passed(w, 0)
        bob = await w.signed_in(B)
        await bob.ask("join_conversation", conversationId=ROOM)
        await passed(w, 0)
        assert await at_the_wire(d) == await at_the_wire(bob) == []


async def test_a_client_that_asked_for_it_gets_one_frame_for_a_change() -> None:
    """Joined or not, and no frames for conversations besides; strangers get none."""
    async with world() as w:
        w.tables.add_participant(OTHER_ROOM, A.user_id)
        w.tables.add_participant(OTHER_ROOM, B.user_id)
        _, alice = await watching(w)
        for room in (ROOM, OTHER_ROOM):
            await alice.ask("join_conversation", conversationId=room)
        bob = await newcomer(w, B)
        await passed(w, 0)
        bob.vanish()
        await passed(w, GRACE_SECONDS)
        assert await at_the_wire(alice) == [
            (
                "presence_changed",
                {"userId": B.user_id, "status": "online", "lastSeen": "2026-01-01T00:00:00+00:00"},
            ),
            (
                "presence_changed",
                {"userId": B.user_id, "status": "offline", "lastSeen": "2026-01-01T00:00:00+00:00"},
            ),
        ]
        assert await changes(bob) == []


async def test_away_is_told_to_clients_that_know_the_word() -> None:
    """For the old ones away is here; gone is gone from whatever it was."""
    async with world() as w:
        carol, alice = await watching(w)
        bob = await newcomer(w, B)
        await passed(w, 0)
        reply = await bob.ask("set_presence", status="away")
        assert (reply.type, reply.payload) == ("presence_set", {"status": "away"})
        await passed(w, 5)
        bob.vanish()
        await passed(w, GRACE_SECONDS)
        assert await changes(alice) == [(B.user_id, "online"), (B.user_id, "away"), (B.user_id, "offline")]
        assert [kind for kind, _ in await at_the_wire(carol)] == ["user_online", "user_offline"]


async def test_a_second_tab_a_new_token_and_a_return_tell_nothing() -> None:
    """Real connections this time (contract F35); and cost no question."""
    async with world() as w:
        carol, alice = await watching(w)
        bob = await w.signed_in(B)
        await passed(w, 0)
        w.tables.asked.clear()
        second = await w.signed_in(B)
        await passed(w, 5)
        await bob.authenticate(B)
        second.vanish()
        bob.vanish()
        await passed(w, GRACE_SECONDS - 0.001)
        await w.signed_in(B)
        await passed(w, GRACE_SECONDS)
        assert len(await changes(alice)) == len(await at_the_wire(carol)) == 1
        assert {"conversations.companions", "presence.write"}.isdisjoint(w.tables.asked)


async def test_a_socket_that_becomes_another_user_is_one_less_of_the_first() -> None:
    """And one more of the second."""
    async with world() as w:
        _, alice = await watching(w)
        client = await w.signed_in(B)
        await passed(w, 0)
        await client.authenticate(X)
        await passed(w, GRACE_SECONDS)
        assert await changes(alice) == [(B.user_id, "online"), (B.user_id, "offline")]
        assert statuses(w) == {"a": "online", "b": "offline", "c": "online", "x": "online"}


async def test_nobody_is_asked_about_while_nobody_else_is_here() -> None:
    """There is nobody to tell, under whichever of one's ids."""
    async with world() as w:
        await w.signed_in(B)
        await w.signed_in(B)
        await passed(w, 0)
        assert "conversations.companions" not in w.tables.asked
        await w.signed_in(A)
        await passed(w, 5)
        assert w.tables.asked.count("conversations.companions") == 1


async def test_what_changed_back_while_the_question_was_asked_is_not_told() -> None:
    """As of the moment of telling."""
    async with world() as w:
        _, alice = await watching(w)
        bob = await newcomer(w, B)
        await passed(w, 0)
        await bob.ask("set_presence", status="busy")
        w.clock.advance(5)
        choose = w.context.presence.choose
        w.door.meanwhile("conversations.companions", lambda: choose(B.user_id, PresenceStatus.ONLINE))
        await passed(w, 0)
        assert await changes(alice) == [(B.user_id, "online")]


@pytest.mark.parametrize(("at_once", "questions"), [(50, 1), (1, 2)])
async def test_who_comes_at_the_same_time_is_asked_about_together(
    monkeypatch: pytest.MonkeyPatch, at_once: int, questions: int
) -> None:
    """After a restart all come back at once; whoever watches is told of those with whom a conversation is shared."""
    monkeypatch.setattr(presence_upkeep, "PEOPLE_AT_ONCE", at_once)
    async with world() as w:
        carol, alice = await watching(w)
        w.tables.asked.clear()
        await w.signed_in(B)
        await w.signed_in(X)
        await passed(w, 0)
        assert w.tables.asked.count("conversations.companions") == questions
        assert await changes(alice) == [(B.user_id, "online")]
        told = [(payload["userId"], payload["conversationId"]) for _, payload in await at_the_wire(carol)]
        assert sorted(told) == sorted([(B.user_id, ROOM), (X.user_id, OTHER_ROOM)])


async def test_a_question_that_fails_is_asked_again_later() -> None:
    """And nothing else is asked meanwhile; writing goes on."""
    async with world() as w:
        _, alice = await watching(w)
        w.door.failing["conversations.companions"] = StoreDown("down")
        await w.signed_in(B)
        await passed(w, 0)
        w.door.failing.clear()
        await passed(w, ASK_AGAIN_SECONDS - 0.001)
        assert (await changes(alice), statuses(w)["b"]) == ([], "online")
        await passed(w, 0.001)
        assert await changes(alice) == [(B.user_id, "online")]


async def test_what_others_write_is_told_once_their_rows_are_known() -> None:
    """The first look at the table tells nothing; a failed one is repeated."""
    async with world() as w:
        _, alice = await watching(w)
        online = PresenceStatus.ONLINE
        for person in (B, X):
            w.tables.presence_rows[person.user_id] = Presence(
                user_id=person.user_id, status=online, last_seen=w.clock.now()
            )
        w.door.fail_next("presence.alive_since", StoreDown("down"))
        w.context.presence.listen(hearing=True)
        await passed(w, 0)
        await passed(w, ASK_AGAIN_SECONDS)
        w.context.presence.hear(Presence(user_id=D.user_id, status=online, last_seen=w.clock.now()))
        await passed(w, 0)
        assert await changes(alice) == [(D.user_id, "online")]


@in_virtual_time
async def test_the_upkeep_goes_on_whatever_happens() -> None:
    """A write that hangs does not hold up the telling, and an unexpected error ends nothing."""
    parts = Parts()
    parts.context.presence.connect(B.identity)
    gate = parts.door.hold("presence.write")
    parts.door.fail_next("conversations.companions", RuntimeError("a bug"))
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            upkeep = tasks.create_task(parts.presence.run())
            await gate.reached()
            parts.context.presence.connect(A.identity)
            parts.context.hub.attach(Indifferent(C))
            await asyncio.sleep(3 * TICK_SECONDS)
            assert parts.context.presence.untold() == []
            gate.open()
            await asyncio.sleep(2 * TICK_SECONDS)
            upkeep.cancel()
    assert statuses(parts) == {"a": "online", "b": "online"}
    assert [line["event"] for line in logs] == ["presence.failed"]


class Indifferent(Receiver):
    """A receiver that takes nothing."""

    def takes(self, event: Event) -> bool:
        """Refuse."""
        return False
