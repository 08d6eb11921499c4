"""One joined topic on one socket: what it answers, what it hears, when it ends; no I/O, time is injected."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from scripts.sandbox.realtime.faults import Trace
from scripts.sandbox.realtime.join import TOPIC_PREFIX, Broadcast, Config, Join, JoinRefused, Presence, read_join
from scripts.sandbox.realtime.phoenix import BinaryBroadcast, Encoding, Frame, MalformedFrame, Ref, as_text_payload
from scripts.sandbox.realtime.presence import Difference
from scripts.sandbox.realtime.realm import Outlet, Realm, Timer
from scripts.sandbox.realtime.tokens import (
    NEW_KEY_PREFIX,
    SERVICE_ROLE,
    Bearer,
    TokenRefused,
    bearer_of_token,
    expired_text,
)
from scripts.sandbox.realtime.topics import Address, Encoded

PRESENCE_CALLS, PRESENCE_WINDOW_SECONDS = 5, 30.0
Extension = Literal["system", "postgres_changes"]


class Channel:
    """A joined topic. Created by `admit`, set going by `begin` after the join's reply, ended by one of its closers."""

    def __init__(self, realm: Realm, outlet: Outlet, frame: Frame, join: Join, bearer: Bearer) -> None:
        config = join.config or Config()
        presence = config.presence or Presence()
        self.topic = frame.topic
        self.name = frame.topic.removeprefix(TOPIC_PREFIX)
        self.address = Address(self.name, bool(config.private))
        self.join_ref: Ref = frame.join_ref if frame.join_ref is not None else frame.ref
        self.bearer = bearer
        self.bindings = join.bindings
        self.closed = False
        self._realm, self._outlet = realm, outlet
        self._broadcast = config.broadcast or Broadcast()
        self._presence_enabled = presence.enabled
        self._presence_key = presence.key or str(uuid.uuid4())
        self._presence_calls: deque[float] = deque(maxlen=PRESENCE_CALLS)
        self._token = join.token
        self._subscribing: Timer | None = None
        self._expiring: Timer | None = None

    @classmethod
    def admit(cls, realm: Realm, outlet: Outlet, frame: Frame, key_bearer: Bearer) -> Channel:
        """Check a phx_join and enter its topic.

        Raises:
            JoinRefused: with the reason for the error reply.

        """
        refusal = realm.faults.settings.refuse_join
        if refusal is not None:
            raise JoinRefused(refusal)
        join = read_join(frame)
        bearer = key_bearer
        if join.token and not join.token.startswith(NEW_KEY_PREFIX):
            try:
                bearer = bearer_of_token(realm.keys, join.token, now=realm.clock())
            except TokenRefused as error:
                raise JoinRefused(str(error)) from error
        channel = cls(realm, outlet, frame, join, bearer)
        if channel.address.private and bearer.role != SERVICE_ROLE:
            raise JoinRefused(
                f"Unauthorized: You do not have permissions to read from this Channel topic: {channel.name}"
            )
        realm.topics.add(channel.address, channel)
        realm.faults.counts.channels += 1
        return channel

    def begin(self) -> None:
        """Do what follows the join's ok: presence state, subscription to the database, watch over the token."""
        if self._presence_enabled:
            self._push("presence_state", self._realm.board.state(self.address), join_ref=self.join_ref)
        self.resubscribe()
        self._watch_token()

    def receive(self, frame: Frame) -> None:
        """Handle a frame of the client other than join and leave; unknown events get no answer, as on the real one."""
        match frame.event:
            case "broadcast":
                self._receive_broadcast(frame)
            case "presence":
                self._receive_presence(frame)
            case "access_token":
                self._receive_token(frame)
            case _:
                pass

    def hear(self, encoded: Encoded) -> None:
        """Pass on what was sent to the address; presence only where it is enabled."""
        if encoded.frame.event != "presence_diff" or self._presence_enabled:
            self._outlet.send(encoded)

    def receive_change(self, encoded: bytes, ids: Sequence[int], trace: Trace | None) -> None:
        """Send one change, with the ids of all bindings it matched."""
        payload = {"data": msgspec.Raw(encoded), "ids": ids}
        self._outlet.send(Encoded(Frame(topic=self.topic, event="postgres_changes", payload=payload)), trace)

    def resubscribe(self) -> None:
        """Ask for the database after the usual delay; a newer request replaces a waiting one."""
        self._wait_to_subscribe(self._realm.timing.system_delay)

    def subscribed(self) -> None:
        """Tell the client that changes flow from here on."""
        self.system("ok", "Subscribed to PostgreSQL", "postgres_changes")

    def subscription_failed(self, message: str, *, again: bool) -> None:
        """Tell the client that the database refused; the channel stays, and most refusals are retried."""
        self.system("error", message, "postgres_changes")
        if again:
            self._wait_to_subscribe(self._realm.timing.resubscribe_delay)

    def system(self, status: Literal["ok", "error"], message: str, extension: Extension) -> None:
        """Send a system message."""
        payload = {"message": message, "status": status, "extension": extension, "channel": self.name}
        self._push("system", payload, join_ref=self.join_ref)

    def shut(self, message: str) -> None:
        """End with a system error and phx_close; the socket stays (supabase.md 2.5)."""
        self.system("error", message, "system")
        self.close()

    def expire(self) -> None:
        """End because the token ran out."""
        self.shut(expired_text(self.bearer.expires_at, self._realm.clock()))

    def close(self) -> None:
        """Send phx_close, whose ref is the join_ref, then leave the topic."""
        self._end("phx_close")

    def crash(self) -> None:
        """Send phx_error, as when the channel's process dies."""
        self._end("phx_error")

    def release(self) -> None:
        """Leave the topic without a word: the socket is gone, or a second join takes the place."""
        if self.closed:
            return
        self.closed = True
        self._realm.faults.counts.channels -= 1
        for timer in (self._subscribing, self._expiring):
            if timer is not None:
                timer.cancel()
        self._realm.registry.remove(self)
        self._realm.topics.remove(self.address, self)
        self._publish(self._realm.board.untrack(self.address, self))

    def goodbye(self) -> Frame:
        """Return the phx_close of this channel."""
        return self._last("phx_close")

    def _end(self, event: str) -> None:
        if self.closed:
            return
        self._outlet.send(Encoded(self._last(event)))
        self._outlet.forget(self)
        self.release()

    def _last(self, event: str) -> Frame:
        return Frame(topic=self.topic, event=event, payload={}, ref=self.join_ref, join_ref=self.join_ref)

    def _push(self, event: str, payload: object, *, join_ref: Ref = None) -> None:
        self._outlet.send(Encoded(Frame(topic=self.topic, event=event, payload=payload, join_ref=join_ref)))

    def _reply_ok(self, frame: Frame) -> None:
        payload = {"status": "ok", "response": {}}
        reply = Frame(
            topic=self.topic,
            event="phx_reply",
            payload=payload,
            ref=frame.ref,
            join_ref=frame.join_ref or self.join_ref,
        )
        self._outlet.send(Encoded(reply))

    def _receive_broadcast(self, frame: Frame) -> None:
        payload = frame.payload
        if isinstance(payload, BinaryBroadcast) and payload.encoding is Encoding.JSON:
            try:
                as_text_payload(payload)
            except MalformedFrame:
                return  # over the real server a body that is no JSON reaches nobody either
        own = None if self._broadcast.own_copy else self
        self._realm.topics.send(self.address, Frame(topic=self.topic, event="broadcast", payload=payload), but=own)
        if self._broadcast.ack:  # the own copy precedes it (recorded)
            self._reply_ok(frame)

    def _receive_presence(self, frame: Frame) -> None:
        now = self._realm.clock()
        if len(self._presence_calls) == PRESENCE_CALLS and now - self._presence_calls[0] < PRESENCE_WINDOW_SECONDS:
            self.shut("ClientPresenceRateLimitReached: Too many presence messages")
            return
        self._presence_calls.append(now)
        payload = frame.payload if isinstance(frame.payload, Mapping) else {}
        board, difference = self._realm.board, None
        if str(payload.get("event")).lower() == "track":
            self._presence_enabled = True
            state = payload.get("payload")
            meta = state if isinstance(state, Mapping) else {}
            difference = board.track(self.address, self, self._presence_key, meta)
        else:
            difference = board.untrack(self.address, self)
        self._reply_ok(frame)
        self._publish(difference)

    def _publish(self, difference: Difference | None) -> None:
        if difference is not None:
            payload = {"joins": difference.joins, "leaves": difference.leaves}
            self._realm.topics.send(self.address, Frame(topic=self.topic, event="presence_diff", payload=payload))

    def _receive_token(self, frame: Frame) -> None:
        """Take a refreshed token: no reply, but subscriptions are made anew; a bad one shuts the channel (recorded)."""
        token = frame.payload.get("access_token") if isinstance(frame.payload, Mapping) else None
        if not isinstance(token, str) or token.startswith(NEW_KEY_PREFIX) or token == self._token:
            return
        try:
            self.bearer = bearer_of_token(self._realm.keys, token, now=self._realm.clock())
        except TokenRefused as error:
            self.shut(error.text)
            return
        self._token = token
        self.resubscribe()
        self._watch_token()

    def _wait_to_subscribe(self, delay: float) -> None:
        if self._subscribing is not None:
            self._subscribing.cancel()
        if self.bindings:
            self._subscribing = self._realm.later(delay, lambda: self._realm.subscribe(self))

    def _watch_token(self) -> None:
        if self._expiring is not None:
            self._expiring.cancel()
            self._expiring = None
        expires_at = self.bearer.expires_at
        if expires_at is None or self.closed:
            return
        left = expires_at - self._realm.clock()
        if left <= 0:
            self.expire()
            return
        self._expiring = self._realm.later(min(left, self._realm.timing.token_check), self._watch_token)
