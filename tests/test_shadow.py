"""The live shadow: what clients are told is compared with the old way, and they never notice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from bridge.comparison.old_way import OldWay, OldWayFailed, OldWayUnreachable, Rows
from bridge.feed.signals import Live
from bridge.shadow import AT_ONCE, MISMATCHES_KEPT, SECONDS, SETTLE_SECONDS, WAITING, Shadow
from tests.gated import Gate
from tests.people import ROOM, A, B, message
from tests.virtual_time import in_virtual_time
from tests.world import Client, World, world

Printed = Mapping[str, object]
TOO_MANY = 5
COLUMNS = ("id", "conversation_id", "sender_id", "encrypted_content", "created_at")


class OldTables:
    """What a legacy client would be told; questions may be held or fail."""

    def __init__(self) -> None:
        self.messages: list[Printed] = []
        self.tokens: list[str] = []
        self.asked = 0
        self.gate: Gate | None = None
        self.failure: Exception | None = None

    def ask_as(self, token: str) -> OldWay:
        """Return the way of one person."""
        self.tokens.append(token)
        return self

    async def rows(self, table: str, **filters: str) -> Rows:
        """See the port."""
        return await self._answer(self.messages if table == "messages" and "conversation_id" in filters else [])

    async def call(self, function: str, **arguments: object) -> Rows:
        """See the port."""
        return await self._answer([])

    async def _answer(self, rows: Sequence[Printed]) -> Rows:
        self.asked += 1
        if self.gate is not None:
            await self.gate()
        if self.failure is not None:
            raise self.failure
        return rows


class Stage:
    """A live world whose reads are compared with old tables."""

    def __init__(self, w: World, share: float) -> None:
        self.w = w
        self.old = OldTables()
        self.shadow = Shadow(w.context, share, self.old.ask_as)
        w.shadow = self.shadow

    async def client(self) -> Client:
        """Return somebody who is signed in."""
        return await self.w.signed_in(B)

    def says(self, number: int, **differently: object) -> None:
        """Put a message into both sides' tables, into the old ones perhaps differently."""
        new = self.w.legacy_insert(message(number))
        row = {name: getattr(new, name, None) for name in COLUMNS}
        row |= {"encrypted_content": new.content, "created_at": new.created_at.isoformat()}
        self.old.messages.insert(0, row | differently)

    def outcomes(self) -> dict[tuple[str, ...], int]:
        """Return how many reads came out how."""
        return dict(self.w.measures.shadowed.values)


@asynccontextmanager
async def stage(share: float = 1.0) -> AsyncIterator[Stage]:
    """Yield a stage, ready."""
    async with world() as w:
        made = Stage(w, share)
        await w.relay.handle(Live())
        w.run(made.shadow.run())
        yield made


@in_virtual_time
async def test_what_agrees_is_a_match() -> None:
    """Asked with the user's own token."""
    async with stage() as s:
        s.says(1)
        b = await s.client()
        for action in ("load_conversations", "load_groups"):
            await b.ask(action)
        await b.ask("load_messages", conversationId=ROOM)
        await asyncio.sleep(1)
        assert s.outcomes().pop(("load_messages", "match", "equal")) == 1
        assert len(s.old.tokens) == 3
        assert len({*s.old.tokens}) == 1


@in_virtual_time
async def test_a_held_comparison_delays_nobody() -> None:
    """The old way is asked after the answer, and hangs; everything else goes on, and what was said is what is said."""
    async with stage() as s:
        s.says(1)
        s.old.gate = Gate()
        b = await s.client()
        before = asyncio.get_running_loop().time()
        first = await b.ask("load_messages", conversationId=ROOM)
        await s.old.gate.reached()
        at_once = AT_ONCE + WAITING
        replies = [await b.ask("load_messages", conversationId=ROOM) for _ in range(at_once - 1 + TOO_MANY)]
        assert asyncio.get_running_loop().time() == before
        assert {str(reply.payload) for reply in replies} == {str(first.payload)}
        assert s.outcomes() == {("load_messages", "skipped", "busy"): TOO_MANY}
        s.old.gate.open()
        await asyncio.sleep(1)
        assert s.outcomes()["load_messages", "match", "equal"] == at_once


