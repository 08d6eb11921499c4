"""One WebSocket of a client: its reader, its writer, its channels by topic (supabase.md 2.1-2.3)."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from dataclasses import dataclass

from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

from scripts.sandbox.realtime.channels import Channel
from scripts.sandbox.realtime.faults import Trace
from scripts.sandbox.realtime.join import TOPIC_PREFIX, JoinRefused
from scripts.sandbox.realtime.phoenix import (
    HEARTBEAT_TOPIC,
    Frame,
    MalformedFrame,
    Version,
    decode_binary,
    decode_text,
)
from scripts.sandbox.realtime.realm import Realm, Timer
from scripts.sandbox.realtime.tokens import Bearer
from scripts.sandbox.realtime.topics import Encoded

_log = logging.getLogger(__name__)
MAX_CHANNELS = 100
MAX_QUEUED_FRAMES = 100_000
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: the kernel sends RST instead of FIN


@dataclass(frozen=True, slots=True)
class _Written:
    """A frame in the queue, encoded for this socket."""

    body: bytes
    binary: bool
    trace: Trace | None


@dataclass(frozen=True, slots=True)
class _Close:
    """The wish to close, in the queue behind the frames before it."""

    code: int
    reason: str


class Connection:
    """A client's socket; `run` lives as long as it does."""

    def __init__(self, realm: Realm, transport: web.WebSocketResponse, version: Version, bearer: Bearer) -> None:
        self.channels: dict[str, Channel] = {}
        self._realm = realm
        self._socket = transport
        self._version = version
        self._bearer = bearer
        self._queue: deque[_Written | _Close] = deque()
        self._held: deque[_Written | _Close] = deque()
        self._queued = asyncio.Event()
        self._refusals: set[Timer] = set()
        self._tcp: asyncio.Transport | None = None
        self._cut_off = False

    async def run(self, tcp: asyncio.Transport | None) -> None:
        """Serve the client until it leaves, falls silent or is thrown out; `tcp` is what `reset` tears."""
        self._tcp = tcp
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write())
                try:
                    await self._read()
                finally:
                    writer.cancel()
        finally:
            for timer in self._refusals:
                timer.cancel()
            for channel in list(self.channels.values()):
                channel.release()
            self.channels.clear()

    def send(self, encoded: Encoded, trace: Trace | None = None, *, heartbeat: bool = False) -> None:
        """Queue a frame; while stalled it is held back instead."""
        body = encoded.as_bytes(self._version)
        if body is not None:
            written = _Written(body, encoded.is_binary(self._version), trace)
            self._put(written, stalled=self._stalls(heartbeat=heartbeat))

    def close(self, code: int, reason: str = "") -> None:
        """Close cleanly once the frames before it are written."""
        self._put(_Close(code, reason), stalled=False)

    def reset(self) -> None:
        """Tear the TCP connection: the client sees a reset, no close frame."""
        if self._tcp is not None and not self._tcp.is_closing():
            raw = self._tcp.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._tcp.abort()

    def stall_ended(self) -> None:
        """Let follow what was held back."""
        self._queue.extend(self._held)
        self._held.clear()
        self._queued.set()

    def forget(self, channel: Channel) -> None:
        """Route no more frames to a channel that ended."""
        if self.channels.get(channel.topic) is channel:
            del self.channels[channel.topic]

    def receive(self, frame: Frame) -> None:
        """Route a frame of the client: heartbeat, join, leave, or to its channel."""
        if frame.topic == HEARTBEAT_TOPIC:
            if frame.event == "heartbeat":
                self._reply(frame, "ok", {}, heartbeat=True)
        elif frame.event == "phx_join":
            self._join(frame)
        elif frame.event == "phx_leave":
            self._leave(frame)
        elif (channel := self.channels.get(frame.topic)) is not None:
            channel.receive(frame)
        else:
            self._reply(frame, "error", {"reason": "unmatched topic"})

    def _join(self, frame: Frame) -> None:
        """Join; a channel already on the topic dies first, its phx_close follows the new reply (supabase.md 2.3)."""
        self._realm.faults.counts.joins += 1
        if not frame.topic.startswith(TOPIC_PREFIX):
            self._reply(frame, "error", {"reason": "unmatched topic"})
            return
        old = self.channels.pop(frame.topic, None)
        if old is not None:
            old.release()
        try:
            if len(self.channels) >= MAX_CHANNELS:
                raise JoinRefused("ChannelRateLimitReached: Too many channels")
            channel = Channel.admit(self._realm, self, frame, self._bearer)
        except JoinRefused as refused:
            self._refuse_later(frame, str(refused), old)
            return
        self.channels[frame.topic] = channel
        self._reply(frame, "ok", {"postgres_changes": [binding.echo() for binding in channel.bindings]})
        self._say_goodbye(old)
        channel.begin()

    def _refuse_later(self, frame: Frame, reason: str, old: Channel | None) -> None:
        """Answer an error after the back-off; the socket goes on meanwhile."""

        def refuse() -> None:
            self._reply(frame, "error", {"reason": reason})
            self._say_goodbye(old)
            self._refusals.discard(timer)

        timer = self._realm.later(self._realm.timing.error_backoff, refuse)
        self._refusals.add(timer)

    def _say_goodbye(self, old: Channel | None) -> None:
        if old is not None:
            self.send(Encoded(old.goodbye()))

    def _leave(self, frame: Frame) -> None:
        channel = self.channels.get(frame.topic)
        if channel is not None and frame.join_ref not in (None, channel.join_ref):
            return  # the leave of an older join: its close has been sent already
        self._reply(frame, "ok", {})
        if channel is not None:
            channel.close()

    def _reply(self, frame: Frame, status: str, response: object, *, heartbeat: bool = False) -> None:
        payload = {"status": status, "response": response}
        join_ref = frame.join_ref
        if frame.event == "phx_join" and join_ref is None:
            join_ref = frame.ref
        reply = Frame(topic=frame.topic, event="phx_reply", payload=payload, ref=frame.ref, join_ref=join_ref)
        self.send(Encoded(reply), heartbeat=heartbeat)

    def _stalls(self, *, heartbeat: bool) -> bool:
        stall = self._realm.faults.settings.stall
        return stall == "everything" or (stall == "frames" and not heartbeat)

    def _put(self, written: _Written | _Close, *, stalled: bool) -> None:
        if self._cut_off:
            return
        queue = self._held if stalled else self._queue
        queue.append(written)
        self._queued.set()
        if len(queue) > MAX_QUEUED_FRAMES:
            _log.warning("a client reads too slowly and is cut off")
            self._cut_off = True
            queue.clear()
            self.reset()

    async def _write(self) -> None:
        try:
            while True:
                while self._queue:
                    await self._write_one(self._queue.popleft())
                self._queued.clear()
                await self._queued.wait()
        except (ClientConnectionResetError, ConnectionResetError) as error:
            _log.debug("the client is gone: %s", error)  # the reader notices by itself

    async def _write_one(self, written: _Written | _Close) -> None:
        if isinstance(written, _Close):
            await self._socket.close(code=written.code, message=written.reason.encode())
            return
        await self._socket.send_frame(written.body, WSMsgType.BINARY if written.binary else WSMsgType.TEXT)
        if written.trace is not None:
            written.trace.written(self._realm.clock())

    async def _read(self) -> None:
        while not self._socket.closed:
            try:
                message = await self._socket.receive(timeout=self._realm.timing.silence_limit)
            except TimeoutError:
                await self._socket.close(code=WSCloseCode.OK, message=b"silent too long")
                return
            try:
                if not await self._took(message.type, message.data):
                    return
            except MalformedFrame as error:
                _log.info("a frame nobody understands ends the socket: %s", error)
                await self._socket.close(code=WSCloseCode.INTERNAL_ERROR)
                return

    async def _took(self, kind: WSMsgType, body: object) -> bool:
        """Handle one WebSocket message; False when it was the last."""
        match kind, body:
            case WSMsgType.TEXT, str() as text:
                self.receive(decode_text(self._version, text))
            case WSMsgType.BINARY, bytes() | bytearray() as binary if self._version is Version.V2:
                self.receive(decode_binary(bytes(binary)))
            case WSMsgType.PING, bytes() | bytearray() as ping:
                if not self._stalls(heartbeat=True):
                    await self._socket.pong(bytes(ping))
            case WSMsgType.PONG, _:
                pass
            case WSMsgType.BINARY, _:
                raise MalformedFrame("a binary frame on version 1.0.0")
            case _:
                return False
        return True
