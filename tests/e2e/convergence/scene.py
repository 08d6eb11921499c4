"""One scene for every mutation: people of its own, what they share, and every kind of client looking on."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bridge.capabilities import Capability
from tests.clients.envelopes import Json
from tests.clients.generations import W2
from tests.clients.page import open_page
from tests.e2e.checked import CheckedClient
from tests.e2e.convergence.replica import Replica, View
from tests.e2e.database import Database

PATIENCE_SECONDS = 30.0
PEOPLE = ("actor", "peer", "leaver", "newcomer", "absent")
VIEWERS = {"actor": "actor", "tab": "actor", "peer": "peer", "leaver": "leaver", "newcomer": "newcomer"}
"""Clients with all capabilities, and whose they are."""
OLD_PAGES = {"old tab": "actor", "old peer": "peer", "old leaver": "leaver"}
"""Pages of W2 with the room on the screen."""


class Viewer(CheckedClient):
    """A client with all capabilities, which keeps what it holds up to date."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.replica = Replica()
        self.frames: list[Json] = []
        self._news = asyncio.Event()

    async def log_in(self, token: str) -> None:
        """Authenticate; without a cursor one begins anew, and is told nothing again."""
        await self.authenticate(token, capabilities=list(Capability))

    async def load_lists(self, room: str) -> None:
        """Load lists, members, and what is chosen, of timers the room's; nothing is marked as read by it."""
        await self.load_conversations()
        await self.load_groups()
        await self.load_missing_members()
        await self.request("load_retention", {})
        if room in self.replica.lines:
            await self.request("load_conversation_timer", {"conversationId": room})

    async def load_missing_members(self) -> None:
        """Load who is in the conversations of which that is not known, and how they are."""
        for conversation_id in self.replica.lines.keys() - self.replica.members.keys():
            await self.request("load_presence", {"conversationId": conversation_id})

    async def heard(self, frame_type: str, *, since: int) -> None:
        """Wait for a frame of a type."""
        await self.until(lambda: any(one["type"] == frame_type for one in self.frames[since:]), frame_type)

    async def until(self, condition: Callable[[], bool], wanted: str) -> None:
        """Wait until what came makes it so."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {wanted}, but {[one['type'] for one in self.frames[-8:]]}") from None

    def _take(self, text: str | bytes) -> None:
        frame = json.loads(text)
        self.frames.append(frame)
        self.replica.take(frame)
        self._news.set()
        super()._take(text)


@dataclass(kw_only=True)
class Scene:
    """What there is: a room of all but the newcomer, a direct conversation, a group to be joined."""

    database: Database
    url: str
    ids: dict[str, str] = field(default_factory=dict)
    """users.id by the part that somebody plays."""
    tokens: dict[str, str] = field(default_factory=dict)
    viewers: dict[str, Viewer] = field(default_factory=dict)
    pages: dict[str, W2] = field(default_factory=dict)
    room: str = ""
    direct: str = ""
    group: str = ""
    group_room: str = ""
    dens: dict[str, str] = field(default_factory=dict)
    """A room of one for everybody who is there: what is written into it last is told last."""
    lines: list[str] = field(default_factory=list)
    """The messages of the room, oldest first; the last two came when everybody had opened it."""

    @property
    def invite_code(self) -> str:
        """Return the code of the group."""
        return self.group[:8].upper()

    @property
    def actor(self) -> Viewer:
        """Return the client that acts."""
        return self.viewers["actor"]

    async def run(self, statement: str, **more: object) -> None:
        """Execute SQL; `%(actor)s`, `%(room)s` and so on are the ids of the scene, `%(line0)s` … its messages."""
        places = {"room": self.room, "direct": self.direct, "group": self.group, "group_room": self.group_room}
        lines = {f"line{number}": one for number, one in enumerate(self.lines)}
        await self.database.run(statement, **{**self.ids, **places, **lines, **more})

    async def converse(self, kind: str, *parts: str, group: str | None = None) -> str:
        """Write a conversation of these people, as SQL writes it."""
        conversation_id = str(uuid.uuid4())
        await self.run(
            "insert into conversations (id, type, name, group_id) values (%(new)s, %(kind)s, %(name)s, %(of)s)",
            new=conversation_id,
            kind=kind,
            name=None if kind == "direct" else "A room",
            of=group,
        )
        for part in parts:
            await self.run(
                "insert into conversation_participants (conversation_id, user_id) values (%(new)s, %(person)s)",
                new=conversation_id,
                person=self.ids[part],
            )
        return conversation_id

    async def say(self, part: str, *, ago: str = "0", reply_to: str | None = None, place: str | None = None) -> str:
        """Write a message as SQL writes it."""
        message_id = str(uuid.uuid4())
        await self.run(
            "insert into messages (id, conversation_id, sender_id, encrypted_content, created_at, reply_to_id) "
            "values (%(new)s, %(place)s, %(sender)s, %(text)s, now() - %(ago)s::interval, %(to)s)",
            new=message_id,
            place=place or self.room,
            sender=self.ids[part],
            text=f"{part} says {message_id[:4]}",
            ago=ago,
            to=reply_to,
        )
        return message_id

    async def told(self, message_id: str, *names: str) -> None:
        """Wait until these viewers have been told of a message."""
        for name in names:
            viewer = self.viewers[name]
            await viewer.until(lambda v=viewer: has_told(v, message_id), f"{message_id} at {name}")  # type: ignore[misc]  # bound

    async def settle(self) -> None:
        """Wait until all that was to be told has been told: what is written now is told after it.

        But for presence, which the pages may be told of in between, or after.
        """
        await self.actor.load_groups()  # the commands of a connection are handled one after the other
        for viewer in self.viewers.values():
            await viewer.load_missing_members()
        last = {part: await self.say(part, place=den) for part, den in self.dens.items()}
        for name, part in VIEWERS.items():
            await self.told(last[part], name)
        for name, part in OLD_PAGES.items():
            store = self.pages[name]
            await store.page.until(lambda s=store, one=last[part]: any(one in text for text in s.received_texts))  # type: ignore[misc]

    async def loaded_anew(self) -> dict[str, View]:
        """Load everything as each of the people, coming anew."""
        parts = list(self.dens)
        return dict(zip(parts, await asyncio.gather(*map(self._load, parts)), strict=True))

    async def _load(self, part: str) -> View:
        async with Viewer.connect(self.url) as client:
            await client.log_in(self.tokens[part])
            await client.load_lists(self.room)
            lists = client.replica.view()
            for conversation_id in lists["conversations"]:
                await client.load_messages(conversation_id)  # marks them as read: after the lists
            return {**lists, "messages": client.replica.view()["messages"]}


def has_told(viewer: Viewer, message_id: str) -> bool:
    """Tell whether a message was pushed to a client."""
    pushed = (one for one in viewer.frames if one["type"] == "message_received")
    return any(one["payload"]["message"]["id"] == message_id for one in pushed)


@asynccontextmanager
async def scene_at(url: str, database: Database) -> AsyncIterator[Scene]:
    """Write the scene, and let everybody come and open it; two messages are new to all but their writers."""
    scene = Scene(database=database, url=url)
    for part in PEOPLE:
        scene.ids[part], scene.tokens[part] = await database.new_person(is_linked=part != "leaver")
    await _write(scene)
    async with AsyncExitStack() as connections:
        for name in OLD_PAGES:
            scene.pages[name] = W2(await connections.enter_async_context(open_page()), url.removesuffix("/ws"))
        for name in VIEWERS:
            scene.viewers[name] = await connections.enter_async_context(Viewer.connect(url))
        await asyncio.gather(*(_open_page(scene, name) for name in OLD_PAGES))
        await asyncio.gather(*(_settle_in(scene, name) for name in VIEWERS))
        scene.lines += [await scene.say("actor"), await scene.say("peer")]
        await scene.told(scene.lines[-1], "actor", "tab", "peer", "leaver")
        yield scene


async def _write(scene: Scene) -> None:
    scene.room = await scene.converse("group", "actor", "peer", "leaver", "absent")
    scene.direct = await scene.converse("direct", "actor", "peer")
    scene.group = str(uuid.uuid4())
    await scene.run(
        "insert into groups (id, name, invite_code) values (%(group)s, 'A group', %(code)s)", code=scene.invite_code
    )
    scene.group_room = await scene.converse("room", "actor", "peer", group=scene.group)
    await scene.run(
        "insert into group_members (group_id, user_id) values (%(group)s, %(actor)s), (%(group)s, %(peer)s)"
    )
    first = await scene.say("actor", ago="3 days")
    second = await scene.say("peer", ago="2 days")
    scene.dens = {part: await scene.converse("group", part) for part in VIEWERS.values()}
    scene.lines = [first, second, await scene.say("leaver", ago="1 day", reply_to=first)]


async def _open_page(scene: Scene, name: str) -> None:
    page = scene.pages[name]
    await page.connect(scene.tokens[OLD_PAGES[name]])
    await page.select(scene.room)


async def _settle_in(scene: Scene, name: str) -> None:
    viewer = scene.viewers[name]
    await viewer.log_in(scene.tokens[VIEWERS[name]])
    await viewer.load_lists(scene.room)
    for conversation_id in list(viewer.replica.lines):
        await viewer.load_messages(conversation_id)
    if scene.room in viewer.replica.lines:
        await viewer.join_conversation(scene.room)
