"""A Phoenix client that hides nothing: it sends what it is told and keeps every frame in order of arrival."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import cast

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

DEADLINE_SECONDS = 20.0
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Received:
    """A frame of the server, in the shape of either version."""

    topic: str
    event: str
    payload: Json
    ref: str | None
    join_ref: str | None

    def as_v1(self) -> Json:
        """Return the four fields both versions have."""
        return {"ref": self.ref, "event": self.event, "payload": self.payload, "topic": self.topic}

    @property
    def change(self) -> Json:
        """Return the `data` of a change event."""
        assert self.event == "postgres_changes", self
        return cast("Json", self.payload["data"])

    @property
    def record(self) -> Json:
        """Return the new row of a change event."""
        return cast("Json", self.change["record"])


class Closed(Exception):
    """The socket ended; says how."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class PhoenixClient:
    """One socket. Frames are taken with `next`, or with `expect`, which names what must come."""

    def __init__(self, url: str, api_key: str, *, vsn: str = "1.0.0") -> None:
        self.vsn = vsn
        self._parameters = {"apikey": api_key, "vsn": vsn}
        self._url = url
        self._session = ClientSession()
        self._ref = 0
        self.join_refs: dict[str, str] = {}

    async def __aenter__(self) -> PhoenixClient:
        try:
            self._socket: ClientWebSocketResponse = await self._session.ws_connect(self._url, params=self._parameters)
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        await self._socket.close()
        await self._session.close()

    async def send(self, topic: str, event: str, payload: object, *, ref: str | None = None) -> str:
        """Send a frame with a fresh ref, unless one is given, and the topic's join_ref; return the ref."""
        if ref is None:
            self._ref += 1
            ref = str(self._ref)
        if event == "phx_join":
            self.join_refs[topic] = ref
        join_ref = self.join_refs.get(topic)
        await self.send_frame({"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref})
        return ref

    async def send_frame(self, frame: Mapping[str, object]) -> None:
        """Send a whole v1 frame, in the form of this socket's version; missing refs stay missing."""
        if self.vsn == "2.0.0":
            fields = ("join_ref", "ref", "topic", "event", "payload")
            await self.send_raw(json.dumps([frame.get(name) for name in fields]))
        else:
            await self.send_raw(json.dumps(frame))

    async def send_raw(self, text: str) -> None:
        """Send any text."""
        await self._socket.send_str(text)

    async def send_bytes(self, body: bytes) -> None:
        """Send a binary message."""
        await self._socket.send_bytes(body)

    async def ping(self) -> None:
        """Send a WebSocket ping."""
        await self._socket.ping()

    async def next_raw(self) -> str | bytes:
        """Return the next message, text or binary.

        Raises:
            Closed: there is none, the socket ended.

        """
        async with asyncio.timeout(DEADLINE_SECONDS):
            message = await self._socket.receive()
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            return cast("str | bytes", message.data)
        raise Closed(self._socket.close_code)

    async def next(self) -> Received:
        """Return the next text frame."""
        text = await self.next_raw()
        assert isinstance(text, str), "a binary frame"
        raw = json.loads(text)
        if isinstance(raw, list):
            join_ref, ref, topic, event, payload = raw
            return Received(topic, event, payload, ref, join_ref)
        assert "join_ref" not in raw
        return Received(raw["topic"], raw["event"], raw["payload"], raw["ref"], None)

    async def expect(self, event: str, topic: str | None = None) -> Received:
        """Return the next frame, which must be this event."""
        found = await self.next()
        assert found.event == event, found
        assert topic is None or found.topic == topic, found
        return found

    async def until(self, wanted: Callable[[Received], bool]) -> list[Received]:
        """Return all frames up to the first wanted one, that one included."""
        found = [await self.next()]
        while not wanted(found[-1]):
            found.append(await self.next())
        return found

    async def join(
        self, topic: str, *changes: Mapping[str, object], token: str | None = None, **config: object
    ) -> Received:
        """Join and return the reply, which must be ok."""
        reply = await self.try_join(topic, *changes, token=token, **config)
        assert reply.payload["status"] == "ok", reply
        return reply

    async def try_join(
        self, topic: str, *changes: Mapping[str, object], token: str | None = None, **config: object
    ) -> Received:
        """Join and return the reply."""
        whole = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "private": False,
        }
        payload: Json = {"config": {**whole, "postgres_changes": list(changes), **config}}
        if token is not None:
            payload["access_token"] = token
        ref = await self.send(topic, "phx_join", payload)
        reply = await self.expect("phx_reply", topic)
        assert reply.ref == ref
        return reply

    async def subscribe(self, topic: str, *changes: Mapping[str, object], token: str | None = None) -> list[int]:
        """Join, wait until changes flow and return the ids of the bindings."""
        reply = await self.join(topic, *changes, token=token)
        system = await self.expect("system", topic)
        assert system.payload["message"] == "Subscribed to PostgreSQL", system
        response = cast("dict[str, list[dict[str, int]]]", reply.payload["response"])
        return [entry["id"] for entry in response["postgres_changes"]]

    async def nothing_but_a_heartbeat(self) -> None:
        """Prove that the server has nothing more to say: the answer to a heartbeat is the next frame."""
        ref = await self.send("phoenix", "heartbeat", {})
        reply = await self.expect("phx_reply", "phoenix")
        assert reply.ref == ref
