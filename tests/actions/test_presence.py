"""load_presence and set_presence, as clients see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.errors import StoreDown
from bridge.models import Presence, PresenceStatus
from tests.parts import GRACE_SECONDS, HEARTBEAT_SECONDS
from tests.people import ROOM, A, B, C, D, X, participant
from tests.presence.watching import KNOWS
from tests.world import Client, World, world


async def snapshot(client: Client) -> dict[str, tuple[str, str | None]]:
    """Return status and last sign of life by user."""
    reply = await client.ask("load_presence", conversationId=ROOM)
    assert (reply.type, reply.payload["conversationId"]) == ("presence_loaded", ROOM)
    users: list[dict[str, Any]] = reply.payload["users"]
    assert all(user.keys() == {"userId", "status", "lastSeen"} for user in users)
    return {user["userId"]: (user["status"], user["lastSeen"]) for user in users}


async def opened(w: World) -> Client:
    """Return bob."""
    return await w.newcomer(B, knows=KNOWS)


async def test_a_snapshot_lists_the_active_members_whoever_they_are() -> None:
    """Here, elsewhere, gone, never seen; nobody who has left."""
    async with world() as w:
        now = w.clock.now()
        w.tables.rows[participant(D).id] = participant(D, left=True)
        w.tables.presence_rows[A.user_id] = Presence(user_id=A.user_id, status=PresenceStatus.BUSY, last_seen=now)
        bob = await opened(w)
        assert await snapshot(bob) == {
            A.user_id: ("busy", "2026-01-01T00:00:00+00:00"),
            B.user_id: ("online", "2026-01-01T00:00:00+00:00"),
            C.user_id: ("offline", None),
        }


async def test_a_row_that_nobody_renews_counts_as_offline() -> None:
    """Two and a half heartbeats."""
    async with world() as w:
        old = w.clock.now() - timedelta(seconds=2.5 * HEARTBEAT_SECONDS + 1)
        w.tables.presence_rows[A.user_id] = Presence(user_id=A.user_id, status=PresenceStatus.ONLINE, last_seen=old)
        assert (await snapshot(await opened(w)))[A.user_id] == ("offline", "2025-12-31T23:54:59+00:00")


async def test_a_snapshot_and_the_changes_after_it_make_the_next_snapshot() -> None:
    """Whoever joins late knows as much as whoever was there (design: snapshot plus pushes)."""
    async with world() as w:
        bob = await w.newcomer(B, "presence", knows=KNOWS)
        known = await snapshot(bob)
        carol = await w.newcomer(C, knows=KNOWS)
        await carol.ask("set_presence", status="busy")
        await w.presence.tell()
        alice = await w.signed_in(A)
        await w.presence.tell()
        alice.vanish()
        w.clock.advance(GRACE_SECONDS)
        await w.presence.tell()
        await w.presence.write()
        fresh = await snapshot(bob)
        pushed = [frame.payload for frame in bob.frames if frame.type == "presence_changed"]
        for change in pushed:
            known[change["userId"]] = (change["status"], change["lastSeen"])
        assert {user: status for user, (status, _) in known.items()} == {
            user: status for user, (status, _) in fresh.items()
        }
        assert len(pushed) == 3
        assert fresh[C.user_id][0] == "busy"


async def test_an_id_that_is_no_users_id_is_not_shown() -> None:
    """A participant row may hold an auth id, which never leaves the bridge (contract data-model section 6)."""
    async with world() as w:
        row = participant(C)
        w.tables.rows[row.id] = replace(row, user_id=C.auth_id)
        assert (await snapshot(await opened(w))).keys() == {A.user_id, B.user_id, D.user_id}


@pytest.mark.parametrize(
    ("conversation_id", "code"),
    [(None, "MISSING_CONVERSATION_ID"), ("", "MISSING_CONVERSATION_ID"), (7, "MISSING_CONVERSATION_ID"),
     ("nonsense", "ACCESS_DENIED"), (ROOM, "ACCESS_DENIED")],
)  # fmt: skip
async def test_strangers_and_nonsense_are_refused(conversation_id: object, code: str) -> None:
    """As everywhere (contract F9)."""
    async with world() as w:
        stranger = await w.signed_in(X)
        assert (await stranger.ask("load_presence", conversationId=conversation_id)).code == code


@pytest.mark.parametrize(("error", "code"), [(StoreDown("x"), "DATABASE_ERROR"), (RuntimeError("x"), "SERVER_ERROR")])
async def test_a_failure_has_a_fixed_text(error: Exception, code: str) -> None:
    """And the code that says whose it was."""
    async with world() as w:
        bob = await opened(w)
        w.door.failing["presence.in_conversation"] = error
        refused = await bob.ask("load_presence", conversationId=ROOM)
        assert (refused.code, refused.payload["error"]) == (code, "Failed to load presence")


@pytest.mark.parametrize("status", ["online", "away", "busy"])
async def test_a_client_says_how_its_user_is(status: str) -> None:
    """For all of that user's connections."""
    async with world() as w:
        bob, other = await opened(w), await opened(w)
        reply = await bob.ask("set_presence", status=status)
        assert (reply.type, reply.payload) == ("presence_set", {"status": status})
        assert (await snapshot(other))[B.user_id][0] == status


@pytest.mark.parametrize("payload", [{}, {"status": "offline"}, {"status": "Online"}, {"status": None}, {"status": 1}])
async def test_anything_else_cannot_be_said(payload: dict[str, object]) -> None:
    """Whoever is here is not offline."""
    async with world() as w:
        bob = await opened(w)
        assert (await bob.ask("set_presence", **payload)).code == "INVALID_DATA"
        assert (await snapshot(bob))[B.user_id][0] == "online"


@pytest.mark.parametrize("action", ["load_presence", "set_presence"])
async def test_without_authentication_nothing_is_said(action: str) -> None:
    """With the message actions' code (contract F19)."""
    async with world() as w:
        assert (await w.client().ask(action, conversationId=ROOM, status="away")).code == "UNAUTHORIZED"
