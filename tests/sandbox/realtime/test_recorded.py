"""The recorded exchanges, replayed: same frames, same fields, same order on every topic.

Three clients took part: `a` and `b` are members of the conversation, `x` is an outsider. Rows are written as they
were recorded, ids and times included; ids of bindings, phx_refs and commit times are normalised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import psycopg
import pytest
from psycopg.types.json import Jsonb

from scripts.sandbox.keys import Keys
from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.phoenix_client import PhoenixClient, Received
from tests.sandbox.realtime.recording import Json, Normaliser, Recorded, is_interleaving, recorded_frames

pytestmark = pytest.mark.sandbox
FRAMES = recorded_frames()
ANN, BOB, OUTSIDER = (
    "9e85a32e-5ee2-47a0-b1fd-87e2ab6e4332",
    "8aff7db4-0783-45f9-b9b8-a3adb2dc0335",
    "5c9a1f0e-0000-4000-8000-000000000001",
)
CONVERSATION = "b8fddcc5-7d84-4233-b827-3eff9abf5603"
B_JOIN_REFS = {"realtime:bc": "2", "realtime:pres": "3"}
_REFERENCE = Normaliser()
_REFERENCE.learn(frame.frame for frame in FRAMES if not frame.by_client)


def sender_of(frame: Recorded) -> str:
    """Tell whose frame it was: topics name the client, on shared ones the join_ref does."""
    if frame.topic.startswith("realtime:room:"):
        return frame.topic.removeprefix("realtime:room:")[0]
    return "b" if B_JOIN_REFS.get(frame.topic) == frame.frame["join_ref"] else "a"


class Replay:
    """Sends recorded client frames and keeps what each client received."""

    def __init__(self, clients: Mapping[str, PhoenixClient], keys: Keys) -> None:
        self.clients = clients
        self.received: dict[str, list[Received]] = {name: [] for name in clients}
        self._keys = keys
        self._subs = {"a": ANN, "b": BOB, "x": OUTSIDER}
        self._tokens = 0

    async def send(self, frame: Recorded, *, lifetime_seconds: float = 3600) -> None:
        """Send a frame as its client did, with a token of this run in the place of the recorded one."""
        name, payload = sender_of(frame), dict(frame.payload)
        if "access_token" in payload:
            self._tokens += 1
            payload["access_token"] = self._keys.mint(
                self._subs[name], lifetime_seconds=lifetime_seconds, number=self._tokens
            )
        await self.clients[name].send_frame({**frame.frame, "payload": payload})

    async def until(self, name: str, wanted: Callable[[Received], bool]) -> None:
        """Keep what a client receives up to the wanted frame."""
        self.received[name].extend(await self.clients[name].until(wanted))

    async def settle(self) -> None:
        """Keep everything that is on its way: what comes before the answer to a heartbeat."""
        for name, client in self.clients.items():
            ref = await client.send("phoenix", "heartbeat", {}, ref="settled")
            frames = await client.until(lambda found, ref=ref: found.ref == ref)  # type: ignore[misc]  # early binding
            self.received[name].extend(frames[:-1])


def client_frames(*events: str) -> list[Recorded]:
    """Return the recorded client frames of these events."""
    return [frame for frame in FRAMES if frame.by_client and frame.event in events]


def recorded_changes(kind: str) -> list[Json]:
    """Return each recorded change of a kind once."""
    topic = "realtime:room:ab8fddcc5"
    changes = [frame.change for frame in FRAMES if frame.event == "postgres_changes" and frame.topic == topic]
    return [change for change in changes if change["type"] == kind]


def recorded_statements() -> list[tuple[str, list[object]]]:
    """Return the statements that write what was written while recording."""
    columns = ("id", "conversation_id", "sender_id", "reply_to", "body", "meta", "created_at", "edited_at")
    insert = f"insert into messages ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})"
    inserted = [cast("Json", change["record"]) for change in recorded_changes("INSERT")]
    rows = [[Jsonb(record[name]) if name == "meta" else record[name] for name in columns] for record in inserted]
    [edited] = [cast("Json", change["record"]) for change in recorded_changes("UPDATE")]
    update = "update messages set body = %s, edited_at = %s where id = %s"
    return [
        *((insert, row) for row in rows),
        (update, [edited["body"], edited["edited_at"], edited["id"]]),
        ("delete from messages where id = %s", [edited["id"]]),
    ]


def is_change_of_room(found: Received) -> bool:
    """Tell a change on a client's room; a's filtered topic gets some of them too."""
    return found.event == "postgres_changes" and found.topic.startswith("realtime:room:")


async def replay_changes(replay: Replay, database: psycopg.AsyncConnection) -> None:
    """Joins of the four rooms, then the rows."""
    await database.execute("truncate messages, members")  # which no client hears of
    for user in (ANN, BOB):
        await database.execute("insert into members values (%s, %s)", (CONVERSATION, user))
    joins = [frame for frame in client_frames("phx_join") if frame.topic not in B_JOIN_REFS]
    for name, client in replay.clients.items():
        await client.send_frame(
            {"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": None, "join_ref": None}
        )
        await replay.until(name, lambda found: found.topic == "phoenix")
    for frame in joins:
        await replay.send(frame)
        await replay.until(sender_of(frame), lambda found: found.event == "system")
    for statement, values in recorded_statements():
        await database.execute(statement, values)
        for name in "ab":  # a member sees a row only while it is there: the next statement waits, as it did then
            await replay.until(name, is_change_of_room)
    await replay.until("x", is_change_of_room)


async def replay_the_rest(replay: Replay) -> None:
    """Broadcast, presence, refreshed and expired tokens."""
    shared = [
        frame for frame in FRAMES if frame.by_client and frame.topic in B_JOIN_REFS and frame.event != "access_token"
    ]
    tracks = [frame for frame in shared if frame.payload.get("event") == "track"]
    # While recording, the server took b's track first although a's was sent a moment earlier.
    in_order = [frame for frame in shared if frame not in tracks]
    in_order[-1:-1] = sorted(tracks, key=sender_of, reverse=True)
    for frame in in_order:
        await replay.send(frame)
        ref = frame.frame["ref"]
        await replay.until(sender_of(frame), lambda found, ref=ref: found.event == "phx_reply" and found.ref == ref)  # type: ignore[misc]  # early binding
    pushed = client_frames("access_token")
    for frame in pushed[:4]:
        await replay.send(frame)
    for _ in range(2):
        await replay.until("a", lambda found: found.event == "system")
    for frame in pushed[4:]:
        await replay.send(frame, lifetime_seconds=-10)
    for _ in range(4):
        await replay.until("a", lambda found: found.event == "phx_close")
    await replay.settle()


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
async def test_the_recorded_session_is_reproduced(
    connect: Connect, keys: Keys, database: psycopg.AsyncConnection, vsn: str
) -> None:
    """On every topic the recorded frames are what the clients received, in an order each of them can have seen."""
    replay = Replay({name: await connect(vsn=vsn) for name in "abx"}, keys)
    await replay_changes(replay, database)
    await replay_the_rest(replay)

    ours = Normaliser()
    ours.learn(received.as_v1() for found in replay.received.values() for received in found)
    for topic in {frame.topic for frame in FRAMES}:
        recorded = [_REFERENCE.frame(each.frame) for each in FRAMES if not each.by_client and each.topic == topic]
        streams = [
            [ours.frame(each.as_v1()) for each in found if each.topic == topic] for found in replay.received.values()
        ]
        assert is_interleaving(recorded, streams), (topic, recorded, streams)


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
async def test_equal_parameters_have_equal_ids_on_every_connection(connect: Connect, vsn: str) -> None:
    """And different parameters different ones, as recorded."""
    every = {"event": "*", "schema": "public", "table": "messages"}
    some = {**every, "filter": f"conversation_id=eq.{CONVERSATION}"}
    first, second = await connect(vsn=vsn), await connect()
    one = await first.subscribe("realtime:one", every, some)
    two = await second.subscribe("realtime:two", some, every)
    assert one == two[::-1]
    assert one[0] != one[1]


def test_interleavings() -> None:
    """The comparison itself: order inside each part counts, order between parts does not."""
    assert is_interleaving("abcd", ("ac", "bd"))
    assert not is_interleaving("abcd", ("ca", "bd"))
    assert not is_interleaving("abc", ("ac", "bd"))
    assert is_interleaving("aa", ("a", "a", ""))