@in_virtual_time
async def test_a_mismatch_is_kept_as_ids_and_names_of_fields() -> None:
    """Never contents, neither here nor in the log."""
    async with stage() as s:
        s.says(1, encrypted_content="a secret")
        s.says(2, sender_id="somebody else")
        b = await s.client()
        with capture_logs() as logs:
            await b.ask("load_messages", conversationId=ROOM)
            await asyncio.sleep(SETTLE_SECONDS + 1)
        assert s.outcomes() == {("load_messages", "mismatch", "different"): 1}
        (mismatch,) = s.shadow.mismatches
        assert (mismatch.action, mismatch.user_id, mismatch.number) == ("load_messages", B.user_id, 2)
        assert [(one.key, one.field) for one in mismatch.differences] == [
            (message(1).id, "encrypted_content"),
            (message(2).id, "sender_id"),
        ]
        assert "a secret" not in str(logs) + str(mismatch)
        assert "somebody else" not in str(logs) + str(mismatch)


@in_virtual_time
async def test_what_changed_meanwhile_is_no_mismatch() -> None:
    """What concerns the user and was told before the difference is believed."""
    async with stage() as s:
        s.says(1)
        b, a = await s.client(), await s.w.signed_in(A)
        s.old.gate = Gate()
        await b.ask("load_messages", conversationId=ROOM)
        await s.old.gate.reached()
        s.old.messages.clear()  # the moment of the old side is another
        s.old.gate.open()
        await asyncio.sleep(SETTLE_SECONDS / 2)
        await a.ask("send_message", conversationId=ROOM, content="meanwhile")
        await asyncio.sleep(SETTLE_SECONDS)
        assert s.outcomes() == {("load_messages", "skipped", "changed_meanwhile"): 1}
        assert not s.shadow.mismatches


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(OldWayFailed("42501"), "42501"), (OldWayUnreachable("ReadTimeout"), "no_answer"), (KeyError("x"), "defect")],
)
@in_virtual_time
async def test_an_old_way_that_fails_is_an_error(failure: Exception, reason: str) -> None:
    """The next read is compared all the same."""
    # Captured, for to print a trace takes seconds.
    with capture_logs():
        async with stage() as s:
            b = await s.client()
            s.old.failure = failure
            for number in range(1, AT_ONCE * 2 + 1):
                await b.ask("load_groups")
                await asyncio.sleep(1)
                assert s.outcomes() == {("load_groups", "error", reason): number}


@in_virtual_time
async def test_an_old_way_that_hangs_is_given_up() -> None:
    """Its place is free again."""
    async with stage() as s:
        b = await s.client()
        s.old.gate = Gate()
        await b.ask("load_groups")
        await asyncio.sleep(SECONDS + 1)
        assert s.outcomes() == {("load_groups", "error", "no_answer"): 1}


async def test_while_the_bridge_is_not_live_nothing_is_compared() -> None:
    """It has other things to do, and the tables too."""
    async with world() as w:
        s = Stage(w, 1.0)
        await (await s.client()).ask("load_groups")
        assert s.outcomes() == {("load_groups", "skipped", "not_live"): 1}
        assert s.old.asked == 0


@in_virtual_time
async def test_the_share_is_exact_for_each_action() -> None:
    """By turns, so that two actions that take turns are both compared."""
    async with stage(0.25) as s:
        b = await s.client()
        for _ in range(8):
            await b.ask("load_groups")
            await b.ask("load_conversations")
            await asyncio.sleep(SETTLE_SECONDS * 2)
        counted: Counter[str] = Counter()
        for (action, _, _), number in s.outcomes().items():
            counted[action] += number
        assert counted == {"load_groups": 2, "load_conversations": 2}


async def test_only_reads_with_an_old_way_are_compared() -> None:
    """Neither writes nor refusals."""
    async with stage() as s:
        b = await s.client()
        await b.ask("send_message", conversationId=ROOM, content="x")
        await b.ask("load_messages", conversationId="nonsense")
        await b.ask("join_conversation", conversationId=ROOM)
        assert s.outcomes() == {}
        assert s.old.tokens == []


@in_virtual_time
async def test_the_last_mismatches_are_kept() -> None:
    """So many, and of each so many differences."""
    async with stage() as s:
        for number in range(1, 13):
            s.says(number, encrypted_content="other")
        b = await s.client()
        for _ in range(MISMATCHES_KEPT + 1):
            await b.ask("load_messages", conversationId=ROOM)
            await asyncio.sleep(SETTLE_SECONDS + 1)
        assert len(s.shadow.mismatches) == MISMATCHES_KEPT
        assert (len(s.shadow.mismatches[-1].differences), s.shadow.mismatches[-1].number) == (10, 12)


async def test_without_a_shadow_no_token_is_kept() -> None:
    """What is not needed is not held."""
    async with world() as w:
        b = await w.signed_in(B)
        assert b.connection.session is not None
        assert b.connection.session.token == ""
