"""`scripts/run --selftest`: starts everything on free ports and tries, with real clients, what the bridge is for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bridge.client import MessageReceived, RequestRefused, WireClient
from scripts.legacy import LegacyClient, LegacyRefused, legacy_client
from scripts.stack import Stack, StackError, running_stack

PATIENCE_SECONDS = 20.0
QUIET_SECONDS = 0.5


class Failed(Exception):
    """A step did not do what it should; the text says what was seen."""


@dataclass(slots=True)
class Steps:
    """Prints each step with how long it took."""

    number: int = 0
    began_at: float = field(default_factory=time.perf_counter)

    @asynccontextmanager
    async def step(self, title: str) -> AsyncIterator[None]:
        """Time a step; an exception inside is its failure."""
        self.number += 1
        print(f"{self.number:2}. {title} … ", end="", flush=True)
        began_at = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield
        except TimeoutError:
            raise Failed(f"nothing happened for {PATIENCE_SECONDS:.0f} s") from None
        print(f"{(time.perf_counter() - began_at) * 1000:.0f} ms", flush=True)


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody who takes part: two members over WebSocket, one of them also as a legacy client, and a stranger."""

    bob: WireClient
    carol: WireClient
    stranger: WireClient
    legacy_carol: LegacyClient
    conversation_id: str


async def run(sandbox_arguments: Sequence[str] = ()) -> int:
    """Start, try, stop; return 0, or 1 after printing the reason."""
    began_at = time.perf_counter()
    reasons: list[str] = []
    try:
        async with running_stack(sandbox_arguments=sandbox_arguments, quiet=True) as stack:
            print(f"sandbox and bridge ready after {time.perf_counter() - began_at:.1f} s")
            await _try(stack)
    except* (Failed, StackError, LegacyRefused, RequestRefused) as group:
        reasons = [*_texts(group)]
    if reasons:
        print(f"\nself-test failed: {reasons[0]}")
        return 1
    print(f"self-test passed in {time.perf_counter() - began_at:.1f} s")
    return 0


def _texts(error: BaseException) -> Iterator[str]:
    """Yield what went wrong; the clients' task groups wrap it."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _texts(one)
    else:
        yield str(error)


async def _try(stack: Stack) -> None:
    steps = Steps()
    async with AsyncExitStack() as clients:
        cast = await _assemble(stack, steps, clients)
        await _legacy_to_socket(stack, steps, cast)
        await _socket_to_legacy(stack, steps, cast)
        await _stranger(stack, steps, cast)


async def _assemble(stack: Stack, steps: Steps, clients: AsyncExitStack) -> Cast:
    people = stack.sandbox.people
    sockets: dict[str, WireClient] = {}
    for name in ("bob", "carol", "xavier"):
        async with steps.step(f"{name} connects and authenticates"):
            sockets[name] = await clients.enter_async_context(WireClient.connect(stack.bridge_url))
            user = (await sockets[name].authenticate(_token(stack, name))).user
            _expect(user.id == str(people[name].user_id), f"authenticated as {user.id}")
    conversation_id = str(stack.sandbox.conversations["bob-carol"])
    async with steps.step("bob loads his conversations"):
        rows = await sockets["bob"].load_conversations()
        _expect(conversation_id in {row.id for row in rows}, f"{len(rows)} conversations, bob-carol not among them")
    async with steps.step("a legacy client (supabase-js) logs in as carol and subscribes to Realtime"):
        legacy = await clients.enter_async_context(legacy_client(stack.sandbox, _token(stack, "carol")))
        await legacy.subscribe(conversation_id)
    return Cast(sockets["bob"], sockets["carol"], sockets["xavier"], legacy, conversation_id)


async def _legacy_to_socket(stack: Stack, steps: Steps, cast: Cast) -> None:
    carol_id = stack.sandbox.people["carol"].user_id
    async with steps.step("the legacy client inserts a message; bob's and carol's sockets receive it"):
        row = await cast.legacy_carol.send(cast.conversation_id, str(carol_id), "written by a legacy client")
        for socket in (cast.bob, cast.carol):
            received = await _received(socket)
            _expect(received.message.id == row["id"], "another message came")
            _expect(received.message.encrypted_content == "written by a legacy client", "with another text")
            _expect(received.message.sender is not None, "without its sender")
    async with steps.step("… and exactly once"):
        await _nothing(cast.bob)
    await _received_by_legacy(cast, str(row["id"]))


async def _socket_to_legacy(stack: Stack, steps: Steps, cast: Cast) -> None:
    text = "written over the WebSocket"
    async with steps.step("bob sends over the WebSocket; carol's socket receives it"):
        sent = await cast.bob.send_message(cast.conversation_id, text)
        _expect((await _received(cast.carol)).message.id == sent.id, "another message came")
        _expect((await _received(cast.bob)).message.id == sent.id, "the sender's own copy is missing")
    async with steps.step("the legacy client's Realtime subscription sees it"):
        await _received_by_legacy(cast, sent.id)
    async with steps.step("the legacy client's SELECT sees it"):
        rows = await cast.legacy_carol.load(cast.conversation_id)
        texts = {row["id"]: row["encrypted_content"] for row in rows}
        # Where the column is bytea, hex is what legacy clients are shown (contract legacy-supabase, section 4).
        _expect(texts.get(sent.id) in {text, f"\\x{text.encode().hex()}"}, "the row is missing or different")
    async with steps.step("… and the echo is not delivered again"):
        await _nothing(cast.carol)


async def _stranger(stack: Stack, steps: Steps, cast: Cast) -> None:
    async with steps.step("a stranger may not join, read or send"):
        attempts = (
            cast.stranger.join_conversation(cast.conversation_id),
            cast.stranger.load_messages(cast.conversation_id),
            cast.stranger.send_message(cast.conversation_id, "let me in"),
        )
        for attempt in attempts:
            try:
                await attempt
            except RequestRefused as refused:
                _expect(refused.code == "ACCESS_DENIED", f"refused with {refused.code}")
            else:
                raise Failed("the stranger was let in")
    async with steps.step("what a stranger inserts past the bridge (row-level security allows it) is pushed to nobody"):
        async with legacy_client(stack.sandbox, _token(stack, "xavier")) as legacy:
            await legacy.send(cast.conversation_id, str(stack.sandbox.people["xavier"].user_id), "spam")
        await _nothing(cast.bob)
        await _nothing(cast.stranger)


def _token(stack: Stack, name: str) -> str:
    token = stack.sandbox.people[name].token
    _expect(token is not None, f"the sandbox has no token for {name}")
    return str(token)


async def _received(socket: WireClient) -> MessageReceived:
    push = await anext(aiter(socket.pushes()))
    if not isinstance(push, MessageReceived):
        raise Failed(f"another push came: {push}")
    return push


async def _received_by_legacy(cast: Cast, message_id: str) -> None:
    while (await cast.legacy_carol.pushed.get()).row["id"] != message_id:
        pass


async def _nothing(socket: WireClient) -> None:
    """See that nothing more is pushed: half a second is longer than any delivery here takes."""
    try:
        async with asyncio.timeout(QUIET_SECONDS):
            push = await anext(aiter(socket.pushes()))
    except TimeoutError:
        return
    raise Failed(f"something more was pushed: {push}")


def _expect(truth: bool, otherwise: str) -> None:  # noqa: FBT001  # an assertion by another name
    if not truth:
        raise Failed(otherwise)
